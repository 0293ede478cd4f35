"""The parts of `unscramble.aligned`."""
