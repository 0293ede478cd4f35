"""`Clip`: a video file and what is to be done to its frames; `FrameEdit`: one thing to do."""

from __future__ import annotations

import abc
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from otframe.errors import DataError
from otframe.values.base import Value
from otframe.values.image import Image

__all__ = ["Clip", "FrameEdit", "FrameWorker"]

_LEVELS = {"uint8": 255, "uint16": 65535}


@dataclass(frozen=True, eq=False)
class FrameEdit(Value, abc.ABC):
    """Base of what can be done to a frame. It keeps the frame's size, and knows no other frame."""

    @abc.abstractmethod
    def __call__(self, image: Image, time: float) -> Image:
        """The edited frame; `time` in seconds from the clip's first frame."""

    def worker(self) -> FrameWorker:
        """What does the edit for one pass through a clip, on integers as they are stored."""
        return FrameWorker(self)


class FrameWorker:
    """An edit at work on the frames of one clip, in order. A kind of edit that has a faster way has its own worker,
    which may remember what it has computed.

    Parameters
    ----------
    edit : FrameEdit
        What is done.
    """

    def __init__(self, edit: FrameEdit) -> None:
        self.edit = edit
        self._clipped = 0

    def __call__(self, samples: np.ndarray, time: float) -> np.ndarray:
        """Samples `(H, W, 3)`, uint8 or uint16 over the whole range, and the same edited: rounded and clipped."""
        made = self.edit(Image.from_numpy(samples), time)
        if made.size != samples.shape[:2] or made.channels != 3:
            raise DataError(f"{type(self.edit).__name__} made {made} of a frame {samples.shape}, not of its size")
        levels = made.pixels.detach().cpu().permute(1, 2, 0).numpy() * np.float32(_LEVELS[samples.dtype.name])
        if not np.isfinite(levels).all():
            raise DataError(f"{type(self.edit).__name__} made NaN or infinity at {time:.3f} s")
        np.rint(levels, out=levels)
        top = _LEVELS[samples.dtype.name]
        self._clipped += bool(levels.min() < 0 or levels.max() > top)
        return np.ascontiguousarray(np.clip(levels, 0, top)).astype(samples.dtype)

    def notes(self) -> tuple[str, ...]:
        """What was lost, in words; asked at the end of the clip."""
        return (f"colours outside [0, 1] were clipped in {self._clipped} frames",) if self._clipped else ()


@dataclass(frozen=True, eq=False, repr=False)
class Clip(Value):
    """A video file, what its header says, and edits that are done to each frame when it is read. It holds no pixels.

    Parameters
    ----------
    path : str
        The file.
    digest : str
        The sha256 of its bytes: a file that has changed since is refused.
    width, height : int
        In pixels, of the upright frame.
    start : float
        When the first frame is shown, in seconds of the file's own time.
    duration : float
        Seconds; 0 where the header does not tell.
    frames : int
        Their number; 0 where the header does not tell.
    rate : tuple of int
        Mean frames a second, as a fraction. Frames may come at any times; these are kept.
    codec, layout : str
        As ffmpeg calls them, such as `h264` and `yuv420p10le`.
    depth : int
        Bits of a channel.
    turn : int
        Degrees by which stored frames are turned counterclockwise to be upright: 0, 90, 180 or 270.
    primaries, transfer, matrix : int
        Colour tags, code points of ITU-T H.273: 1 is BT.709, 9 BT.2020, 16 (transfer) PQ, 18 HLG, 2 not said.
    range : int
        1 limited (16 to 235 of 8 bits), 2 full, 0 not said, which means limited.
    others : tuple of str
        The other streams, in words: `audio aac`, ...
    edits : tuple of FrameEdit
        What is done to each frame, in this order.
    """

    path: str
    digest: str
    width: int
    height: int
    start: float = 0.0
    duration: float = 0.0
    frames: int = 0
    rate: tuple[int, int] = (25, 1)
    codec: str = ""
    layout: str = "yuv420p"
    depth: int = 8
    turn: int = 0
    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    range: int = 0
    others: tuple[str, ...] = ()
    edits: tuple[FrameEdit, ...] = ()

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1 or min(self.rate) < 1 or self.turn not in (0, 90, 180, 270):
            raise DataError(
                f"a clip has pixels, a rate and a turn by right angles, got {self.width} x {self.height}, "
                f"{self.rate[0]}/{self.rate[1]}, {self.turn}"
            )
        if not all(isinstance(edit, FrameEdit) for edit in self.edits):
            raise DataError("a clip's edits are values of the kind FrameEdit")

    def __repr__(self) -> str:
        edits = f", {len(self.edits)} edits" if self.edits else ""
        length = f"{self.duration:.2f} s" if self.duration else "of unknown length"
        return f"Clip({self.width} x {self.height}, {length} at {float(self.fps):.5g}/s, {self.depth} bits{edits})"

    @property
    def fps(self) -> Fraction:
        """Mean frames a second."""
        return Fraction(*self.rate)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width

    @property
    def high_dynamic_range(self) -> bool:
        """Whether the frames are coded by PQ or HLG, which stand for light beyond a display's white."""
        return self.transfer in (16, 18)

    def edited(self, edit: FrameEdit) -> Clip:
        """The clip with one more edit."""
        return replace(self, edits=(*self.edits, edit))
