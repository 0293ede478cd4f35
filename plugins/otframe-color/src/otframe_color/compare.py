"""`color.compare`: how near recoloured images came to a palette, and what it cost them."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import Any, ClassVar

import torch
from pydantic import Field as Parameter

from otframe.errors import ParameterError
from otframe.interfaces import Accumulator, Component, Context, Transform
from otframe.values import Image, Table
from otframe_color.artifacts import measured
from otframe_color.cloud import Cloud
from otframe_color.cloud_value import ColorCloud

__all__ = ["Compare"]

_COLUMNS = (
    ("image", ""),
    ("distance before", ""),
    ("distance after", "lower"),
    ("noise", "lower"),
    ("worst noise", "lower"),
    ("gradients", "higher"),
    ("banding", "lower"),
    ("clipped (%)", "lower"),
)


class Compare(Accumulator):
    """A table with a row for each recoloured image.

    Its distance to the palette before and after, by any component that measures one between clouds, in the palette's
    working space; the artefacts of `color.artifacts`; and the share of values outside of [0, 1], which a file of
    integers clips. With several images the last row holds the means.
    """

    references: ClassVar[tuple[str, ...]] = ("xiao2009gradient", "hurley2009comparing")

    distance: Transform
    """What measures the distance of two clouds, such as `{use: sliced.distance}`."""

    samples: int = Parameter(default=16_384, ge=1, le=1 << 24)
    """Colours that are drawn of each image."""

    title: str = "Recoloured"
    """The table's title."""

    @classmethod
    def examples(cls) -> list[Component]:
        """With the distance between mean colours."""
        from otframe_color.mean_distance import MeanDistance

        return [cls(distance=MeanDistance())]

    def lift(self, image: Image, moved: Image, reference: ColorCloud, *, ctx: Context) -> Table:
        """The row of one image.

        Parameters
        ----------
        image, moved : Image
            Before and after, of one size.
        reference : ColorCloud
            The palette that was wanted.
        ctx : Context
            Colours are drawn from it, of the same pixels before and after.
        """
        fit = Cloud(space=reference.space, samples=self.samples)
        before, after = (self._measure(fit, each, reference, ctx) for each in (image, moved))
        pixels = moved.pixels if moved.alpha is None else moved.pixels[:, moved.alpha > 0]
        outside = int(torch.count_nonzero((pixels < 0) | (pixels > 1))) / max(1, pixels.numel())
        artifacts = astuple(measured(image, replace(moved, pixels=moved.pixels.clamp(0, 1))))
        row = (str(image.meta.get("stem", "")) or ctx.key, before, after, *artifacts, 100 * outside)
        names, better = zip(*_COLUMNS, strict=True)
        return Table(names, (row,), self.title, better)

    def merge(self, a: Table, b: Table) -> Table:
        """The rows of both."""
        return replace(a, rows=a.rows + b.rows)

    def finish(self, s: Table) -> Table:
        """The table, with a row of means where it has several."""
        if len(s.rows) < 2:
            return s
        means = []
        for cells in list(zip(*s.rows, strict=True))[1:]:
            known = [float(cell) for cell in cells if isinstance(cell, int | float)]
            means.append(sum(known) / len(known) if known else None)
        return replace(s, rows=(*s.rows, ("mean", *means)))

    def _measure(self, fit: Cloud, image: Image, reference: ColorCloud, ctx: Context) -> float:
        seeded = Context(seed=ctx.seed, node=ctx.node, key=ctx.key, device=ctx.device)
        cloud = fit.finish(fit.lift(image, ctx=seeded))
        found: Any = ctx.call(self.distance.__call__, source=cloud, target=reference)
        try:
            return float(getattr(found, "distance", found))
        except (TypeError, ValueError):
            raise ParameterError(
                f"a {type(self.distance).__name__} gives no distance but a {type(found).__name__}",
                hint="such as sliced.distance",
            ) from None
