"""Autoencoders: `autoencoder.klt`, `.tiny`, `.taesd` and `.kl`."""

from __future__ import annotations

from otframe.plugin import Entry, hookimpl


@hookimpl
def otframe_components() -> list[Entry]:
    """The autoencoders of this plugin."""
    here = "otframe_autoencoder"
    return [
        Entry("autoencoder.klt", f"{here}.klt:Klt", "model", "orthonormal KLT of 8 x 8 blocks, 32 channels, unlearned"),
        Entry("autoencoder.tiny", f"{here}.tiny:Tiny", "model", "embedded, made for transport in its latent space"),
        Entry("autoencoder.taesd", f"{here}.taesd:Taesd", "model", "TAESD, TAESD3 and TAEF2 weight files"),
        Entry("autoencoder.kl", f"{here}.kl:Kl", "model", "diffusers' AutoencoderKL, from a folder or a hub"),
    ]
