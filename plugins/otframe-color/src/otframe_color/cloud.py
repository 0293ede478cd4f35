"""`color.cloud`: the colours of images, as weighted points in a working space."""

from __future__ import annotations

import functools
from typing import ClassVar, Literal

import torch
from pydantic import Field as Parameter
from pydantic import model_validator

from otframe.errors import DataError
from otframe.interfaces import Accumulator, Component, Context
from otframe.io.sheet_file import strips
from otframe.parts.convert import Convert
from otframe.values import Image, Sheet
from otframe_color.cloud_value import ColorCloud
from otframe_color.pixels import coding_of, finite, planes_of
from otframe_color.sketch import ColorSketch, counted, drawn, merged
from otframe_color.spaces import Space, converted

__all__ = ["Cloud"]

_PIECE = 1 << 20


class Cloud(Accumulator):
    """The colours of one image or of many, in bounded memory.

    Pixels count by alpha and by a mask. The result is a sample, drawn all over the images, or a histogram of cells with
    their mean colours. Samples of several images are joined by priorities [duffield2007priority]_, so that the order in
    which they come does not matter. Grey images give greys.
    """

    references: ClassVar[tuple[str, ...]] = ("duffield2007priority",)

    space: Space = "srgb"
    """The working space: `srgb`, `linear`, `lab` (over 100), `oklab`, `ycbcr` or `log`."""

    samples: int | None = Parameter(default=65_536, ge=1, le=1 << 24)
    """The most colours that are drawn, of all images together; absent, `bits` says how colours are joined."""

    bits: int | None = Parameter(default=None, ge=1, le=12)
    """Instead of a sample, a histogram over cells of side `2^-bits` in the working space, such as 5 or 6."""

    balance: Literal["pixels", "images"] = "pixels"
    """What counts equally: each pixel, or each image, however many pixels it has."""

    @model_validator(mode="before")
    @classmethod
    def _one_of_both(cls, given: object) -> object:
        if isinstance(given, dict) and given.get("bits") is not None and "samples" not in given:
            return {**given, "samples": None}
        return given

    @model_validator(mode="after")
    def _either(self) -> Cloud:
        if (self.samples is None) == (self.bits is None):
            raise ValueError("give `samples` for a sample or `bits` for a histogram, one of the two")
        return self

    @classmethod
    def examples(cls) -> list[Component]:
        """The default; a small sample where images count equally; a histogram in another space."""
        return [cls(), cls(samples=50, balance="images"), cls(space="oklab", bits=5)]

    def lift(self, image: Image | Sheet, mask: Image | None = None, *, ctx: Context) -> ColorSketch:
        """The colours of one image.

        Parameters
        ----------
        image : Image or Sheet
            In `srgb`, `linear` or `gray`, any range. `DataError` where something is NaN or infinite. A sheet is read in
            strips.
        mask : Image, optional
            How much each pixel counts, 0 to 1, of the image's size; of a colour image the grey.
        ctx : Context
            Samples are drawn from it.
        """
        if isinstance(image, Sheet):
            return self._of_sheet(image, mask, ctx)
        finite(image)
        weights = _weights(image, mask)
        planes = planes_of(image)
        if self.bits is not None:
            made = self._counted(planes, weights, image, self.bits)
        elif weights is not None and not bool((weights > 0).any()):
            none = planes.new_zeros(0, dtype=torch.float64)
            made = ColorSketch(planes.new_zeros(0, 3, dtype=torch.float32), none, none)
        else:
            index, masses, keys, least = drawn(weights, planes.shape[1], self.samples or 1, ctx.rng)
            points = self._placed(planes[:, index.to(planes.device)].T, image)
            made = ColorSketch(points.float(), masses.to(points.device), keys.to(points.device), float(least))
        if self.balance == "pixels":
            return made
        total = float(planes.shape[1] if weights is None else weights.sum())
        return made.scaled(1 / total) if total > 0 else made

    def _counted(self, planes: torch.Tensor, weights: torch.Tensor | None, image: Image, bits: int) -> ColorSketch:
        """The histogram, piece by piece."""
        pieces = range(0, planes.shape[1], _PIECE)
        parts = (
            counted(
                self._placed(planes[:, start : start + _PIECE].T, image),
                None if weights is None else weights[start : start + _PIECE],
                bits,
            )
            for start in pieces
        )
        return functools.reduce(self.merge, parts)

    def _of_sheet(self, sheet: Sheet, mask: Image | None, ctx: Context) -> ColorSketch:
        if mask is not None or self.balance == "images":
            raise DataError(
                "a sheet counts by its pixels, without a mask", hint="leave `balance` and the mask out", port="image"
            )
        states = (self.lift(strip, ctx=ctx) for strip in strips(sheet))
        return functools.reduce(self.merge, states)

    def merge(self, a: ColorSketch, b: ColorSketch) -> ColorSketch:
        """The colours of both states' images together."""
        return merged(a, b, self.samples)

    def finish(self, s: ColorSketch) -> ColorCloud:
        """The cloud: points `(n, 3)`, float32, weights of sum 1. `DataError` where no pixel counts."""
        if len(s.points) == 0:
            raise DataError(
                "no pixel counts: everything is transparent or masked out",
                hint="look at the image's alpha and the mask",
            )
        weights = s.weights()
        even = bool((weights == weights[0]).all())
        return ColorCloud(s.points, None if even else weights / weights.sum(), self.space)

    def _placed(self, colors: torch.Tensor, image: Image) -> torch.Tensor:
        return converted(colors.to(torch.promote_types(colors.dtype, torch.float32)), coding_of(image), self.space)


def _weights(image: Image, mask: Image | None) -> torch.Tensor | None:
    """How much each pixel counts, flat, float64; None where all count alike."""
    weights = None if image.alpha is None else image.alpha
    if mask is not None:
        if mask.size != image.size:
            raise DataError(
                f"a mask has its image's height and width {image.size}, got {mask.size}",
                hint="make both of one size",
                port="mask",
            )
        grey = (mask if mask.channels == 1 else Convert(space="gray")(mask)).pixels[0]
        weights = grey if weights is None else weights * grey.to(weights)
    if weights is None or bool((weights == 1).all()):
        return None
    if not bool(torch.isfinite(weights).all()) or float(weights.min()) < 0:
        raise DataError("alpha and masks are finite and not negative", port="image" if mask is None else "mask")
    return weights.flatten().double()
