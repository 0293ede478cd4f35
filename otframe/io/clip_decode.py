"""`Decoder`: the packets and frames of a clip in order; a typed error where the file is not what its header says."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from otframe.errors import ClipReadError
from otframe.io.ffv1 import Checksums
from otframe.io.pyav import pyav
from otframe.io.source import file_digest
from otframe.values import Clip

__all__ = ["Decoder", "is_cover", "opened"]

_ALONE = {"format_whitelist": "mov,mp4,matroska,webm,avi", "protocol_whitelist": "file"}
"""A file is opened by its content, which may be a playlist of other files or of the network: none is followed."""
_FAR = 4.0
"""Seconds from which on it is quicker to seek than to decode what lies between."""


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A container to read; `ClipReadError` where it cannot be opened."""
    av = pyav()
    try:
        container = av.open(str(path), options=_ALONE, metadata_errors="surrogateescape")
    except (av.error.FFmpegError, OSError) as error:
        told = f"{path} cannot be read as video: {error.strerror or error}"
        raise ClipReadError(told, hint="it may be cut short or no video") from error
    try:
        yield container
    finally:
        container.close()


def is_cover(stream: Any) -> bool:
    """Whether a video stream is one picture to show instead of the film."""
    return bool(stream.disposition & type(stream.disposition).attached_pic)


