"""Entropic barycentres of densities and of clouds."""
