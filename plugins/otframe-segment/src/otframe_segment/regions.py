"""`segment.regions`: regions of a photograph whose histograms go to those under scribbles."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Component, Context
from otframe.values import Image, SolveInfo
from otframe_segment.cost import GroundCost
from otframe_segment.entropic import EntropicTerm
from otframe_segment.features import checked
from otframe_segment.given import enlarged_labels, exemplars_of, finished
from otframe_segment.layers import View
from otframe_segment.model import Histogrammed
from otframe_segment.terms import Term
from otframe_segment.values import Scribbles, Segmentation

__all__ = ["Regions"]


class Regions(Histogrammed):
    r"""Two or more regions of a photograph, whose histograms are transported to those under scribbles.

    The energy is that of [rabin2015convex]_ and [papadakis2017convex]_: over soft regions `u` that sum to 1 at every
    pixel,

    .. math:: \sum_k \tfrac{1}{2} \lambda \, \mathrm{TV}(u_k) + \mathrm{MK}(H u_k, \; \kappa \langle u_k, 1 \rangle a_k)

    where `H u` counts the colours in a region, `a_k` are the histograms under the scribbles, and MK is the least cost
    of moving the one under the other; it began with active contours [peyre2012wasserstein]_. It is convex, since MK is,
    and of degree 1. That a region must agree with a few strokes in the shares of its colours too is the weakness of the
    model, so each colour of an exemplar may be used up to `kappa` times (`capacity`): at 1 it is the balanced transport
    of the papers, and without bound each pixel goes to the nearest exemplar colour. Colours are clusters of the image's
    own [arthur2007kmeans]_ in Oklab [ottosson2020perceptual]_.

    An entropy of the plan (`entropy`), relative to the exemplar, makes what a colour costs a likelihood: without bounds
    on what may be used, that is a Bayes classifier with a perimeter.

    Regions are found by a primal-dual iteration [chambolle2011first]_ with diagonally preconditioned steps
    [pock2011diagonal]_, on one size after another. The transport is inside: its plan is the soft minimum of its dual,
    a price for each colour of an exemplar, and so no solver can be named for it; `segment.judge` takes one. The gap is
    between the energy with a plan that keeps to all bounds and a lower bound by the exact dual, so it holds whatever
    the blur. Scribbled pixels keep their region.
    """

    references: ClassVar[tuple[str, ...]] = (
        "rabin2015convex",
        "papadakis2017convex",
        "peyre2012wasserstein",
        "arthur2007kmeans",
        "ottosson2020perceptual",
        "chambolle2011first",
        "pock2011diagonal",
    )

    cost: GroundCost = "truncated"
    """What it costs to take one colour for another at distance d: `saturated` `d^2 / (d^2 + reach^2)`, `truncated`
    `min(1, d^2 / reach^2)`, `distance` `min(1, d / reach)`; `binwise` 1 for any other colour, which, without entropy,
    makes the transport the bin-wise distance of histograms."""

    reach: float = Parameter(default=0.08, gt=0.0, le=10.0)
    """The distance of colours that are different, in Oklab with its colour axes doubled: black to white is 1."""

    smoothness: float = Parameter(default=1.8, ge=0.0, le=100.0)
    """What a boundary of one pixel costs, in wholly strange pixels, on an image of 512 pixels; in proportion to the
    size on others, so that the result is the same."""

    entropy: float = Parameter(default=0.12, ge=0.0, le=1.0)
    """Entropy of the transport, in units of the cost: what a colour costs then is its likelihood under a kernel
    estimate of the exemplar's density, of the width `reach sqrt(entropy / 2)`; 0 for the transport alone, whose gap
    goes down to some 5e-3."""

    tolerance: float = Parameter(default=5e-4, gt=0.0, lt=1.0)
    """The duality gap to be reached, in the cost of a wholly strange colour at every pixel."""

    max_iter: int = Parameter(default=400, ge=1, le=100_000)
    """Iterations at each size at most."""

    refits: int = Parameter(default=0, ge=0, le=10)
    """How often the exemplars are replaced by the mean of themselves and of the histograms of the regions found, and
    the problem is solved again."""

    @classmethod
    def examples(cls) -> list[Component]:
        """The default with fewer colours; balanced, with a refit and edges; bin by bin."""
        return [
            cls(),
            cls(capacity=1.0, entropy=0.0, refits=1, edges=1.0, colours=16, max_iter=60),
            cls(cost="binwise", texture=0.0, max_iter=30),
        ]

    def __call__(self, image: Image, scribbles: Scribbles, *, ctx: Context) -> Segmentation:
        """Find the regions.

        Parameters
        ----------
        image : Image
            In srgb, linear or gray, of any size. Where it is transparent, scribbles tell nothing of colours.
        scribbles : Scribbles
            Strokes for at least two regions, of the image's size or in its proportions.
        ctx : Context
            What the palette is drawn from; also told the progress.

        Returns
        -------
        Segmentation
            `info.converged` says whether the gap is within the tolerance; `info.residual` is the gap. `DataError` where
            a region has no visible stroke, sizes do not fit, or something is not finite.
        """
        checked(image, "image")
        count = len(scribbles.names)
        if count < 2:
            raise DataError(
                f"wanted scribbles of two regions or more, got {count}: {', '.join(scribbles.names) or 'none'}",
                port="scribbles",
                hint="draw a stroke of another colour over what is not of the region",
            )
        labels = enlarged_labels(scribbles.labels.to(image.pixels.device), image.size)
        view = View.of(image, labels, count, self.side, self.texture)
        palette = self._palette([view], ctx)
        exemplars = exemplars_of(view, palette, scribbles.names)
        costs = self._costs(palette)
        parts = self.refits + 2
        starts, given, total = None, exemplars, 0
        for turn in range(self.refits + 1):
            terms = self._terms(costs, given)
            solved = self._solved(
                [view],
                palette,
                terms,
                lambda done, turn=turn: ctx.progress((turn + done) / parts),
                starts,  # type: ignore[misc]
            )
            total += solved.outcome.iterations
            grid = solved.grids[0]
            starts = [grid.full(grid.planes)]
            found = torch.stack(grid.histograms(grid.planes))
            given = 0.5 * (exemplars + found / found.sum(1, keepdim=True).clamp(min=1e-12))
        soft = finished(
            self,
            starts[0],
            image,
            labels,
            view,
            palette,
            solved.costs[0],
            lambda done: ctx.progress((parts - 1 + done) / parts),
        )
        mass = found.sum(1, keepdim=True)
        return Segmentation(
            soft.argmax(0),
            soft,
            scribbles.names,
            palette,
            torch.where(mass > 0, found / mass.clamp(min=1e-12), found),
            exemplars,
            solved.outcome.upper,
            SolveInfo(total, solved.outcome.converged, max(0.0, solved.outcome.gap)),
        )

    def _terms(self, costs: torch.Tensor, exemplars: torch.Tensor) -> list[Term]:
        """What binds each region to its exemplar."""
        made: list[Term] = []
        for region, exemplar in enumerate(exemplars):
            offered = (exemplar > 0).nonzero()[:, 0]
            held = exemplar.index_select(0, offered)
            near, place = costs.index_select(1, offered), (0, region)
            if self.entropy > 0:
                made.append(EntropicTerm(near, place, self.capacity, exemplar=held, entropy=self.entropy))
            else:
                made.append(Term(near, place, self.capacity, exemplar=held))
        return made
