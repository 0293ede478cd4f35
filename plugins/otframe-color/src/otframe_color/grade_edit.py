"""`ColorGrade`: one colour map for a whole clip, or several that follow each other smoothly."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from otframe.errors import DataError
from otframe.values import FrameEdit, Image
from otframe_color.apply import recolored
from otframe_color.grade_worker import GradeWorker
from otframe_color.maps import ColorMap
from otframe_color.spaces import Coding, coded

__all__ = ["BlendedMap", "ColorGrade"]


@dataclass(frozen=True, eq=False)
class BlendedMap(ColorMap):
    """A convex combination of two maps of one coding: `(1 - weight) first + weight second`."""

    first: ColorMap
    second: ColorMap
    weight: float

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1 or self.first.coding != self.second.coding:
            raise DataError(f"maps of one coding are blended by a weight from 0 to 1, got {self.weight}")

    @property
    def coding(self) -> Coding:
        """That of both."""
        return self.first.coding

    def __call__(self, colors: torch.Tensor) -> torch.Tensor:
        """Move colours, shape `(n, 3)`."""
        return torch.lerp(self.first(colors), self.second(colors), self.weight)


@dataclass(frozen=True, eq=False)
class ColorGrade(FrameEdit):
    """The look of a clip: colour maps at times, blended in between. The same colour at one time goes to one colour.

    Between two times the displacements are combined convexly, so that a colour moves from frame to frame by no more
    than the two maps differ, times the share of the way. Before the first and after the last time they stay.

    Parameters
    ----------
    maps : tuple of ColorMap
        All of one coding.
    times : tuple of float
        Seconds from the first frame, rising, as many as maps.
    ease : bool
        Whether the way between two maps starts and ends slowly (`3 t^2 - 2 t^3`); else it is even.
    size : int
        Nodes on each axis of the tables that stand for the maps where frames have more than 8 bits; 0 for the maps
        themselves. Colours of 8 bits are few, and moved by the maps.
    """

    maps: tuple[ColorMap, ...]
    times: tuple[float, ...] = (0.0,)
    ease: bool = False
    size: int = 65

    def __post_init__(self) -> None:
        if not self.maps or len(self.maps) != len(self.times):
            raise DataError(f"a look has as many times as maps, at least one, got {len(self.maps)}, {len(self.times)}")
        if any(b <= a for a, b in zip(self.times, self.times[1:], strict=False)):
            raise DataError(f"the times of a look rise, got {self.times}")
        if len({found.coding for found in self.maps}) != 1:
            raise DataError("the maps of a look have one coding", hint="fit them in one working space")
        if self.size != 0 and not 2 <= self.size <= 129:
            raise DataError(f"a table has 2 to 129 nodes on each axis, got {self.size}")

    def __call__(self, image: Image, time: float) -> Image:
        """The recoloured frame."""
        return recolored(self.at(time), image)

    def place(self, time: float) -> tuple[int, float]:
        """The last map at or before a time, and how far it is on the way to the next, 0 to 1."""
        if time <= self.times[0] or len(self.times) == 1:
            return 0, 0.0
        last = len(self.times) - 1
        if time >= self.times[last]:
            return last, 0.0
        first = max(k for k in range(last) if self.times[k] <= time)
        along = (time - self.times[first]) / (self.times[first + 1] - self.times[first])
        return first, along * along * (3 - 2 * along) if self.ease else along

    def at(self, time: float) -> ColorMap:
        """The map of one time."""
        first, weight = self.place(time)
        return self.maps[first] if weight == 0 else BlendedMap(self.maps[first], self.maps[first + 1], weight)

    def worker(self) -> GradeWorker:
        """What grades the frames of one clip, fast."""
        maps = [self._coded(found) for found in self.maps]
        return GradeWorker(self, maps, self.place, self.size)

    def _coded(self, map: ColorMap) -> ColorMap:
        return map if map.coding == "srgb" else _Coded(map)


class _Coded:
    """A map of light, as one of coded colours."""

    def __init__(self, map: ColorMap) -> None:
        self._map = map

    def __call__(self, colors: torch.Tensor) -> torch.Tensor:
        return coded(self._map(coded(colors, "srgb", self._map.coding)), self._map.coding, "srgb")
