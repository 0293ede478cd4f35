"""`GridKernel`: the soft minimum on a grid, axis by axis, since the costs are sums over the axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch

from otframe_sinkhorn.grids.axis import AbsoluteAxis, Axis, QuadraticAxis

__all__ = ["Cost", "GridKernel"]

Cost = Literal["squared", "absolute"]
"""`|x - y|^2`, or `sum_k |x_k - y_k|`."""


class GridKernel:
    """`log sum_y exp(v(y) - c(x, y) / eps)` on a grid of any number of axes, for batches.

    Parameters
    ----------
    shape : sequence of int
        Cells along each axis.
    spacing : sequence of float
        Distance between neighbours along each axis.
    eps : float
        Regularisation, in units of the cost.
    cost : str
        `squared` or `absolute`.
    """

    def __init__(
        self, shape: Sequence[int], spacing: Sequence[float], eps: float, cost: Cost, device: torch.device
    ) -> None:
        kind = QuadraticAxis if cost == "squared" else AbsoluteAxis
        made: dict[tuple[int, float], Axis] = {}
        self.eps = eps
        for n, step in zip(shape, spacing, strict=True):
            made.setdefault((n, step), kind(n, step, eps, device))
        self.axes = [made[key] for key in zip(shape, spacing, strict=True)]

    def __call__(self, v: torch.Tensor) -> torch.Tensor:
        """The soft minimum, shape `(B, *shape)` to the same, float64."""
        for number in range(len(self.axes), 0, -1):
            v = _along(self.axes[number - 1], v, number)
        return v

    def costs(self, v: torch.Tensor) -> torch.Tensor:
        """`log sum_y c(x, y) exp(v(y) - c(x, y) / eps)` for the absolute cost."""
        found = []
        for weighed in range(1, len(self.axes) + 1):
            part = v
            for number in range(len(self.axes), 0, -1):
                axis = self.axes[number - 1]
                assert isinstance(axis, AbsoluteAxis)
                part = _along(axis.costs if number == weighed else axis, part, number)
            found.append(part)
        return torch.logsumexp(torch.stack(found), 0)


def _along(change: Callable[[torch.Tensor], torch.Tensor], v: torch.Tensor, number: int) -> torch.Tensor:
    """A function of rows, used along one axis."""
    moved = v.movedim(number, -1)
    return change(moved.reshape(-1, moved.shape[-1])).reshape(moved.shape).movedim(-1, number)
