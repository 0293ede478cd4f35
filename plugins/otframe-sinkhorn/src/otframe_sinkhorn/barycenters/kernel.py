"""The soft minimum of barycentres: matrix products along the axes where float64 can hold the kernel.

Between the ends of the grid the kernel is `exp(-c / eps)`. While that is no smaller than some `exp(-600)`, the sum
`sum_y exp(v(y) - c(x, y) / eps)` needs one exponential and one logarithm a cell, and a matrix product along each axis;
what underflows on the way is too small to be seen. For smaller blurs every axis is done in the logarithmic domain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from otframe_sinkhorn.grids.kernel import Cost, GridKernel

__all__ = ["ProductKernel", "SoftMinimum", "soft_minimum"]

SoftMinimum = Callable[[torch.Tensor], torch.Tensor]
"""`log sum_y exp(v(y) - c(x, y) / eps)`, shape `(B, *shape)` to the same, float64."""

_RANGE = 600.0
"""The largest cost over eps: a sum is at least exp(-600) of its largest weight, and weights under exp(-745) vanish."""


def soft_minimum(
    shape: Sequence[int], spacing: Sequence[float], eps: float, cost: Cost, device: torch.device
) -> SoftMinimum:
    """The fastest exact form for a grid, a cost and a regularisation (in units of the cost)."""
    power = 2 if cost == "squared" else 1
    ends = sum(((n - 1) * step) ** power for n, step in zip(shape, spacing, strict=True))
    if ends <= _RANGE * eps:
        return ProductKernel(shape, spacing, eps, power, device)
    return GridKernel(shape, spacing, eps, cost, device)


class ProductKernel:
    """The soft minimum by one matrix product along each axis, relative to the largest weight.

    Parameters
    ----------
    shape, spacing : sequence
        Cells along each axis, and the distance between neighbours.
    eps : float
        Regularisation, in units of the cost; the cost between two ends is at most 600 times as much.
    power : int
        1 or 2: the cost is the sum of `|x_k - y_k|^power`.
    device : torch.device
        Where to compute.
    """

    def __init__(
        self, shape: Sequence[int], spacing: Sequence[float], eps: float, power: int, device: torch.device
    ) -> None:
        self.matrices = []
        for n, step in zip(shape, spacing, strict=True):
            places = torch.arange(n, dtype=torch.float64, device=device) * step
            self.matrices.append(torch.exp((places[:, None] - places).abs() ** power / -eps))

    def __call__(self, v: torch.Tensor) -> torch.Tensor:
        """The soft minimum."""
        count, shape = len(v), v.shape
        top = v.reshape(count, -1).amax(1).reshape(count, *(1 for _ in shape[1:]))
        weights = (v - top).exp_()
        for number, matrix in enumerate(self.matrices, 1):
            n = shape[number]
            if number == len(self.matrices):
                weights = weights.reshape(-1, n) @ matrix
            else:
                behind = shape[number + 1 :].numel()
                weights = torch.matmul(matrix, weights.reshape(-1, n, behind))
        return weights.reshape(shape).log_().add_(top)
