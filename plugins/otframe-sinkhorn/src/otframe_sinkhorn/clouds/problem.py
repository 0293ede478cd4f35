"""`PointProblem`: transport between weighted points, for batches, as the relaxed iteration takes it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from otframe_sinkhorn.clouds.costs import CostFunction, PointCost, costs, in_units_of_cost
from otframe_sinkhorn.clouds.held import HeldKernel
from otframe_sinkhorn.clouds.streamed import StreamedKernel

__all__ = ["HELD", "PointProblem"]

HELD = 1 << 24
"""Pairs of points of which a matrix may be held: some 16 bytes each."""


@dataclass(frozen=True, eq=False)
class PointProblem:
    """Transport between clouds, a batch of clouds of one size.

    Parameters
    ----------
    x, y : torch.Tensor
        Shapes `(B, n, d)` and `(B, m, d)`, float64.
    a, b : torch.Tensor
        Masses, shapes `(B, n)` and `(B, m)`, float64, not negative: of sum 1 each, unless there is a reach.
    blur : float
        The length below which nothing is told apart, in the units of the points: `eps` is `2 blur^2` for the squared
        cost, and `blur` for the others; a cost function's is in its own units.
    cost : str or callable
        `squared`, `absolute`, `distance`, or a function of points `(n, d)` and `(m, d)` that gives costs `(n, m)`.
    reach : float, optional
        The length beyond which mass is rather made or destroyed; balanced where absent.
    held : int
        Up to so many pairs of points, n m, a matrix of all pairs is held, some 16 bytes each.
    """

    x: torch.Tensor
    y: torch.Tensor
    a: torch.Tensor
    b: torch.Tensor
    blur: float
    cost: PointCost | CostFunction = "squared"
    reach: float | None = None
    held: int = HELD

    @property
    def eps(self) -> float:
        """Regularisation in units of the cost."""
        return in_units_of_cost(self.blur, self.cost)

    @property
    def rho(self) -> float:
        """The price of a unit of mass that is made or destroyed, in units of the cost; else infinite."""
        return math.inf if self.reach is None else in_units_of_cost(self.reach, self.cost)

    @property
    def damping(self) -> float:
        """What the price leaves of each update: 1 where mass is kept."""
        return 1.0 if self.reach is None else self.rho / (self.rho + self.eps)

    @cached_property
    def side(self) -> float:
        """The longest side of the box around all points, or the largest cost for a cost function."""
        if callable(self.cost):
            return max(float(kernel.costs.amax()) * self.eps for kernel in self.kernels)  # type: ignore[union-attr]
        low = torch.minimum(self.x.amin((0, 1)), self.y.amin((0, 1)))
        high = torch.maximum(self.x.amax((0, 1)), self.y.amax((0, 1)))
        return float((high - low).amax())

    @property
    def largest(self) -> float:
        """The limit of the relaxation factor: that of uniform masses on the whole box, whose rate is known."""
        share = min(1.0, self.blur / max(self.side, self.blur))
        share = share if self.cost == "squared" else math.sqrt(share)
        return 2 / (1 + min(1.0, 0.8 * math.pi * share))

    @cached_property
    def kernels(self) -> list[HeldKernel | StreamedKernel]:
        """The soft minima of each problem."""
        made: list[HeldKernel | StreamedKernel] = []
        for x, y in zip(self.x, self.y, strict=True):
            if callable(self.cost) or len(x) * len(y) <= self.held:
                made.append(HeldKernel(costs(x, y, self.cost) / self.eps))
            else:
                made.append(StreamedKernel(x, y, self.eps, self.cost, self.held))
        return made

    def to_source(self, v: torch.Tensor, at: Sequence[int]) -> torch.Tensor:
        """`log sum_y exp(v(y) - c(x, y) / eps)` for the problems `at`, `(len(at), m)` to `(len(at), n)`."""
        return torch.stack([self.kernels[k].to_source(row) for k, row in zip(at, v, strict=True)])

    def to_target(self, v: torch.Tensor, at: Sequence[int]) -> torch.Tensor:
        """`log sum_x exp(v(x) - c(x, y) / eps)` for the problems `at`, `(len(at), n)` to `(len(at), m)`."""
        return torch.stack([self.kernels[k].to_target(row) for k, row in zip(at, v, strict=True)])
