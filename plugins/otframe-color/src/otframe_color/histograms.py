"""Histograms of single channels: `color.specify`, `color.equalize`, `color.midway`."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import torch
from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Component, Transform
from otframe.parts.convert import Convert, to_linear
from otframe.values import Image
from otframe_color.pixels import coding_of, finite
from otframe_color.quantiles import Quantiles, mixed, of_values, uniform
from otframe_color.ranks import ranked
from otframe_color.spaces import converted

__all__ = ["Equalize", "Midway", "MidwayPair", "Specify"]

Channels = Literal["each", "lightness"]
Ties = Literal["local", "mean"]


class _Histograms(Transform):
    """What the three share: which channels, and how ties are told apart."""

    channels: Channels = "lightness"
    """`lightness` alone (of Oklab), so that hues stay, or `each` channel on its own. Grey images have one anyway."""

    ties: Ties = "local"
    """Pixels of one value: `local` tells them apart by their surroundings, so that the histogram comes out exactly;
    `mean` leaves them together."""

    strength: float = Parameter(default=1.0, ge=0.0, le=1.0)
    """How far values go: 0 not at all, 1 all the way."""

    def _planes(self, image: Image, port: str) -> np.ndarray:
        """The channels that are worked on, shape `(c, H, W)`; 1 of a colour image where only its lightness counts."""
        finite(image, port)
        coding = coding_of(image, port)
        pixels = image.pixels
        if self.channels == "lightness" and image.channels == 3:
            # rounded from double precision: equal pixels must agree to the last bit, or ranks tear them apart
            pixels = converted(pixels.movedim(0, -1).double(), coding, "oklab")[..., :1].movedim(-1, 0)
        return pixels.detach().cpu().float().numpy()

    def _replaced(self, image: Image, made: np.ndarray) -> Image:
        if self.strength == 0:
            return image
        planes = torch.from_numpy(np.ascontiguousarray(made)).to(image.pixels)
        if self.channels == "lightness" and image.channels == 3:
            coding = coding_of(image)
            lab = converted(_wide(image.pixels).movedim(0, -1), coding, "oklab").clone()
            lab[..., 0] = torch.from_numpy(made[0]).to(lab)
            planes = converted(lab, "oklab", coding).movedim(-1, 0).to(image.pixels).contiguous()
            if image.alpha is not None:
                planes = torch.where(image.alpha > 0, planes, image.pixels)
        return replace(image, pixels=planes)

    def _moved(self, planes: np.ndarray, counts: np.ndarray | None, goals: list[Quantiles]) -> np.ndarray:
        """Planes whose values that count are taken to the goals' quantiles of their ranks."""
        made = planes.copy()
        if counts is not None and not counts.any():
            return made
        for plane, out, goal in zip(planes, made, goals, strict=True):
            order, edges = ranked(plane, counts, local=self.ties == "local")
            shares = edges / len(order)
            worth = np.diff(goal(shares)) / np.diff(shares)
            moved = np.empty(len(order), np.float32)
            moved[order] = np.repeat(worth.astype(np.float32), np.diff(edges))
            if self.strength < 1:
                kept = plane.ravel() if counts is None else plane[counts]
                moved = (1 - self.strength) * kept + self.strength * moved
            if counts is None:
                out[...] = moved.reshape(plane.shape)
            else:
                out[counts] = moved
        return made


class Specify(_Histograms):
    """The histogram of a reference, by the optimal transport on the line: ranks keep their order.

    Transparent pixels neither count nor change. A pixel goes to the mean of the reference's values over its stretch of
    ranks; with `ties: local` equal pixels with different surroundings have stretches of their own [coltuc2006exact]_.
    """

    references: ClassVar[tuple[str, ...]] = ("coltuc2006exact", "peyre2019computational")

    @classmethod
    def examples(cls) -> list[Component]:
        """Lightness, and each channel with ties left together."""
        return [cls(), cls(channels="each", ties="mean", strength=0.5)]

    def __call__(self, image: Image, reference: Image) -> Image:
        """The image with the reference's histogram; sizes may differ. Grey takes the lightness of a colour reference.

        `DataError` where a pixel is not finite, or all of the reference is transparent.
        """
        planes, counts = self._planes(image, "image"), _counting(image)
        wanted = self._planes(_fitting(reference, image), "reference")
        seen = _counting(reference)
        if seen is not None and not seen.any():
            raise DataError("all of the reference is transparent: it has no histogram", port="reference")
        goals = [of_values(plane if seen is None else plane[seen]) for plane in wanted]
        return self._replaced(image, self._moved(planes, counts, goals))


