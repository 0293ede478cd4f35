"""Reading a clip: its header, and `frames`, which decodes as it goes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

from otframe.errors import ClipReadError, ImageReadError, ParameterError
from otframe.io.clip_color import Colors
from otframe.io.clip_decode import Decoder, is_cover, opened
from otframe.io.limits import check_size
from otframe.io.pyav import pyav
from otframe.io.source import FileSource, file_digest
from otframe.values import Clip, Image

__all__ = ["ClipFile", "frames", "read_clip"]

_FASTEST = 1000
"""Frames a second; more is what a header says that does not know."""


class ClipFile(FileSource):
    """A video file: MP4, MOV, Matroska, WebM or AVI, told by its content, whatever its suffix."""

    value_type = Clip

    def load(self, key: str) -> Clip:
        """The clip, by `read_clip`: its header alone is read."""
        try:
            return read_clip(self.path)
        except ClipReadError as error:
            raise error.at(key=key) from error.__cause__


def read_clip(path: str | Path) -> Clip:
    """The clip of a file, of its first video stream. `ClipReadError` where it is none or has no picture.

    The file must stay where it is, as it is, while the clip is used.
    """
    path = Path(path)
    digest = file_digest(path)
    with opened(path) as container:
        stream = next((s for s in container.streams.video if not is_cover(s)), None)
        if stream is None:
            raise ClipReadError(f"{path} has no video stream")
        context = stream.codec_context
        if context is None or context.format is None or not context.width or not context.height:
            raise ClipReadError(f"{path} has video of no known size or format: it is cut short or damaged")
        try:
            check_size(context.width, context.height, 3, str(path))
        except ImageReadError as error:
            raise ClipReadError(error.message, hint=error.hint) from None
        start, turn = _first(container, stream, path)
        width, height = (context.height, context.width) if turn in (90, 270) else (context.width, context.height)
        rates = stream.average_rate, stream.guessed_rate, stream.base_rate
        rate = next((found for found in rates if found and 0 < found <= _FASTEST), Fraction(25))
        scale = stream.time_base
        length = float(stream.duration * scale if stream.duration and scale else (container.duration or 0) / 1_000_000)
        if not stream.duration and "matroska" in container.format.name:
            length = max(length - start, 0.0)  # it counts from zero, whenever the first frame comes
        others = [f"{s.type} {s.codec_context.name if s.codec_context else ''}".strip() for s in container.streams]
        return Clip(
            path=str(path.absolute()),
            digest=digest,
            width=width,
            height=height,
            start=start,
            duration=length,
            frames=int(stream.frames),
            rate=(rate.numerator, rate.denominator),
            codec=context.codec.name,
            layout=context.format.name,
            depth=max(part.bits for part in context.format.components),
            turn=turn,
            primaries=int(context.color_primaries),
            transfer=int(context.color_trc),
            matrix=int(context.colorspace),
            range=2 if context.format.name.startswith("yuvj") else int(context.color_range),
            others=tuple(text for s, text in zip(container.streams, others, strict=True) if s is not stream),
        )


def frames(
    clip: Clip, *, count: int | None = None, start: float = 0.0, end: float | None = None
) -> Iterator[tuple[float, Image]]:
    """Frames with their times, upright, edits done, decoded as they are asked for.

    8-bit frames k become k / 255, deeper ones pass through 16 bits. Values are as coded for display: PQ and HLG too.

    Parameters
    ----------
    clip : Clip
        What is read. `ClipReadError` where its file has changed, is damaged or ends before its header says.
    count : int, optional
        That many, in the middles of equal stretches of the time; absent, all.
    start, end : float, optional
        Seconds from the first frame; frames from `start` up to but not at `end`.

    Yields
    ------
    tuple of float and Image
        Seconds from the first frame, and the frame, space `srgb`.
    """
    stop = math.inf if end is None else end
    if not 0 <= start < stop or (count is not None and count < 1):
        raise ParameterError(f"wanted a stretch of time and at least one frame, got {start} to {stop}, {count}")
    workers = [edit.worker() for edit in clip.edits]
    colors = Colors(clip)
    depth = "uint16" if clip.depth > 8 else "uint8"
    stem = Path(clip.path).stem
    with Decoder(clip) as decoder:
        chosen = decoder.between(start, stop) if count is None else decoder.spread(start, stop, count)
        for time, frame in chosen:
            samples, alpha = colors.samples(frame)
            for worker in workers:
                samples = worker(samples, time)
            image = Image.from_numpy(samples, meta=MappingProxyType({"stem": stem, "depth": depth}))
            yield time, image if alpha is None else _with_alpha(image, alpha)


def _with_alpha(image: Image, alpha: Any) -> Image:
    straight = Image.from_numpy(alpha).pixels[0]
    return Image(image.pixels, straight, image.space, image.meta)


def _first(container: Any, stream: Any, path: Path) -> tuple[float, int]:
    """When the first frame is shown, and how it is to be turned, which no header of the library's tells."""
    try:
        for frame in container.decode(stream):
            time = 0.0 if frame.pts is None else float(frame.pts * frame.time_base)
            return time, int(round(frame.rotation / 90) * 90 % 360)
    except pyav().error.FFmpegError as error:
        raise ClipReadError(f"{path} cannot be decoded from its first frame on: {error.strerror}") from error
    raise ClipReadError(f"{path} has no frame that can be decoded: it is cut short or damaged")
