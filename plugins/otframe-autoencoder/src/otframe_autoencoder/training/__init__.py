"""Training of the embedded weights; see the README beside this file. Nothing here is needed to use them."""