class Decoder:
    """A clip's file, opened for one pass.

    Parameters
    ----------
    clip : Clip
        What is read; edits are not done here.
    """

    def __init__(self, clip: Clip) -> None:
        self.clip = clip
        self._av = pyav()
        self._stack = contextlib.ExitStack()
        self._last = -math.inf
        self._end = -math.inf
        self._reach = -math.inf
        self._length = 0.0
        self.notes: list[str] = []
        self._checksums = Checksums() if clip.codec == "ffv1" else None

    def __enter__(self) -> Self:
        path = Path(self.clip.path)
        if not path.is_file():
            raise ClipReadError(f"the clip's file {path} is gone", hint="a clip refers to its file: keep it in place")
        if file_digest(path) != self.clip.digest:
            raise ClipReadError(f"{path} has changed since the clip was opened", hint="open it again")
        self.container = self._stack.enter_context(opened(path))
        self.stream = next(s for s in self.container.streams.video if not is_cover(s))
        self.stream.thread_type = "AUTO"
        # a damaged slice is an error, not a grey patch
        self.stream.codec_context.options = {"err_detect": "explode"}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def time(self, frame: Any) -> float:
        """Seconds from the first frame."""
        if frame.pts is None:
            raise self._damaged("a frame has no time")
        return float(frame.pts * frame.time_base) - self.clip.start

    def packets(self, streams: list[Any] | None = None) -> Iterator[Any]:
        """Packets of some streams, or of the clip's alone, in the file's order, with the empty ones that end them."""
        try:
            for packet in self.container.demux(streams or [self.stream]):
                if packet.is_corrupt:
                    raise self._damaged("a packet is damaged")
                if self._checksums and packet.size and packet.stream.index == self.stream.index:
                    self._check(packet)
                yield packet
        except self._av.error.FFmpegError as error:
            raise self._damaged(error.strerror or str(error)) from error

    def _check(self, packet: Any) -> None:
        if self._checksums and not self._checksums.whole(bytes(packet)):
            raise self._damaged("a checksum is wrong")

    def decode(self, packet: Any) -> list[Any]:
        """The frames that a packet completes."""
        try:
            found = packet.decode()
        except self._av.error.FFmpegError as error:
            raise self._damaged(error.strerror or str(error)) from error
        for frame in found:
            height, width = self.clip.size if self.clip.turn in (0, 180) else self.clip.size[::-1]
            if frame.is_corrupt:
                raise self._damaged("a frame is damaged")
            if (frame.height, frame.width) != (height, width):
                raise self._damaged(f"frames change from {width} x {height} to {frame.width} x {frame.height}")
            self._follow(self.time(frame), float((frame.duration or 0) * frame.time_base))
        return list(found)

    def _follow(self, time: float, length: float) -> None:
        """Mark that a frame came; where the one before ended far earlier, a part of the file may be missing."""
        if math.isfinite(self._end) and self._length and time - self._end > max(2 * self._length, 0.1):
            self.notes.append(f"no frame is shown from {self._end:.3f} s to {time:.3f} s: part of the file may be gone")
        self._last, self._end, self._length = max(self._last, time), time + length, length
        self._reach = max(self._reach, self._end)

    def passed(self, packet: Any) -> None:
        """Mark that a packet was taken as it is, without being decoded."""
        time = float((packet.pts or 0) * packet.time_base) - self.clip.start
        self._last = max(self._last, time)
        self._reach = max(self._reach, time + float((packet.duration or 0) * packet.time_base))

    def between(self, start: float, stop: float) -> Iterator[tuple[float, Any]]:
        """Frames with their times, from `start` up to `stop`; to the end of the file it must be whole."""
        self._seek(start)
        packets = 0
        for packet in self.packets():
            packets += packet.size > 0
            for frame in self.decode(packet):
                time = self.time(frame)
                if time >= stop:
                    return
                if time >= start - 1e-9:
                    yield time, frame
        if start == 0:
            self.check_whole(packets)

    def spread(self, start: float, stop: float, count: int) -> Iterator[tuple[float, Any]]:
        """Frames that are shown in the middles of `count` equal stretches; each once, where there are fewer."""
        stop = min(stop, self.clip.duration) if self.clip.duration else stop
        if not math.isfinite(stop):
            stop = max((time for time, _ in self._onward()), default=0.0)
            stop = max(stop, self._reach)
            self.container.seek(0)
            self._end = -math.inf
        if start >= stop:
            return
        onward = self._onward()
        shown: tuple[float, Any] | None = None
        ahead: tuple[float, Any] | None = None
        given = -math.inf
        for k in range(count):
            wanted = start + (k + 0.5) * (stop - start) / count
            if self._seek(wanted, since=0.0 if shown is None else shown[0]):
                onward, ahead = self._onward(), None
            while ahead is None or ahead[0] <= wanted:
                shown, ahead = ahead or shown, next(onward, None)
                if ahead is None:
                    break
            shown = shown or ahead
            if shown is not None and shown[0] > given:
                given = shown[0]
                yield shown

    def check_whole(self, packets: int) -> None:
        """`ClipReadError` where the file ends before its header says."""
        if packets < self.clip.frames:
            raise self._damaged(f"it ends after {packets} of {self.clip.frames} frames")
        told = _seconds(self.stream.metadata.get("DURATION", ""))
        if told is not None:  # Matroska: of this stream alone, so that it is exact
            if self._reach + self.clip.start + 0.6 / float(self.clip.fps) < told:
                raise self._damaged(f"it ends before its {told - self.clip.start:.3f} s")
        elif not self.clip.frames and not self.clip.others:
            slack = 0.5 + 3 / float(self.clip.fps)
            if self._last + slack < self.clip.duration:
                raise self._damaged(f"it ends before its {self.clip.duration:.2f} s")

    def _onward(self) -> Iterator[tuple[float, Any]]:
        for packet in self.packets():
            for frame in self.decode(packet):
                yield self.time(frame), frame

    def _seek(self, time: float, since: float = 0.0) -> bool:
        """Go to the key frame before a time where that is far enough; whether it was."""
        if time - since <= _FAR:
            return False
        at = int((time + self.clip.start) / self.stream.time_base)
        try:
            self.container.seek(at, stream=self.stream, backward=True)
        except self._av.error.FFmpegError as error:
            raise self._damaged(f"cannot go to {time:.2f} s: {error.strerror}") from error
        self._end = -math.inf
        return True

    def _damaged(self, reason: str) -> ClipReadError:
        where = "at its beginning" if self._last < 0 else f"after {self._last:.3f} s"
        return ClipReadError(f"{self.clip.path} is damaged or cut short {where}: {reason}", hint="make or copy it anew")


def _seconds(text: str) -> float | None:
    """Of `HH:MM:SS.fraction`."""
    parts = text.split(":")
    try:
        return 3600 * int(parts[0]) + 60 * int(parts[1]) + float(parts[2]) if len(parts) == 3 else None
    except ValueError:
        return None
