"""`by_mass`: the derivative of the dual value in the masses of one side."""

from __future__ import annotations

import torch

__all__ = ["by_mass"]

_LARGE = 650.0
"""Exponents of masses are not followed beyond this."""


def by_mass(potential: torch.Tensor, mass: torch.Tensor, other: float, eps: float, rho: float | None) -> torch.Tensor:
    """The derivative, of the shape of the mass: that at fixed potentials (envelope theorem).

    Parameters
    ----------
    potential : torch.Tensor
        Of this side, updated from the other, so that it is right also where there is no mass.
    mass : torch.Tensor
        Of this side.
    other : float
        All mass of the other side.
    eps, rho : float
        Regularisation and price of mass, in units of the cost. Without a price the derivative is given up to a
        constant, which masses of sum 1 do not see: so that its mean over the mass is 0.
    """
    if rho is None:
        return potential - (potential * mass).sum() / mass.sum()
    kept = torch.exp((-potential / rho).clamp(max=_LARGE))
    return rho * (1 - kept) - eps * (kept - other)
