"""The entropic map: where any point goes, of the source or not, by its soft minimum [pooladian2021entropic]_."""

from __future__ import annotations

import torch
from torch.utils.checkpoint import checkpoint

from otframe_sinkhorn.clouds.costs import costs
from otframe_sinkhorn.clouds.pose import Posed
from otframe_sinkhorn.clouds.streamed import StreamedKernel

__all__ = ["entropic_map"]

_PIECE = 1 << 20
"""Pairs of points that are looked at at once."""
_MANY = 1 << 22
"""More pairs than these are streamed, unless gradients are asked for."""


def entropic_map(posed: Posed, v: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """Means of the target's points with weights `exp(v(y) - c(x, y) / eps)` at any x.

    Parameters
    ----------
    posed : Posed
        The problem.
    v : torch.Tensor
        Shape `(m,)`: `g / eps + log b`.
    points : torch.Tensor
        Shape `(k, d)`: x. Gradients pass to them, at the cost of computing the weights twice.

    Returns
    -------
    torch.Tensor
        `(k, d)`, of the type and on the device of the points.
    """
    if len(points) == 0:
        return points
    problem, places = posed.problem, posed.problem.y[0]
    x = posed.inside(points.to(places.device))

    def moved(some: torch.Tensor) -> torch.Tensor:
        if problem.cost != "squared":
            return torch.softmax(v - costs(some, places, problem.cost) / problem.eps, 1) @ places
        # |x|^2 is the same for all y
        middle = some.detach().median(0).values
        far = places - middle
        return torch.softmax(v + (2 * (some - middle) @ far.T - far.square().sum(1)) / problem.eps, 1) @ places

    if points.requires_grad and torch.is_grad_enabled():
        parts = [checkpoint(moved, some, use_reentrant=False) for some in _pieces(x, len(v))]
    elif len(x) * len(v) > _MANY and not callable(problem.cost):
        kernel = StreamedKernel(x, places, problem.eps, problem.cost, 0)
        parts = [kernel.means(v, places, across=False)]
    else:
        parts = [moved(some) for some in _pieces(x, len(v))]
    return posed.outside(torch.cat(parts)).to(points)


def _pieces(x: torch.Tensor, width: int) -> tuple[torch.Tensor, ...]:
    return torch.split(x, max(1, _PIECE // width))
