"""`segment.cosegment`: the object that two photographs share."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Component, Context
from otframe.values import Image, SolveInfo
from otframe_segment.features import checked
from otframe_segment.given import enlarged_labels, exemplars_of, finished
from otframe_segment.layers import View
from otframe_segment.model import Histogrammed, Solved
from otframe_segment.terms import Slot, Term
from otframe_segment.values import Scribbles, Segmentation

__all__ = ["Cosegment", "Shared"]

_NAMES = ("object", "background")


class Shared(NamedTuple):
    """The segmentations of both photographs."""

    first: Segmentation
    second: Segmentation


class Cosegment(Histogrammed):
    r"""The object that two photographs share: its histograms in both agree by transport.

    After [papadakis2017convex]_, over the object's soft regions `u` and `v` in the two,

    .. math:: \lambda \, \mathrm{TV}(u) + \lambda \, \mathrm{TV}(v)
              + \tfrac{1}{2} T(H u, \sigma H v) + \tfrac{1}{2} T(H v, \sigma H u)
              + \beta \, (\langle 1 - u, 1 \rangle + \langle 1 - v, 1 \rangle)

    T is the least cost of moving each colour of the one into those of the other, each used up to `sigma` times
    (`sharing`), so that the object may be larger in one of them; what finds no room costs 1. Leaving a pixel out costs
    `beta` (`ballast`), without which there would be no object at all. All of it is convex, and solved as
    `segment.regions` is.

    Scribbles on the first photograph, of an object and a background, make this a search for the object in the second:
    both objects go to its histogram too, and what looks like the known background costs nothing to leave out.
    """

    references: ClassVar[tuple[str, ...]] = ("papadakis2017convex", "chambolle2011first", "pock2011diagonal")

    ballast: float = Parameter(default=0.03, gt=0.0, le=1.0)
    """What it costs to leave a pixel out of the object, in wholly strange pixels: with more, more is shared. Not used
    where there are scribbles."""

    strange: float = Parameter(default=0.25, gt=0.0, le=1.0)
    """Where there are scribbles: the most that a colour costs in the second background, which may be another one."""

    sharing: float = Parameter(default=3.0, ge=1.0, le=16.0)
    """How often the mass of the object in one photograph may be used by the object in the other: how much larger it may
    be there, and how far its shares of colours may be off."""

    @classmethod
    def examples(cls) -> list[Component]:
        """The default with fewer colours, and a coarse one."""
        return [cls(colours=32, max_iter=60), cls(colours=16, side=64, ballast=0.5, max_iter=40)]

    def __call__(self, first: Image, second: Image, scribbles: Scribbles | None = None, *, ctx: Context) -> Shared:
        """Find the object in both.

        Parameters
        ----------
        first, second : Image
            Of any size, in srgb, linear or gray.
        scribbles : Scribbles, optional
            Strokes on the first, of two regions: the object, then the background.
        ctx : Context
            What the palette is drawn from; also told the progress.

        Returns
        -------
        Shared
            `first` and `second`. Each tells the energy and the gap of both together.
        """
        images = (checked(first, "first"), checked(second, "second"))
        names = _NAMES if scribbles is None else scribbles.names
        if len(names) != 2:
            raise DataError(
                f"wanted scribbles of an object and a background, got {len(names)}: {', '.join(names)}",
                port="scribbles",
            )
        labels = [torch.full(image.size, -1, device=image.pixels.device) for image in images]
        if scribbles is not None:
            labels[0] = enlarged_labels(scribbles.labels.to(labels[0]), first.size)
        views = [View.of(image, own, 2, self.side, self.texture) for image, own in zip(images, labels, strict=True)]
        palette = self._palette(views, ctx)
        costs = self._costs(palette)
        known = None if scribbles is None else exemplars_of(views[0], palette, names)
        terms, offsets = self._terms(costs, known)
        solved = self._solved(views, palette, terms, lambda done: ctx.progress(0.8 * done), offsets=offsets)
        exemplars = torch.zeros_like(costs[:2]) if known is None else known
        made = []
        for number, (image, own, view) in enumerate(zip(images, labels, views, strict=True)):
            grid = solved.grids[number]
            soft = finished(
                self,
                grid.full(grid.planes),
                image,
                own,
                view,
                palette,
                solved.costs[number],
                lambda done, number=number: ctx.progress(0.8 + 0.1 * (number + done)),  # type: ignore[misc]
            )
            made.append(_segmentation(soft, solved, number, names, palette, exemplars))
        return Shared(*made)

    def _terms(self, costs: torch.Tensor, known: torch.Tensor | None) -> tuple[list[Term], dict[Slot, float]]:
        """The objects agree with each other; with scribbles, everything with what they say."""
        terms = [
            Term(costs, (0, 0), self.sharing, target=(1, 0), weight=0.5),
            Term(costs, (1, 0), self.sharing, target=(0, 0), weight=0.5),
        ]
        if known is None:
            return terms, {(0, 1): self.ballast, (1, 1): self.ballast}
        for image in (0, 1):
            for region in (0, 1):
                offered = (known[region] > 0).nonzero()[:, 0]
                # the second background may be another one
                strange = (image, region) == (1, 1)
                terms.append(
                    Term(
                        costs.index_select(1, offered),
                        (image, region),
                        1e3 if strange else self.capacity,
                        exemplar=known[region].index_select(0, offered),
                        waste=self.strange if strange else 1.0,
                    )
                )
        return terms, {}


def _segmentation(
    soft: torch.Tensor,
    solved: Solved,
    number: int,
    names: tuple[str, ...],
    palette: torch.Tensor,
    exemplars: torch.Tensor,
) -> Segmentation:
    grid, outcome = solved.grids[number], solved.outcome
    found = torch.stack(grid.histograms(grid.planes))
    mass = found.sum(1, keepdim=True)
    return Segmentation(
        soft.argmax(0),
        soft,
        names,
        palette,
        torch.where(mass > 0, found / mass.clamp(min=1e-12), found),
        exemplars,
        outcome.upper,
        SolveInfo(outcome.iterations, outcome.converged, max(0.0, outcome.gap)),
    )
