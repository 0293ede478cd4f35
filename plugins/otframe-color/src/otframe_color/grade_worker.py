"""Colour maps at work on frames: each colour of 8 bits is moved once in a clip, deeper frames go through tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch

from otframe.errors import DataError
from otframe.values import FrameEdit, FrameWorker
from otframe.values.maps import interpolated

__all__ = ["GradeWorker", "Memory", "baked"]

Move = Callable[[torch.Tensor], torch.Tensor]

_CODES = 1 << 24
_PIECE = 1 << 18


class GradeWorker(FrameWorker):
    """Frames through maps that are blended by time.

    Parameters
    ----------
    edit : FrameEdit
        What this is the worker of.
    moves : sequence of callable
        Each moves colours `(n, 3)` coded for display.
    place : callable
        The number of the map at a time, and how far it is to the next.
    size : int
        Nodes of the tables that stand for the maps where frames have more than 8 bits; 0 for none.
    """

    def __init__(
        self, edit: FrameEdit, moves: Sequence[Move], place: Callable[[float], tuple[int, float]], size: int
    ) -> None:
        super().__init__(edit)
        self._maps = list(moves)
        self._place = place
        self._size = size
        self._moves: dict[int, Move] = {}
        self._memories: dict[int, Memory] = {}
        self._outside = self._seen = 0

    def __call__(self, samples: np.ndarray, time: float) -> np.ndarray:
        """The graded frame."""
        first, weight = self._place(time)
        self._forget(first)
        if samples.dtype != np.uint8:
            return self._deep(samples, first, weight)
        if len(self._maps) == 1:
            return self._memory(first, np.dtype(np.uint8))(samples)
        start = self._memory(first, np.dtype(np.uint16)).found(samples)
        if weight == 0:
            mixed = cv2.convertScaleAbs(start, alpha=1 / 257)
        else:
            end = self._memory(first + 1, np.dtype(np.uint16)).found(samples)
            # in 16 bits first: mixing two depths at once takes ten times as long
            mixed = cv2.convertScaleAbs(cv2.addWeighted(start, 1 - weight, end, weight, 0), alpha=1 / 257)
        return cv2.cvtColor(mixed, cv2.COLOR_RGBA2RGB)

    def notes(self) -> tuple[str, ...]:
        """How much was clipped."""
        outside = self._outside + sum(memory.outside for memory in self._memories.values())
        seen = self._seen + sum(memory.seen for memory in self._memories.values())
        if not outside:
            return ()
        return (f"{100 * outside / seen:.2g} % of the clip's colours went outside [0, 1] and were clipped",)

    def _move(self, number: int) -> Move:
        if number not in self._moves:
            own = self._maps[number]
            self._moves[number] = baked(own, self._size) if self._size else own
        return self._moves[number]

    def _memory(self, number: int, dtype: np.dtype) -> Memory:
        if number not in self._memories:
            self._memories[number] = Memory(self._maps[number], dtype)
        return self._memories[number]

    def _forget(self, first: int) -> None:
        """Drop what belongs to times that have passed."""
        for number in [k for k in self._memories if k < first]:
            gone = self._memories.pop(number)
            self._outside, self._seen = self._outside + gone.outside, self._seen + gone.seen

    def _deep(self, samples: np.ndarray, first: int, weight: float) -> np.ndarray:
        height, width = samples.shape[:2]
        planes = np.empty((3, height, width), np.float32)
        for channel, plane in enumerate(planes):
            np.multiply(cv2.extractChannel(samples, channel), np.float32(1 / 65535), out=plane)
        points = torch.from_numpy(planes).reshape(3, -1).T
        start = self._move(first)
        if weight == 0:
            moved = start(points)
        else:
            end = self._move(first + 1)
            both = isinstance(start, _Table) and isinstance(end, _Table)
            moved = start.towards(end, weight)(points) if both else torch.lerp(start(points), end(points), weight)  # type: ignore[attr-defined]
        levels = (_finite(moved).T.reshape(3, height, width) * 65535).round_()
        self._seen += height * width
        if float(levels.min()) < 0 or float(levels.max()) > 65535:
            self._outside += int(((levels < 0) | (levels > 65535)).any(0).sum())
            levels.clamp_(0, 65535)
        return np.asarray(cv2.merge([plane.numpy().astype(np.uint16) for plane in levels]))


class Memory:
    """A map of 8-bit colours that remembers every colour that it has moved.

    Parameters
    ----------
    move : callable
        Moves colours `(n, 3)`.
    dtype : numpy.dtype
        uint8, or uint16 over the whole range, of what comes out.
    """

    def __init__(self, move: Move, dtype: np.dtype) -> None:
        self._move = move
        self._part = dtype
        self._top = int(np.iinfo(dtype).max)
        # a colour's three numbers and a fourth that says that they are known; pages untouched take no memory
        self._table = np.zeros(_CODES, np.uint32 if dtype == np.uint8 else np.uint64)
        self._known = self._top << 3 * 8 * dtype.itemsize
        self.outside = self.seen = 0

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Moved colours, `(H, W, 3)`."""
        return cv2.cvtColor(self.found(samples), cv2.COLOR_RGBA2RGB)

    def found(self, samples: np.ndarray) -> np.ndarray:
        """Moved colours with a fourth channel of no meaning."""
        # the fourth byte is 255, so that a colour is a negative number: its place from the end
        codes = cv2.cvtColor(samples, cv2.COLOR_RGB2RGBA).view(np.int32)[..., 0].astype(np.int64)
        moved = np.take(self._table, codes, mode="wrap")
        if int(moved.min()) < self._known:
            self._learn(np.unique(codes[moved < self._known]).astype(np.int32))
            moved = np.take(self._table, codes, mode="wrap")
        return moved.view(self._part).reshape(*samples.shape[:2], 4)

    def _learn(self, codes: np.ndarray) -> None:
        for begin in range(0, len(codes), _PIECE):
            part = codes[begin : begin + _PIECE]
            colors = part.view(np.uint8).reshape(-1, 4)[:, :3]
            levels = _finite(self._move(torch.from_numpy(colors.astype(np.float32) / 255))).numpy() * self._top
            np.rint(levels, out=levels)
            self.outside += int(((levels < 0) | (levels > self._top)).any(1).sum())
            entries = np.full((len(part), 4), self._top, self._part)
            entries[:, :3] = np.clip(levels, 0, self._top)
            self._table[part] = entries.view(self._table.dtype)[:, 0]
        self.seen += len(codes)


class _Table:
    """Displacements on the nodes of the unit cube."""

    def __init__(self, table: torch.Tensor) -> None:
        self._table = table

    def __call__(self, colors: torch.Tensor) -> torch.Tensor:
        zero, one = torch.zeros(3), torch.ones(3)
        return interpolated(self._table, zero, one, colors, onto=colors)

    def towards(self, other: _Table, weight: float) -> _Table:
        return _Table(torch.lerp(self._table, other._table, weight))


def baked(move: Move, size: int) -> _Table:
    """The table of a map of colours coded for display, `size^3` nodes, linear between."""
    steps = torch.linspace(0, 1, size, dtype=torch.float64)
    nodes = torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3)
    moved = [_finite(move(part)) - part for part in nodes.split(_PIECE)]
    return _Table(torch.cat(moved).reshape(size, size, size, 3).float())


def _finite(colors: torch.Tensor) -> torch.Tensor:
    colors = colors.detach().cpu()
    # a sum is finite unless something is not, or it overflows: only then is each looked at
    if not math.isfinite(float(colors.sum())) and not bool(torch.isfinite(colors).all()):
        raise DataError("the colour map moves some colours to NaN or infinity")
    return colors
