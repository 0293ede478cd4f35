"""`symmetric`: the potential of entropic transport of a measure onto itself, where both potentials are one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from otframe_sinkhorn.iteration import Halves
from otframe_sinkhorn.logarithms import logarithm

__all__ = ["Symmetric", "symmetric"]

_GOAL = 1e-11
_MOST = 500
_FAR, _NEAR = 0.5, 2 / 3
"""How far to go. Near the end the plain update multiplies the error by numbers in [-1, 0]: two thirds of the way shrink
it to a third; half of the way never overshoots, wherever it begins [feydy2019interpolating]_."""
_CLOSE = 0.3
_LARGE = 50.0
"""Exponents of errors are not followed beyond this."""


@dataclass(frozen=True)
class Symmetric:
    """What `symmetric` finds for a batch.

    Parameters
    ----------
    p : torch.Tensor
        The potentials where the masses lie, `(B, ...)`: what is in the values.
    updated : torch.Tensor
        Their update, which equals them but for the residual and is right also where there is no mass.
    total : torch.Tensor
        The mass of the plan of `p` with itself, `(B,)`.
    residuals : list of float
        Error of its marginal in L1, relative to the mass.
    iterations : int
        For all of the batch.
    """

    p: torch.Tensor
    updated: torch.Tensor
    total: torch.Tensor
    residuals: list[float]
    iterations: int


def symmetric(problem: Halves, tol: float, goal: float = _GOAL) -> Symmetric:
    """Solve problems whose source is their target to a marginal error of `goal`, or of less where `tol` is less.

    The update is not expansive, and half of the way to it a contraction wherever there is mass: no levels are needed.
    """
    mass, log_mass = problem.a, logarithm(problem.a)
    axes = tuple(range(1, mass.ndim))
    at, scale = range(len(mass)), problem.damping * problem.eps
    p = torch.zeros_like(mass)
    goal = min(goal, tol)
    best = math.inf
    since = 0
    for number in range(1, _MOST + 1):
        updated = problem.to_source(p / problem.eps + log_mass, at).mul_(-scale)
        # the marginal is what it should be times exp(over)
        over = torch.where(mass > 0, (p - updated) / scale, 0.0).clamp(max=_LARGE)
        should = mass if math.isinf(problem.rho) else _kept(mass, log_mass, p, problem.rho)
        errors = (should * torch.expm1(over)).abs().sum(axes) / should.sum(axes)
        worst = float(errors.max())
        since = 0 if worst < 0.7 * best else since + 1
        best = min(best, worst)
        if worst < goal or since > 12 or number == _MOST:
            break
        p = torch.lerp(p, updated, _NEAR if worst < _CLOSE else _FAR)
    return Symmetric(p, updated, (should * torch.exp(over)).sum(axes), [float(error) for error in errors], number)


def _kept(mass: torch.Tensor, log_mass: torch.Tensor, p: torch.Tensor, rho: float) -> torch.Tensor:
    """The marginal that a price on mass asks for: `mass exp(-p / rho)`."""
    return torch.where(mass > 0, torch.exp(log_mass - p / rho), 0.0)
