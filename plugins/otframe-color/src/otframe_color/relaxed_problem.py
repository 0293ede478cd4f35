"""The relaxed and regularised transport problem between two palettes: its graph, objective, dual and feasible plans."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch

__all__ = ["Problem", "neighbours"]

Norm = Literal["absolute", "squared"]

_SHORTEST = 0.1
"""Edges count as at least this part of the median edge long: palettes may have colours that all but coincide."""


@dataclass(frozen=True, eq=False)
class Problem:
    r"""Plans `a_i S_ij` whose rows S are shares, with columns between bounds, of a cost and a variation:

    .. math:: \min_S \; \sum_{ij} a_i S_{ij} |x_i - y_j|^2 + \lambda \sum_e |s_e (V_i - V_k)|, \qquad V = S y - x

    over edges e = (i, k) of the graph, absolute values summed over coordinates, or squares.

    Parameters
    ----------
    x, y : torch.Tensor
        Shapes `(n, d)` and `(m, d)`, float64, in units of their spread about a common centre.
    a : torch.Tensor
        Shape `(n,)`, sum 1.
    low, high : torch.Tensor
        Shape `(m,)`: the bounds of the mass that each y takes; their sums lie on both sides of 1.
    edges : torch.Tensor
        Shape `(2, e)`: pairs of numbers of x.
    strength : float
        lambda, 0 or more.
    norm : str
        `absolute` or `squared`.
    """

    x: torch.Tensor
    y: torch.Tensor
    a: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor
    edges: torch.Tensor
    strength: float
    norm: Norm = "absolute"

    @cached_property
    def costs(self) -> torch.Tensor:
        """`a_i |x_i - y_j|^2`, `(n, m)`."""
        squares = self.x.square().sum(1)[:, None] + self.y.square().sum(1) - 2 * self.x @ self.y.T
        return squares.clamp_(min=0) * self.a[:, None]

    @cached_property
    def scales(self) -> torch.Tensor:
        """s, `(e,)`: the variation is a mean over edges of slopes, or of squared slopes; edges count by mass."""
        if not self.edges.numel():
            return self.a.new_zeros(0)
        first, second = self.edges
        lengths = torch.linalg.vector_norm(self.x[first] - self.x[second], dim=1)
        shortest = _SHORTEST * lengths.median()
        lengths = torch.where(lengths > shortest, lengths, shortest)
        mass = self.a[first] + self.a[second]
        mass = mass / mass.sum()
        inverse = torch.where(lengths > 0, 1 / torch.where(lengths > 0, lengths, torch.ones_like(lengths)), 0.0)
        return mass * inverse if self.norm == "absolute" else mass.sqrt() * inverse

    @cached_property
    def offset(self) -> torch.Tensor:
        """What the edges say of x, `(e, d)`."""
        return self.along(self.x)

    def along(self, values: torch.Tensor) -> torch.Tensor:
        """Scaled differences along the edges, `(e, d)`."""
        return (values[self.edges[0]] - values[self.edges[1]]) * self.scales[:, None]

    def back(self, flows: torch.Tensor) -> torch.Tensor:
        """The transpose of `along`, `(n, d)`."""
        scaled = flows * self.scales[:, None]
        return torch.zeros_like(self.x).index_add_(0, self.edges[0], scaled).index_add_(0, self.edges[1], -scaled)

    def variation(self, shares: torch.Tensor) -> float:
        """The variation of the displacement over the graph, without its weight."""
        steps = self.along(shares @ self.y) - self.offset
        return float((steps.abs() if self.norm == "absolute" else steps.square()).sum())

    def cost(self, shares: torch.Tensor) -> float:
        """The cost of a plan alone."""
        return float((self.costs * shares).sum())

    def primal(self, shares: torch.Tensor) -> float:
        """The objective, of shares that keep the bounds."""
        return self.cost(shares) + self.strength * self.variation(shares)

    def prices(self, columns: torch.Tensor, flows: torch.Tensor) -> torch.Tensor:
        """What each share costs once the dual variables are paid, `(n, m)`."""
        return self.costs + self.a[:, None] * columns + self.back(flows) @ self.y.T

    def dual(self, columns: torch.Tensor, flows: torch.Tensor) -> float:
        """The dual objective: no plan costs less. Flows are within their bounds."""
        paid = float(self.prices(columns, flows).amin(1).sum())
        bounds = float(torch.where(columns > 0, columns * self.high, columns * self.low).sum())
        paid -= bounds + float((self.offset * flows).sum())
        if self.norm == "squared" and self.strength > 0:
            paid -= float(flows.square().sum()) / (4 * self.strength)
        return paid

    def feasible(self, shares: torch.Tensor) -> torch.Tensor:
        """Shares that keep the bounds, near given ones: what a column has too much goes where there is too little."""
        plan = shares * self.a[:, None]
        mass = plan.sum(0)
        inside = torch.minimum(torch.maximum(mass, self.low), self.high)
        wanted = inside + _spread(1 - inside.sum(), inside - self.low, self.high - inside)
        kept = torch.minimum(wanted, mass)
        plan = plan * torch.where(mass > 0, kept / torch.where(mass > 0, mass, torch.ones_like(mass)), 0.0)
        missing, room = (self.a - plan.sum(1)).clamp_(min=0), (wanted - kept).clamp_(min=0)
        total = room.sum()
        if bool(total > 0):
            plan = plan + missing[:, None] * (room / total)
        return plan / plan.sum(1, keepdim=True)


def _spread(total: torch.Tensor, below: torch.Tensor, above: torch.Tensor) -> torch.Tensor:
    """A mass, which may be negative, spread by the room there is for it."""
    room = above if bool(total > 0) else below
    whole = room.sum()
    return room * (total / whole) if bool(whole > 0) else torch.zeros_like(room)


def neighbours(x: torch.Tensor, count: int) -> torch.Tensor:
    """Pairs `(2, e)` of points of which one is among the `count` nearest of the other; each pair once."""
    n = len(x)
    count = min(count, n - 1)
    if count < 1:
        return torch.zeros((2, 0), dtype=torch.int64, device=x.device)
    squares = x.square().sum(1)
    apart = squares[:, None] + squares - 2 * x @ x.T
    apart.fill_diagonal_(torch.inf)
    near = apart.topk(count, dim=1, largest=False).indices
    own = torch.arange(n, device=x.device)[:, None].expand_as(near)
    low, high = torch.minimum(own, near).reshape(-1), torch.maximum(own, near).reshape(-1)
    codes = torch.unique(low * n + high)
    return torch.stack([codes // n, codes % n])
