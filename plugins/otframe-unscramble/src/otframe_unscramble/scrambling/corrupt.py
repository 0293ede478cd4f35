"""`scramble.corrupt`: a part of the calibration pictures replaced by something wrong."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field as Parameter

from otframe.interfaces import Component, Context, Transform
from otframe.values import Image
from otframe_unscramble.scrambling.field import clouds
from otframe_unscramble.scrambling.opaque import opaque, renewed

__all__ = ["Corrupt"]

Kind = Literal["other", "occluded", "noise", "mixed"]


class Corrupt(Transform):
    """With a given probability a picture is spoiled, as calibrations are in practice: what a robust method must bear.

    `other`: another picture altogether, random clouds. `occluded`: a block of a random colour hides a quarter to two
    thirds of it. `noise`: uniform noise. `mixed`: half of it is another picture, a double exposure. Whether, which and
    how is drawn from the run's seed, the node's name and the item's key; `corrupted` in the metadata tells the kind,
    or is empty. Transparency is taken as black and alpha is dropped, in spoiled and in other pictures.
    """

    share: float = Parameter(default=0.25, ge=0.0, le=1.0)
    """Probability that a picture is spoiled."""

    kinds: tuple[Kind, ...] = Parameter(default=("other", "occluded", "noise", "mixed"), min_length=1)
    """What may be done, each as likely as any other."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Some of them, and all of them in each way."""
        return [cls(), *(cls(share=1.0, kinds=(kind,)) for kind in ("other", "occluded", "noise", "mixed"))]

    def __call__(self, image: Image, *, ctx: Context) -> Image:
        """The picture, or what it was replaced by, of the same size.

        Parameters
        ----------
        image : Image
            Any, finite.
        """
        pixels = opaque(image)
        chance, choice = torch.rand(2, generator=ctx.rng, dtype=torch.float64)
        if float(chance) >= self.share:
            return renewed(image, pixels, corrupted="")
        kind = self.kinds[int(float(choice) * len(self.kinds))]
        return renewed(image, _spoiled(pixels, kind, ctx.rng), corrupted=kind)


def _spoiled(pixels: torch.Tensor, kind: Kind, rng: torch.Generator) -> torch.Tensor:
    channels, height, width = pixels.shape
    if kind == "noise":
        return torch.rand(pixels.shape, generator=rng).to(pixels)
    if kind == "occluded":
        return _occluded(pixels, rng)
    other = clouds((height, width), channels, rng).to(pixels)
    return other if kind == "other" else (pixels + other) / 2


def _occluded(pixels: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    channels, height, width = pixels.shape
    uniform = [float(number) for number in torch.rand(4, generator=rng, dtype=torch.float64)]
    area, stretch = 0.25 + 0.4 * uniform[0], 0.8 + 0.4 * uniform[1]
    high = min(height, max(1, round(height * area**0.5 * stretch)))
    wide = min(width, max(1, round(width * area * height / high)))
    top, left = int(uniform[2] * (height - high + 1)), int(uniform[3] * (width - wide + 1))
    made = pixels.clone()
    made[:, top : top + high, left : left + wide] = torch.rand(channels, 1, 1, generator=rng).to(pixels)
    return made
