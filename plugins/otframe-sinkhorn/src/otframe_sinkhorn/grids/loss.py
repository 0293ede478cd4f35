"""`grid_divergence`: the Sinkhorn divergence of densities as a function that torch differentiates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from otframe.errors import DataError
from otframe_sinkhorn.debiased import Debiased, between
from otframe_sinkhorn.grids.batch import Batch, together
from otframe_sinkhorn.grids.kernel import Cost
from otframe_sinkhorn.grids.solve import Problem, solve
from otframe_sinkhorn.iteration import against
from otframe_sinkhorn.stop import Stop, measured, once, told
from otframe_sinkhorn.symmetric import symmetric

__all__ = ["compare_grids", "grid_divergence", "grid_loss", "grid_losses", "posed_grids"]

_OWN = 1 / 30
"""Parts of the tolerance to which `grid_losses` solves for the potentials of a measure onto itself: they come soon."""


def compare_grids(problem: Problem, stop: Stop, tell: Callable[[float], None] = lambda fraction: None) -> Debiased:
    """The divergences between the sources and the targets of a batch, converged or not."""
    own = [symmetric(replace(problem, a=mass, b=mass), stop.tol) for mass in (problem.a, problem.b)]
    return between(problem, own[0], own[1], lambda: solve(problem, stop.tol, stop.iterations, tell), stop.tol)


def grid_divergence(
    a: torch.Tensor,
    b: torch.Tensor,
    *,
    blur: float,
    spacing: Sequence[float] | None = None,
    cost: Cost = "squared",
    reach: float | None = None,
    stop: Stop = Stop(),  # noqa: B008 - frozen
) -> torch.Tensor:
    """The Sinkhorn divergence of densities on one grid [feydy2019interpolating]_, differentiable in both.

    The derivatives are those of the solved problem, by the envelope theorem: nothing is unrolled, and they are as exact
    as the potentials. They can be taken once.

    Parameters
    ----------
    a, b : torch.Tensor
        Masses `(B, *shape)` on a grid of one to three axes: not negative, somewhere positive. Without a reach each is
        brought to sum 1.
    blur, reach : float
        As for `sinkhorn.grid`, in units of the spacing.
    spacing : sequence of float, optional
        Distance between neighbours along each axis; where absent, the longest side has length 1.
    cost : str
        `squared` or `absolute`.
    stop : Stop
        When to stop.

    Returns
    -------
    torch.Tensor
        `(B,)`, of the type of `a`: 0 or more, in units of the cost.

    Raises
    ------
    DataError
        The masses do not fit, or are not masses.
    ConvergenceError
        The iterations were used up.
    """
    masses, problem = posed_grids(a, b, blur, spacing, cost, reach)
    return grid_loss(masses, problem, stop).to(a.dtype)


def posed_grids(
    a: torch.Tensor, b: torch.Tensor, blur: float, spacing: Sequence[float] | None, cost: Cost, reach: float | None
) -> tuple[tuple[torch.Tensor, torch.Tensor], Problem]:
    """The masses `(B, *shape)` as they are compared, and the problem of their values; `DataError` where it is none."""
    if a.shape != b.shape or not 2 <= a.ndim <= 4:
        raise DataError(
            f"wanted two batches of densities (B, n), (B, H, W) or (B, D, H, W), got {tuple(a.shape)}, {tuple(b.shape)}"
        )
    steps = tuple(spacing) if spacing is not None else (1 / max(a.shape[1:]),) * (a.ndim - 1)
    if len(steps) != a.ndim - 1:
        raise DataError(f"a grid of {a.ndim - 1} axes has as many spacings, got {steps}")
    masses = measured(a, reach is not None), measured(b, reach is not None)
    return masses, Problem(masses[0].detach(), masses[1].detach(), steps, blur, cost, reach)


def grid_loss(masses: tuple[torch.Tensor, torch.Tensor], problem: Problem, stop: Stop) -> torch.Tensor:
    """The divergences `(B,)` of posed masses, differentiable in them; `ConvergenceError` where one is not found."""
    made: torch.Tensor = _OnGrid.apply(*masses, problem, stop)  # type: ignore[no-untyped-call]
    return made


def grid_losses(masses: tuple[torch.Tensor, torch.Tensor], problem: Problem, stop: Stop) -> torch.Tensor:
    """As `grid_loss`, all at once: quicker for many on a small grid; one by one where masses have a price."""
    if problem.reach is not None:
        return grid_loss(masses, problem, stop)
    batch = Batch(problem.a, problem.b, problem.spacing, problem.blur, problem.cost)
    made: torch.Tensor = _OnGrid.apply(*masses, batch, stop)  # type: ignore[no-untyped-call]
    return made


def _compare_batch(problem: Batch, stop: Stop) -> Debiased:
    goal = _OWN * stop.tol
    own = [symmetric(replace(problem, a=mass, b=mass), stop.tol, goal) for mass in (problem.a, problem.b)]
    return between(problem, own[0], own[1], lambda: together(problem, stop.tol, stop.iterations), stop.tol)


class _OnGrid(torch.autograd.Function):
    """Divergences of normalised densities."""

    @staticmethod
    def forward(ctx: Any, a: torch.Tensor, b: torch.Tensor, problem: Problem, stop: Stop) -> torch.Tensor:
        compare = _compare_batch if isinstance(problem, Batch) else compare_grids
        found = told(compare(problem, stop), stop)
        ctx.save_for_backward(*found.by_masses(problem.eps, problem.rho))
        return found.values

    @staticmethod
    def backward(ctx: Any, outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        once()
        return (*(against(outer, part) * part for part in ctx.saved_tensors), None, None)