class Equalize(_Histograms):
    """A flat histogram over [0, 1]: each pixel goes to its rank.

    Transparent pixels neither count nor change. With `ties: local` the histogram is flat to a pixel wherever
    surroundings differ [coltuc2006exact]_; where they do not, as in a constant image, pixels stay together.
    """

    references: ClassVar[tuple[str, ...]] = ("coltuc2006exact",)

    @classmethod
    def examples(cls) -> list[Component]:
        """Lightness, and each channel with ties left together."""
        return [cls(), cls(channels="each", ties="mean")]

    def __call__(self, image: Image) -> Image:
        """The equalised image; `DataError` where a pixel is not finite."""
        planes = self._planes(image, "image")
        return self._replaced(image, self._moved(planes, _counting(image), [uniform()] * len(planes)))


class MidwayPair(NamedTuple):
    """Two images with one histogram."""

    a: Image
    b: Image


class Midway(_Histograms):
    """Two images of one scene brought to the histogram between theirs, so that they can be compared.

    The quantiles of the common histogram are the means of theirs: the barycentre on the line [delon2004midway]_.
    """

    references: ClassVar[tuple[str, ...]] = ("delon2004midway", "agueh2011barycenters")

    t: float = Parameter(default=0.5, ge=0.0, le=1.0)
    """Where between them: 0 is the histogram of `a`, 1 that of `b`."""

    @classmethod
    def examples(cls) -> list[Component]:
        """In the middle, and nearer to one."""
        return [cls(), cls(t=0.25, channels="each")]

    def __call__(self, a: Image, b: Image) -> MidwayPair:
        """Both images; sizes may differ. `DataError` where one is grey and the other is not, or all transparent."""
        if a.channels != b.channels:
            raise DataError(
                f"both images are grey or both in colour, got {a.channels} and {b.channels} channels",
                hint="image.convert makes both of one kind",
            )
        if (a.channels == 1 or self.channels == "each") and coding_of(a) != coding_of(b):
            raise DataError(
                f"wanted both images in one coding, got '{a.space}' and '{b.space}'",
                hint="image.convert brings one to the space of the other",
                port="b",
            )
        pair, goals = (a, b), []
        planes = [self._planes(image, port) for image, port in zip(pair, "ab", strict=True)]
        for image, own, port in zip(pair, planes, "ab", strict=True):
            seen = _counting(image)
            if seen is not None and not seen.any():
                raise DataError("all of the image is transparent: it has no histogram", port=port)
            goals.append([of_values(plane if seen is None else plane[seen]) for plane in own])
        middle = [mixed(first, second, self.t) for first, second in zip(*goals, strict=True)]
        made = (
            self._replaced(image, self._moved(own, _counting(image), middle))
            for image, own in zip(pair, planes, strict=True)
        )
        return MidwayPair(*made)


def _counting(image: Image) -> np.ndarray | None:
    """Which pixels can be seen; None where all can."""
    if image.alpha is None:
        return None
    seen: np.ndarray = (image.alpha > 0).cpu().numpy()
    return None if seen.all() else seen


def _fitting(reference: Image, image: Image) -> Image:
    """The reference with as many channels as the image, in its coding."""
    finite(reference, "reference")
    if reference.channels == image.channels and reference.space == image.space:
        return reference
    start, end = coding_of(reference, "reference"), coding_of(image)
    pixels = _wide(reference.pixels.expand(3, -1, -1) if reference.channels == 1 else reference.pixels)
    if image.channels == 3:
        moved = converted(pixels.movedim(0, -1), start, end).movedim(-1, 0)
        return replace(reference, pixels=moved.contiguous(), space=end)
    space = "srgb" if start == "srgb" else "linear"
    grey = Convert(space="gray")(replace(reference, pixels=pixels, space=space))
    return grey if end == "srgb" else replace(grey, pixels=to_linear(grey.pixels), space="linear")


def _wide(pixels: torch.Tensor) -> torch.Tensor:
    """At least float32: half the bits are too few for the curves of colour spaces."""
    return pixels.to(torch.promote_types(pixels.dtype, torch.float32))
