"""Scrambling for simulation: media, and what goes wrong with calibration pictures."""
