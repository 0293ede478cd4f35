"""When a divergence counts as found, what it is found between, and what is raised where it is not."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from otframe.errors import DataError, SolveError
from otframe.values import SolveInfo
from otframe_sinkhorn.debiased import Debiased
from otframe_sinkhorn.missed import missed

__all__ = ["Stop", "measured", "once", "told"]


@dataclass(frozen=True)
class Stop:
    """When iterations end: at a marginal error of `tol` in L1, or with so many of them."""

    tol: float = 1e-6
    iterations: int = 10_000


def told(found: Debiased, stop: Stop) -> Debiased:
    """The same; `ConvergenceError` where a residual is not under the tolerance, its `state` what was found."""
    late = [k for k, residual in enumerate(found.residuals) if not residual < stop.tol]
    if late:
        which = f" by {len(late)} of {len(found.residuals)} problems" if len(found.residuals) > 1 else ""
        raise missed(SolveInfo(max(found.iterations), False, max(found.residuals)), stop.tol, which).reached(found)
    return found


def measured(mass: torch.Tensor, kept: bool) -> torch.Tensor:
    """Masses `(B, ...)` in float64, of sum 1 unless they are kept as they are; `DataError` where they are none."""
    mass = mass.double()
    axes = tuple(range(1, mass.ndim))
    total = mass.detach().sum(axes)
    if mass.numel() == 0 or not bool(((mass.detach() >= 0).all() & torch.isfinite(total) & (total > 0)).all()):
        raise DataError(
            "wanted masses that are finite, not negative, and somewhere positive",
            hint="look for NaN, for negative masses, and for sums of 0",
        )
    return mass if kept else mass / mass.sum(axes, keepdim=True)


def once() -> None:
    """`SolveError` where derivatives are taken to be derived again: what they hold as fixed is not."""
    if torch.is_grad_enabled():
        raise SolveError(
            "the derivatives of a divergence can be taken once",
            hint="leave out create_graph=True; for curvature use differences of derivatives",
        )
