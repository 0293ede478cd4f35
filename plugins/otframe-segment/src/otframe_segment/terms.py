"""What binds the histograms of soft regions: transports from a region to an exemplar, or to another region."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

__all__ = ["Slot", "Term"]

Slot = tuple[int, int]
"""A region of an image: the image's number and the region's."""

_FLOOR = 1e-7
"""Masses below this count as this, so that logarithms are finite."""


@dataclass(eq=False)
class Term:
    r"""The least cost of moving a region's histogram into the capacities of colours.

    .. math:: T(z, q) = \min_{P \ge 0} \sum_{ij} P_{ij} C_{ij} + \sum_i (z_i - \sum_j P_{ij}), \quad
              \sum_j P_{ij} \le z_i, \; \sum_i P_{ij} \le q_j

    which is convex and of degree 1 in `(z, q)`. Mass that finds no room costs 1, which is the most that a colour
    costs. Its dual is a price `g >= 0` for each colour that is offered,

    .. math:: T(z, q) = \max_{g \ge 0} \sum_i z_i f_i(g) - \sum_j q_j g_j, \quad
              f_i(g) = \min(1, \min_j C_{ij} + g_j)

    so that what a region pays for a pixel depends on the pixel's colour alone.

    Parameters
    ----------
    cost : torch.Tensor
        Shape `(M, m)`, float64, in [0, 1]: from every colour to those that are offered.
    source : Slot
        Whose histogram is moved.
    capacity : float
        How often the offered mass may be used.
    exemplar : torch.Tensor, optional
        Shape `(m,)`, of sum 1: what is offered to a region of mass 1.
    target : Slot, optional
        The region whose histogram is offered, where there is no exemplar; then `m = M`.
    waste : float
        What mass costs that finds no room, at most 1; in the formulas above, 1.
    weight : float
        What the whole counts in the energy.
    """

    cost: torch.Tensor
    source: Slot
    capacity: float
    exemplar: torch.Tensor | None = None
    target: Slot | None = None
    waste: float = 1.0
    weight: float = 1.0
    prices: torch.Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.prices = torch.zeros_like(self.cost[0])

    def offered(self, histograms: dict[Slot, torch.Tensor]) -> torch.Tensor:
        """The room for each colour, `(m,)`."""
        if self.exemplar is None:
            assert self.target is not None
            return self.capacity * histograms[self.target]
        return self.capacity * histograms[self.source].sum() * self.exemplar

    def add_prices(self, into: dict[Slot, torch.Tensor], blur: float) -> None:
        """Add what a pixel of each colour costs its region; `blur = 0` gives the exact potentials."""
        total = self.cost + self.prices
        if blur > 0:
            soft = -blur * torch.logsumexp(total / -blur, dim=1)
            potential = -blur * torch.logaddexp(soft / -blur, soft.new_full((), -self.waste / blur))
        else:
            potential = total.amin(1).clamp(max=self.waste)
        into[self.source] += self.weight * potential
        if self.exemplar is None:
            assert self.target is not None
            into[self.target] -= self.weight * self.capacity * self.prices
        else:
            into[self.source] -= self.weight * self.capacity * (self.exemplar * self.prices).sum()

    def plan(self, histograms: dict[Slot, torch.Tensor], blur: float) -> torch.Tensor:
        """What the prices make of a histogram, `(M, m)`: each colour goes where it costs least, up to the blur."""
        total = (self.cost + self.prices) / -blur
        top = torch.cat([total, total.new_full((len(total), 1), -self.waste / blur)], 1)
        return torch.softmax(top, 1)[:, :-1] * histograms[self.source][:, None].clamp(min=0)

    def ascend(self, histograms: dict[Slot, torch.Tensor], blur: float, step: float) -> None:
        """Raise the price of colours that are used beyond their room, and lower it where room is left."""
        used = self.plan(histograms, blur).sum(0)
        room = self.offered(histograms).clamp(min=0)
        change = torch.log((used + _FLOOR) / (room + _FLOOR))
        self.prices = (self.prices + blur * step * change).clamp_(0, self.waste)

    def value(self, histograms: dict[Slot, torch.Tensor], blur: float) -> float:
        """The cost of a plan that keeps to all bounds: no less than `T`."""
        plan = self.plan(histograms, blur)
        room = self.offered(histograms).clamp(min=0)
        used = plan.sum(0)
        plan = plan * (room / used.clamp(min=1e-300)).clamp(max=1)
        left = (histograms[self.source] - plan.sum(1)).clamp(min=0)
        rest = (room - plan.sum(0)).clamp(min=0)
        share = 1 / torch.maximum(rest.sum(), left.sum()).clamp(min=1e-300)
        more = left[:, None] * rest * share
        outside = (left.sum() - more.sum()).clamp(min=0)
        spent = (plan * self.cost).sum() + (more * self.cost.clamp(max=self.waste)).sum() + self.waste * outside
        return self.weight * float(spent)
