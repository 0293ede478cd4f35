"""Entropic transport between clouds of points."""
