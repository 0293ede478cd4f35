"""The primal-dual iteration over soft regions, their perimeter's dual field and the prices of colours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from otframe_segment.planes import Binned, divergence_into, on_simplex, stretched
from otframe_segment.terms import Slot, Term

__all__ = ["Grid", "Outcome", "bounds", "colour_costs", "solve"]


class Grid:
    """One image's pixels, and the state of the iteration on them.

    Parameters
    ----------
    bins : torch.Tensor
        Shape `(H, W)`, int64: the colour of each pixel.
    colours : int
        How many colours there are.
    bound : torch.Tensor
        Shape `(H, W)`, float32: what a boundary of one pixel costs there, in units of a pixel's cost.
    fixed : torch.Tensor
        Shape `(H, W)`, int64: the region of a scribbled pixel, -1 elsewhere.
    regions : int
        How many regions there are.
    start : torch.Tensor, optional
        Shape `(K, H, W)`: soft regions to begin with.
    """

    def __init__(
        self,
        bins: torch.Tensor,
        colours: int,
        bound: torch.Tensor,
        fixed: torch.Tensor,
        regions: int,
        start: torch.Tensor | None = None,
    ) -> None:
        self.binned = Binned(bins, colours)
        self.bound = bound
        self.regions = regions
        self.single = regions == 2
        self.weight = 1.0 if self.single else 0.5
        self.size = (int(bins.shape[0]), int(bins.shape[1]))
        count = 1 if self.single else regions
        free = fixed < 0
        self.free = free.to(bound)
        numbers = torch.arange(count, device=bins.device)[:, None, None]
        self.held = (fixed[None] == numbers).to(bound)
        if start is None:
            start = bound.new_full((regions, *self.size), 1 / regions)
        self.planes = start[:count] * self.free + self.held
        self.ahead = self.planes.clone()
        self.dual = bound.new_zeros((count, 2, *self.size))
        self.pixels = bins.numel()

    def full(self, planes: torch.Tensor) -> torch.Tensor:
        """All `(K, H, W)` of the planes that are kept: of two regions one is, and the other is what is left."""
        return torch.cat([planes, 1 - planes]) if self.single else planes

    def histograms(self, planes: torch.Tensor) -> list[torch.Tensor]:
        """The share of all pixels that each region has of each colour: K of `(M,)`, float64."""
        found = [self.binned.sums(plane).double() / self.pixels for plane in planes]
        if self.single:
            found.append(self.binned.counts.double() / self.pixels - found[0])
        return found

    def unary(self, costs: Sequence[torch.Tensor]) -> torch.Tensor:
        """What each pixel costs each kept plane, `(P, H, W)`; of two regions, the difference."""
        rows = [costs[0] - costs[1]] if self.single else list(costs)
        return torch.stack([self.binned.spread(row.to(self.bound)) for row in rows]).reshape(-1, *self.size)

    def step(self, costs: Sequence[torch.Tensor], tau: float, sigma: float) -> None:
        """One step of the dual field and of the planes."""
        stretched(self.dual, self.ahead, sigma, self.bound * self.weight)
        slope = self.unary(costs)
        divergence_into(slope, self.dual)
        moved = on_simplex(self.planes - tau * slope).mul_(self.free).add_(self.held)
        self.ahead = moved.mul(2).sub_(self.planes)
        self.planes = moved

    def perimeter(self) -> float:
        """The weighted length of all boundaries, as a share of the pixels."""
        x, y = torch.zeros_like(self.planes), torch.zeros_like(self.planes)
        x[:, :, :-1] = self.planes[:, :, 1:] - self.planes[:, :, :-1]
        y[:, :-1] = self.planes[:, 1:] - self.planes[:, :-1]
        return float((torch.hypot(x, y) * self.bound).double().sum()) * self.weight / self.pixels

    def least(self, costs: Sequence[torch.Tensor]) -> float:
        """The least that all pixels can cost under these prices: a lower bound."""
        slope = divergence_into(self.unary(costs), self.dual).double()
        if self.single:
            best = torch.minimum(slope, torch.zeros_like(slope)) * self.free + slope * self.held
            return float(best.sum()) / self.pixels + float((costs[1] * self.binned.counts).sum()) / self.pixels
        best = slope.amin(0) * self.free + (slope * self.held).sum(0)
        return float(best.sum()) / self.pixels


@dataclass(frozen=True)
class Outcome:
    """How the iteration ended: bounds of the least energy, in the cost of a wholly strange colour a pixel."""

    iterations: int
    upper: float
    lower: float
    converged: bool

    @property
    def gap(self) -> float:
        """How far the energy is from the least at most."""
        return self.upper - self.lower


def solve(
    grids: Sequence[Grid],
    terms: Sequence[Term],
    *,
    blurs: tuple[float, float],
    max_iter: int,
    tolerance: float,
    every: int = 25,
    step: float = 0.5,
    offsets: Mapping[Slot, float] | None = None,
    tell: Callable[[int], None] = lambda done: None,
) -> Outcome:
    """Iterate until the duality gap is below the tolerance.

    The state is left in the grids and terms. Steps are those of diagonal preconditioning for the perimeter, with room
    for the prices; prices move by scaling steps.
    """
    tau, sigma = 0.2, 0.5
    known = dict(offsets or {})
    upper, lower, done = float("inf"), -float("inf"), 0
    first, last = blurs
    while done < max_iter:
        progress = min(1.0, done / max(1, max_iter // 2))
        blur = first * (last / first) ** progress
        for term in terms:
            term.ascend(_histograms(grids, ahead=True), blur, step)
        for grid, costs in zip(grids, colour_costs(grids, terms, blur, known), strict=True):
            grid.step(costs, tau, sigma)
        done += 1
        if done % every == 0 or done == max_iter:
            tell(done)
            upper, lower = bounds(grids, terms, blur, known)
            if upper - lower <= tolerance:
                break
    return Outcome(done, upper, lower, upper - lower <= tolerance)


def bounds(
    grids: Sequence[Grid], terms: Sequence[Term], blur: float, offsets: Mapping[Slot, float]
) -> tuple[float, float]:
    """The energy of the planes, by a plan that keeps to all bounds, and a lower bound of all energies."""
    histograms = _histograms(grids, ahead=False)
    upper = sum(grid.perimeter() for grid in grids) + sum(term.value(histograms, blur) for term in terms)
    upper += sum(offset * float(histograms[slot].sum()) for slot, offset in offsets.items())
    costs = colour_costs(grids, terms, 0.0, offsets)
    lower = sum(grid.least(own) for grid, own in zip(grids, costs, strict=True))
    return upper, lower


def _histograms(grids: Sequence[Grid], *, ahead: bool) -> dict[Slot, torch.Tensor]:
    return {
        (g, k): found
        for g, grid in enumerate(grids)
        for k, found in enumerate(grid.histograms(grid.ahead if ahead else grid.planes))
    }


def colour_costs(
    grids: Sequence[Grid], terms: Sequence[Term], blur: float, offsets: Mapping[Slot, float]
) -> list[list[torch.Tensor]]:
    """What a pixel of each colour costs each region of each image, `(M,)` float64; exactly where the blur is 0."""
    zero = torch.zeros_like(terms[0].cost[:, 0])
    slots = [(g, k) for g, grid in enumerate(grids) for k in range(grid.regions)]
    costs = {slot: zero + offsets.get(slot, 0.0) for slot in slots}
    for term in terms:
        term.add_prices(costs, blur)
    return [[costs[g, k] for k in range(grid.regions)] for g, grid in enumerate(grids)]
