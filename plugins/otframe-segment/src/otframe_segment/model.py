"""The parameters that segmentation of one and of several images share, and what they have to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import Field as Parameter

from otframe.interfaces import Context, Transform
from otframe_segment.cost import GroundCost, ground_cost
from otframe_segment.layers import View
from otframe_segment.palette import palette_of
from otframe_segment.solve import Grid, Outcome, colour_costs, solve
from otframe_segment.terms import Slot, Term

__all__ = ["Histogrammed", "Solved"]

_SAMPLES = 1 << 14
_BLURS = (0.1, 0.01)
"""The width of the soft minimum over colours, in units of the cost: at first, and from the middle of a level on."""


@dataclass(frozen=True, eq=False)
class Solved:
    """The solver's finest grids, what each colour costs each region there, and how it ended."""

    grids: list[Grid]
    costs: list[list[torch.Tensor]]
    outcome: Outcome


class Histogrammed(Transform):
    """Base of segmentations by histograms: how pixels are described, what costs what, and when to stop."""

    references: ClassVar[tuple[str, ...]] = ()

    colours: int = Parameter(default=128, ge=2, le=1024)
    """Colours that histograms count, at most: clusters of the image's own."""

    texture: float = Parameter(default=1.0, ge=0.0, le=10.0)
    """What the local contrast of the lightness counts beside the colour; 0 for colour alone."""

    cost: GroundCost = "saturated"
    """What it costs to take one colour for another at distance d: `saturated` `d^2 / (d^2 + reach^2)`, `truncated`
    `min(1, d^2 / reach^2)`, `distance` `min(1, d / reach)`; `binwise` 1 for any other colour, which makes the transport
    the bin-wise distance of histograms."""

    reach: float = Parameter(default=0.12, gt=0.0, le=10.0)
    """The distance of colours that are different, in Oklab with its colour axes doubled: black to white is 1."""

    capacity: float = Parameter(default=4.0, ge=1.0, le=1e6)
    """How often a histogram's mass may be used: with 1 the shares of all colours must agree, with much the colours
    alone count and not how much there is of each."""

    smoothness: float = Parameter(default=0.8, ge=0.0, le=100.0)
    """What a boundary of one pixel costs, in wholly strange pixels, on an image of 512 pixels; in proportion to the
    size on others, so that the result is the same."""

    edges: float = Parameter(default=0.0, ge=0.0, le=10.0)
    """How much less a boundary costs where the colours change; 0 for the same everywhere."""

    side: int = Parameter(default=512, ge=16, le=4096)
    """The longer side that the problem is solved at; larger images are refined along the boundaries."""

    tolerance: float = Parameter(default=5e-3, gt=0.0, lt=1.0)
    """The duality gap to be reached, in the cost of a wholly strange colour at every pixel."""

    max_iter: int = Parameter(default=150, ge=1, le=100_000)
    """Iterations at each size at most."""

    def _palette(self, views: Sequence[View], ctx: Context) -> torch.Tensor:
        """Colours of all views together, each counting the same."""
        pools = [view.features.flatten(1).T for view in views]
        each = _SAMPLES // len(pools)
        drawn = [
            pool if len(pool) <= each else pool[torch.randperm(len(pool), generator=ctx.rng)[:each].to(pool.device)]
            for pool in pools
        ]
        return palette_of(torch.cat(drawn), self.colours, ctx.rng)

    def _costs(self, palette: torch.Tensor) -> torch.Tensor:
        return ground_cost(palette, self.cost, self.reach)

    def _solved(
        self,
        views: Sequence[View],
        palette: torch.Tensor,
        terms: list[Term],
        tell: Callable[[float], None],
        starts: Sequence[torch.Tensor] | None = None,
        offsets: Mapping[Slot, float] | None = None,
    ) -> Solved:
        """Solve at one size after another, or at the last alone where there is a start."""
        levels = [view.sizes() for view in views]
        depth = min(len(sizes) for sizes in levels)
        soft: list[torch.Tensor | None] = [None] * len(views) if starts is None else list(starts)
        grids: list[Grid] = []
        total, outcome = 0, Outcome(0, 0.0, 0.0, True)
        for level in range(depth if starts is None else 1):
            place = level - depth if starts is None else -1
            grids = [
                view.grid(palette, sizes[place], self.smoothness, self.edges, start)
                for view, sizes, start in zip(views, levels, soft, strict=True)
            ]
            first = _BLURS[0] if level == 0 and starts is None else _BLURS[1]
            outcome = solve(
                grids,
                terms,
                blurs=(first, _BLURS[1]),
                max_iter=self.max_iter,
                tolerance=self.tolerance,
                offsets=offsets,
                tell=lambda done, level=level: tell((level + done / self.max_iter) / depth),  # type: ignore[misc]
            )
            total += outcome.iterations
            soft = [grid.full(grid.planes) for grid in grids]
        costs = colour_costs(grids, terms, 0.0, offsets or {})
        return Solved(grids, costs, Outcome(total, outcome.upper, outcome.lower, outcome.converged))
