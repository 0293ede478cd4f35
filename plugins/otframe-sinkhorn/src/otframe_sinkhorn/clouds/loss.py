"""`point_divergence`: the Sinkhorn divergence of clouds as a function that torch differentiates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from otframe.errors import DataError
from otframe_sinkhorn.clouds.costs import CostFunction, PointCost, costs
from otframe_sinkhorn.clouds.problem import HELD, PointProblem
from otframe_sinkhorn.clouds.solve import solve_points
from otframe_sinkhorn.debiased import Debiased, between
from otframe_sinkhorn.iteration import against
from otframe_sinkhorn.logarithms import logarithm
from otframe_sinkhorn.stop import Stop, measured, once, told
from otframe_sinkhorn.symmetric import symmetric

__all__ = ["Given", "compare_points", "point_divergence", "point_loss", "posed_points"]

_PIECE = 1 << 22
"""Pairs of points that derivatives of other costs than the squared one are taken of at once."""


def compare_points(
    problem: PointProblem, stop: Stop, tell: Callable[[float], None] = lambda fraction: None
) -> tuple[Debiased, PointProblem, PointProblem]:
    """The divergences between the sources and the targets of a batch, converged or not, and the problems of each onto
    itself."""
    own = [replace(problem, x=x, y=x, a=mass, b=mass) for x, mass in ((problem.x, problem.a), (problem.y, problem.b))]
    alone = [symmetric(one, stop.tol) for one in own]
    found = between(
        problem, alone[0], alone[1], lambda: solve_points(problem, stop.tol, stop.iterations, tell), stop.tol
    )
    return found, own[0], own[1]


def point_divergence(
    x: torch.Tensor,
    y: torch.Tensor,
    a: torch.Tensor | None = None,
    b: torch.Tensor | None = None,
    *,
    blur: float,
    cost: PointCost | CostFunction = "squared",
    reach: float | None = None,
    held: int = HELD,
    stop: Stop = Stop(),  # noqa: B008 - frozen
) -> torch.Tensor:
    """The Sinkhorn divergence of clouds [feydy2019interpolating]_, differentiable in points and weights.

    The derivatives are those of the solved problem, by the envelope theorem: nothing is unrolled, and they are as exact
    as the potentials. They can be taken once.

    Parameters
    ----------
    x, y : torch.Tensor
        Points `(B, n, d)` and `(B, m, d)`, finite.
    a, b : torch.Tensor, optional
        Weights `(B, n)` and `(B, m)`: not negative, somewhere positive; uniform of sum 1 where absent. Without a reach
        each is brought to sum 1.
    blur, reach : float
        As for `sinkhorn.points`, in the units of the points.
    cost : str or callable
        `squared`, `absolute`, `distance`, or a function of points `(n, d)` and `(m, d)` that gives costs `(n, m)`,
        is symmetric, and is differentiated by torch.
    held : int
        Up to so many pairs of points, n m, matrices of all pairs are held.
    stop : Stop
        When to stop.

    Returns
    -------
    torch.Tensor
        `(B,)`, of the type of `x`: 0 or more, in units of the cost.

    Raises
    ------
    DataError
        The clouds do not fit, or are not finite.
    ConvergenceError
        The iterations were used up.
    """
    given, problem, unit = posed_points(x, y, a, b, blur, cost, reach, held)
    return (point_loss(given, problem, stop) * unit).to(x.dtype)


Given = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def posed_points(
    x: torch.Tensor,
    y: torch.Tensor,
    a: torch.Tensor | None,
    b: torch.Tensor | None,
    blur: float,
    cost: PointCost | CostFunction,
    reach: float | None,
    held: int = HELD,
) -> tuple[Given, PointProblem, float]:
    """Points and masses as they are compared, the problem of their values, and the unit of its cost."""
    if x.ndim != 3 or y.ndim != 3 or x.shape[0] != y.shape[0] or x.shape[2] != y.shape[2] or 0 in (*x.shape, *y.shape):
        raise DataError(f"wanted points (B, n, d) and (B, m, d), got {tuple(x.shape)}, {tuple(y.shape)}")
    masses = []
    for points, mass in ((x, a), (y, b)):
        mass = points.new_ones(points.shape[:2]) / points.shape[1] if mass is None else mass
        if mass.shape != points.shape[:2]:
            raise DataError(
                f"points {tuple(points.shape)} have weights {tuple(points.shape[:2])}, got {tuple(mass.shape)}"
            )
        if not bool(torch.isfinite(points).all()):
            raise DataError("wanted finite points, got NaN or infinity")
        masses.append(measured(mass, reach is not None))
    centre, scale = (0.0, 1.0) if callable(cost) else _frame(x, y)
    given = (x.double() - centre) / scale, (y.double() - centre) / scale, masses[0], masses[1]
    still = tuple(part.detach() for part in given)
    lengths = blur / scale, None if reach is None else reach / scale
    problem = PointProblem(still[0], still[1], still[2], still[3], lengths[0], cost, lengths[1], held)
    return given, problem, scale**2 if cost == "squared" else scale


def _frame(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, float]:
    """The middle `(d,)` of all points and their spread: in these units neither origin nor scale costs digits."""
    corners = torch.cat([points.detach().double().flatten(0, 1) for points in (x, y)])
    low, high = corners.amin(0), corners.amax(0)
    half = float((high / 2 - low / 2).amax())
    return low / 2 + high / 2, half if half > 0 else 1.0


def point_loss(given: Given, problem: PointProblem, stop: Stop) -> torch.Tensor:
    """The divergences `(B,)` of posed clouds, differentiable in them; `ConvergenceError` where one is not found."""
    made: torch.Tensor = _OfPoints.apply(*given, problem, stop)  # type: ignore[no-untyped-call]
    return made


class _OfPoints(torch.autograd.Function):
    """Divergences of clouds with normalised weights."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        y: torch.Tensor,
        a: torch.Tensor,
        b: torch.Tensor,
        problem: PointProblem,
        stop: Stop,
    ) -> torch.Tensor:
        found, source, target = compare_points(problem, stop)
        told(found, stop)
        moved: list[torch.Tensor | None] = [None, None]
        if ctx.needs_input_grad[0]:
            moved[0] = _pull(problem, found.f, found.g, False) - _pull(source, found.p, found.p, False)
        if ctx.needs_input_grad[1]:
            moved[1] = _pull(problem, found.g, found.f, True) - _pull(target, found.q, found.q, False)
        ctx.save_for_backward(*moved, *found.by_masses(problem.eps, problem.rho))
        return found.values

    @staticmethod
    def backward(ctx: Any, outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        once()
        made = [part if part is None else against(outer, part) * part for part in ctx.saved_tensors]
        return (*made, None, None)


def _pull(problem: PointProblem, near: torch.Tensor, far: torch.Tensor, across: bool) -> torch.Tensor:
    """The derivatives of the plan's cost in the places of the sources, or, `across`, of the targets: `(B, n, d)`.

    The plan is that of the potentials `near`, of what is moved, and `far`.
    """
    x, y, mass, other = problem.x, problem.y, problem.a, problem.b
    if across:
        x, y, mass, other = y, x, other, mass
    # what leaves each point of an optimal plan
    left = mass if problem.reach is None else mass * torch.exp(-near / problem.rho)
    v = far / problem.eps + logarithm(other)
    made = []
    for k, kernel in enumerate(problem.kernels):
        if problem.cost == "squared":
            made.append(2 * left[k, :, None] * (x[k] - kernel.means(v[k], y[k], across)))
        else:
            made.append(_by_pieces(problem, x[k], y[k], left[k], v[k], across))
    return torch.stack(made)


def _by_pieces(
    problem: PointProblem, x: torch.Tensor, y: torch.Tensor, left: torch.Tensor, v: torch.Tensor, across: bool
) -> torch.Tensor:
    """The same for one problem with any cost."""
    made = []
    step = max(1, _PIECE // len(y))
    for rows, mass in zip(torch.split(x, step), torch.split(left, step), strict=True):
        with torch.enable_grad():
            places = rows.detach().requires_grad_()
            apart = costs(y, places, problem.cost).T if across else costs(places, y, problem.cost)
            shares = torch.softmax(v - apart.detach() / problem.eps, 1) * mass[:, None]
            made.append(torch.autograd.grad((shares * apart).sum(), places)[0])
    return torch.cat(made)
