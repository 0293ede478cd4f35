"""`color.flicker`: how unsteady a graded clip is where its source stands still."""

from __future__ import annotations

from itertools import islice
from typing import ClassVar

import cv2
import numpy as np
from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Component, Transform
from otframe.io.clip_file import frames
from otframe.values import Clip, Table

__all__ = ["Flicker"]

_SIDE = 16


class Flicker(Transform):
    """What changes from frame to frame in a clip and in what was made of it, where the clip is flat and stands still.

    `change` is the mean absolute difference `|f(t) - f(t-1)|` of a channel. `flicker` is that of the second difference
    `|f(t+1) - 2 f(t) + f(t-1)| / 2` of the means of squares of 16 x 16 pixels: a look that follows slow light changes,
    but only one that jumps to and fro flickers, and noise is averaged out. `grain` is the same of single pixels. All
    are in levels of 255. What the source has (noise, slow motion, coding) is told beside it: a map that steepens
    colours enlarges that too.
    """

    references: ClassVar[tuple[str, ...]] = ()

    frames: int = Parameter(default=120, ge=3, le=1_000_000)
    """How many frames from the first on are looked at."""

    still: float = Parameter(default=3.0, gt=0.0, le=255.0)
    """The most that a pixel of the source may change from frame to frame, in levels of 255, to be standing still."""

    flat: float = Parameter(default=6.0, gt=0.0, le=255.0)
    """The largest standard deviation of the source over 5 x 5 pixels, in levels of 255, that is flat."""

    @classmethod
    def examples(cls) -> list[Component]:
        """The default; everything that moves little."""
        return [cls(), cls(frames=5, still=60.0, flat=255.0)]

    def __call__(self, before: Clip, after: Clip) -> Table:
        """Measure both.

        Parameters
        ----------
        before, after : Clip
            Of one size, frame by frame the same times.

        Returns
        -------
        Table
            Rows `before`, `after` and `ratio` (empty where the clip does not change at all); columns `change`,
            `flicker`, `grain` and `share`, the part of the pixels that was looked at. Cells are empty where no pixel
            is flat and stands still, those of `flicker` where no square is by half.
        """
        if before.size != after.size:
            raise DataError(f"wanted clips of one size, got {before.size} and {after.size}", port="after")
        sums, counts, seen = np.zeros((2, 3)), np.zeros(3), 0
        held: list[np.ndarray] = []
        both = zip(frames(before), frames(after), strict=False)
        for (start, one), (end, other) in islice(both, self.frames):
            if abs(start - end) > 0.01:
                raise DataError(f"the clips' frames have other times: {start:.3f} s and {end:.3f} s", port="after")
            pair = np.stack([one.numpy()[..., :3], other.numpy()[..., :3]]) * np.float32(255)
            held = [*held[-2:], pair]
            if len(held) == 3:
                mask = self._steady(*(pair[0] for pair in held))
                second = (held[2] - 2 * held[1] + held[0]) / 2
                looked = (held[2] - held[1])[:, mask], _squares(second, mask), second[:, mask]
                sums += np.stack([np.abs(part).sum((1, 2), dtype=np.float64) for part in looked], 1)
                counts += [3 * part.shape[1] for part in looked]
                seen += mask.size
        if not seen:
            raise DataError("wanted clips of at least three frames", port="before")
        return _told(sums, counts, float(counts[0]) / 3 / seen)

    def _steady(self, *source: np.ndarray) -> np.ndarray:
        """Where three frames of the source are flat and stand still."""
        now = source[1]
        spread = np.sqrt(np.maximum(cv2.blur(now * now, (5, 5)) - cv2.blur(now, (5, 5)) ** 2, 0)).max(2)
        moved = np.maximum(np.abs(source[1] - source[0]), np.abs(source[2] - source[1])).max(2)
        return (spread <= self.flat) & (moved <= self.still)


def _squares(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Means `(2, n, 3)` over squares of which the mask holds at least half."""
    height, width = (side // _SIDE * _SIDE for side in mask.shape)
    shape = (height // _SIDE, _SIDE, width // _SIDE, _SIDE)
    held = mask[:height, :width].reshape(shape).sum((1, 3))
    sums = (values * mask[..., None])[:, :height, :width].reshape(2, *shape, 3).sum((2, 4))
    kept = held >= _SIDE * _SIDE / 2
    return sums[:, kept] / held[kept][:, None]


def _told(sums: np.ndarray, counts: np.ndarray, share: float) -> Table:
    means = [[float(s / n) if n else None for s, n in zip(row, counts, strict=True)] for row in sums]
    ratio = [b / a if a and b is not None else None for a, b in zip(*means, strict=True)]
    rows = (("before", *means[0], share), ("after", *means[1], share), ("ratio", *ratio, None))
    columns, better = ("clip", "change", "flicker", "grain", "share"), ("", "lower", "lower", "lower", "")
    return Table(columns, rows, "Flicker, in levels of 255", better)
