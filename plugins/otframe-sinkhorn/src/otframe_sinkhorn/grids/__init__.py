"""Entropic transport between densities on grids."""
