"""Logarithms of masses: finite where there is none."""

from __future__ import annotations

import torch

__all__ = ["NOTHING", "logarithm"]

NOTHING = -1e30
"""The logarithm of no mass: finite, so that differences of it are no NaN."""


def logarithm(mass: torch.Tensor) -> torch.Tensor:
    """The logarithm of masses in float64, `NOTHING` where there is none."""
    mass = mass.double()
    return torch.where(mass > 0, mass.clamp(min=torch.finfo(torch.float64).tiny).log(), NOTHING)
