"""`color.clip_cloud`: the colours of a clip; `color.filmstrip`: some of its frames side by side, to look at."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar

import cv2
import numpy as np
from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Component, Context, Transform
from otframe.io.clip_file import frames as decoded
from otframe.values import Clip, Image
from otframe_color.cloud import Cloud
from otframe_color.cloud_value import ColorCloud
from otframe_color.spaces import Space

__all__ = ["ClipCloud", "Filmstrip", "collected"]


class ClipCloud(Transform):
    """The colours of a clip, drawn from frames all over it, in bounded memory.

    Values count as they are coded for display; PQ and HLG are not made light.
    """

    references: ClassVar[tuple[str, ...]] = ("duffield2007priority",)

    space: Space = "srgb"
    """The working space: `srgb`, `linear`, `lab` (over 100), `oklab`, `ycbcr` or `log`."""

    frames: int = Parameter(default=24, ge=1, le=100_000)
    """How many frames are looked at, in the middles of equal stretches of time."""

    samples: int = Parameter(default=65_536, ge=1, le=1 << 24)
    """The most colours that are drawn, of all frames together."""

    start: float = Parameter(default=0.0, ge=0.0)
    """Seconds from the first frame where the stretch begins."""

    end: float | None = Parameter(default=None, gt=0.0)
    """Seconds where it ends; absent, at the end of the clip."""

    @classmethod
    def examples(cls) -> list[Component]:
        """The default; few colours of the beginning, in another space."""
        return [cls(), cls(space="oklab", frames=2, samples=50, end=0.2)]

    def __call__(self, clip: Clip, *, ctx: Context) -> ColorCloud:
        """The cloud: points `(n, 3)`, float32. Edits of the clip are done first."""
        cloud = Cloud(space=self.space, samples=self.samples)
        return collected(clip, cloud, ctx, frames=self.frames, start=self.start, end=self.end)


def collected(
    clip: Clip, cloud: Cloud, ctx: Context, *, frames: int, start: float = 0.0, end: float | None = None
) -> ColorCloud:
    """The colours of some frames of a clip, folded one by one; a frame that is asked for twice counts once."""
    state = None
    for _, image in decoded(clip, count=frames, start=start, end=end):
        ctx.check_cancelled()
        found = ctx.call(cloud.lift, image)
        state = found if state is None else cloud.merge(state, found)
    if state is None:
        raise DataError(f"{clip.path} has no frame from {start:.3f} s on")
    return cloud.finish(state)


class Filmstrip(Transform):
    """Some frames of a clip side by side, to look at: in the middles of equal stretches of time."""

    references: ClassVar[tuple[str, ...]] = ()

    frames: int = Parameter(default=4, ge=1, le=64)
    """How many frames."""

    height: int = Parameter(default=270, ge=1, le=4320)
    """The most rows of each; taller frames are made smaller by area averages."""

    def __call__(self, clip: Clip) -> Image:
        """The strip, in the depth of the clip; a frame that would come twice comes once."""
        shown = [_smaller(image, self.height) for _, image in decoded(clip, count=self.frames)]
        if not shown:
            raise DataError(f"{clip.path} has no frame")
        depth = "uint16" if clip.depth > 8 else "uint8"
        return Image.from_numpy(np.concatenate(shown, 1), meta=MappingProxyType({"depth": depth}))


def _smaller(image: Image, height: int) -> np.ndarray:
    array = image.numpy()[..., :3]
    if array.shape[0] <= height:
        return array
    width = max(1, round(array.shape[1] * height / array.shape[0]))
    return cv2.resize(array, (width, height), interpolation=cv2.INTER_AREA)
