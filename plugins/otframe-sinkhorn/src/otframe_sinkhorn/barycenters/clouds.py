r"""The barycentre of clouds, as `sinkhorn.barycenter` gives it: points that move to where entropic plans take them.

With the barycentric maps `T_k` of the plans from the points X to the clouds, and `T_X` of that to themselves,

.. math:: X \leftarrow \sum_k w_k T_k(X) \quad\text{(plain)}, \qquad
          X \leftarrow X + \sum_k w_k T_k(X) - T_X(X) \quad\text{(debiased)}.

The gradient of `OT_eps(X, a_k)` at a point of mass m is `2 m (x - T_k(x))` [cuturi2014fast]_, so that the first is a
step down the gradient of `sum_k w_k OT_eps(X, a_k)`, and the second one of the same length down that of the sum of
divergences. Steps have momentum, since what is finer than the blur moves slowly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from otframe.errors import DataError
from otframe.interfaces import Context
from otframe.values import PointCloud, SolveInfo
from otframe_sinkhorn.barycenters.plans import Masses, Plans
from otframe_sinkhorn.barycenters.value import CloudBarycenter

__all__ = ["cloud_barycenter"]

_FINER, _ROUGH = 0.1, 1e-3
"""Plans are solved to this part of the last move, and to this error at the start."""
_GROWN = 1.5
"""A move so many times the least one is a sign of too much momentum."""
_MOST = 1000
"""Iterations of a plan in a step: the next step goes on from there."""
_WIDEST = 1e150
"""Beyond this squared distances leave float64."""

Weighted = Sequence[tuple[float, PointCloud]]


def cloud_barycenter(
    clouds: Weighted,
    blur: float,
    of_side: bool,
    debiased: bool,
    count: int | None,
    tol: float,
    iterations: int,
    ctx: Context,
) -> CloudBarycenter:
    """The barycentre of clouds with weights of sum 1; `blur` is in units of the points, or `of_side`, of all clouds'.

    Whether it converged is said by its `info`. `DataError` where a cloud has another dimension than the first, is not
    finite, or has no mass.
    """
    given = [_checked(cloud, clouds[0][1]) for _, cloud in clouds]
    middle, side = _box(given)
    inside = [Masses((cloud.points - middle) / side, cloud.masses) for cloud in given]
    kept = [(weight, cloud) for (weight, _), cloud in zip(clouds, inside, strict=True) if weight > 0.0]
    start = max(kept, key=lambda pair: pair[0])[1]
    x = reached = start if count is None else _drawn(start, count, ctx.rng)
    plans, momentum = Plans(kept, blur if of_side else blur / side, _MOST), _Momentum(x)
    residual, wrong = 1.0, 1.0
    for step in range(1, iterations + 1):
        ctx.progress(step / (iterations + 1), "")
        wanted = max(_FINER * tol, min(_ROUGH, _FINER * residual))
        goal, wrong = plans.mean(x, wanted)
        origin, other = plans.of_itself(x, wanted) if debiased else (x.points, 0.0)
        move, wrong = goal - origin, max(wrong, other)
        reached = Masses(x.points + move, x.masses)
        residual = _part(move, reached)
        if residual < tol and wrong < tol:
            break
        x = momentum.beyond(reached, move)
    info = SolveInfo(step, residual < tol and wrong < tol, max(residual, wrong))
    return CloudBarycenter(middle + side * reached.points, reached.masses, info)


class _Momentum:
    """Goes further the way that the steps have gone, until one would go back [odonoghue2015adaptive]_.

    The debiased steps are not always short enough for it: where they grow, it goes half as far from then on.
    """

    def __init__(self, x: Masses) -> None:
        self.last, self.steps, self.most, self.least = x.points, 0, 1.0, math.inf

    def beyond(self, reached: Masses, move: torch.Tensor) -> Masses:
        """Where the next step starts, from where the last one came by a move `(n, d)`."""
        way, masses = reached.points - self.last, reached.masses[:, None]
        length = float((masses * move.square()).sum().sqrt())
        if length > _GROWN * self.least:
            self.most, self.least, self.steps = self.most / 2, length, 0
        if float((masses * move * way).sum()) < 0:
            self.steps = 0
        part = min(self.most, self.steps / (self.steps + 3))
        self.last, self.steps, self.least = reached.points, self.steps + 1, min(self.least, length)
        return Masses(reached.points + part * way, reached.masses)


def _checked(cloud: PointCloud, first: PointCloud) -> Masses:
    """The points that have mass, in float64, with masses of sum 1, on the device of the first cloud."""
    if cloud.dim != first.dim:
        raise DataError(
            f"wanted clouds of one dimension, got {first.dim} and {cloud.dim}",
            hint="a barycentre is between points of one space",
        )
    points = cloud.points.detach().to(first.points.device).double()
    weights = torch.ones_like(points[:, 0]) if cloud.weights is None else cloud.weights.detach().to(points)
    if not (bool(torch.isfinite(points).all()) and bool(torch.isfinite(weights).all())):
        raise DataError("wanted finite points and weights, got NaN or infinity", hint="leave out what is not finite")
    if bool((weights < 0).any()) or not bool((weights > 0).any()):
        raise DataError(
            f"wanted weights that are not negative and not all zero, got {float(weights.min()):g} to "
            f"{float(weights.max()):g}",
            hint="leave them out for equal ones",
        )
    weights = weights / weights.max()
    held = weights > 0
    points, weights = points[held], weights[held]
    return Masses(points, weights / weights.sum())


def _box(clouds: Sequence[Masses]) -> tuple[torch.Tensor, float]:
    """The middle `(d,)` and the longest side of the box around all points; 1 where that is a point."""
    held = torch.cat([cloud.points for cloud in clouds])
    low, high = held.amin(0), held.amax(0)
    half = float((high / 2 - low / 2).amax())
    if not half < _WIDEST:
        raise DataError(
            f"the points lie {2 * half:.3g} apart: their squared distances leave float64",
            hint="give the points in other units",
        )
    return low / 2 + high / 2, 2 * half or 1.0


def _drawn(cloud: Masses, count: int, rng: torch.Generator) -> Masses:
    """So many points of equal masses, drawn by mass, evenly."""
    levels = (torch.arange(count, dtype=torch.float64) + torch.rand(count, generator=rng, dtype=torch.float64)) / count
    order = torch.randperm(len(cloud.points), generator=rng).to(cloud.points.device)
    index = torch.searchsorted(cloud.masses[order].cumsum(0), levels.to(cloud.points)).clamp_(max=len(order) - 1)
    points = cloud.points[order[index]]
    return Masses(points, torch.full_like(points[:, 0], 1 / count))


def _part(move: torch.Tensor, x: Masses) -> float:
    """The length of a move, root mean square, as a part of the spread of the points; 0 where nothing moves."""
    masses = x.masses[:, None]
    length = float((masses * move.square()).sum().sqrt())
    spread = float((masses * (x.points - (masses * x.points).sum(0)).square()).sum().sqrt())
    # the box around all clouds has the side 1
    return 0.0 if length < 1e-14 else length / max(spread, length)
