"""Writing a clip: decoded, edited and encoded frame by frame, everything else copied."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

from otframe.errors import OutputError
from otframe.io.clip_codecs import codec_for, layout_for
from otframe.io.clip_color import Colors
from otframe.io.clip_decode import Decoder
from otframe.io.clip_streams import Copied, copied_metadata
from otframe.io.pyav import pyav
from otframe.io.writer import writes
from otframe.registry import Registry
from otframe.values import Clip

__all__ = ["write_clip"]

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EACCES, errno.EROFS)
"""What the disk itself says; how a file is written tells people about it."""


@writes(Clip)
def write_clip(clip: Clip, path: Path, registry: Registry) -> tuple[str, ...]:
    """Write a clip by the path's suffix.

    Frames keep their times, colour tags, bit depth and chroma, as far as the codec has them; what is not kept gets a
    note. Other streams are copied packet by packet. Without an edit the video stream is copied too, where the container
    takes it. Turned frames are written upright. Memory does not grow with the length.
    """
    if Path(path).resolve() == Path(clip.path).resolve():
        raise OutputError(f"{path} is the clip itself", hint="write to another name")
    av = pyav()
    with Decoder(clip) as decoder:
        try:
            # bit for bit the same file for the same clip: no random identifiers, no date of writing
            options = {"fflags": "+bitexact"}
            # titles whose letters are none come through as the bytes that they are
            target = av.open(str(path), "w", options=options, metadata_errors="surrogateescape")
        except (av.error.FFmpegError, ValueError) as error:
            raise OutputError(f"'{path.suffix}' cannot be written: {error}") from error
        try:
            with target:
                plain = not clip.edits and clip.codec in target.supported_codecs
                notes = _remuxed(decoder, target) if plain else _encoded(clip, decoder, target, path.suffix.lower())
        except av.error.FFmpegError as error:
            if error.errno in _DISK:
                raise OSError(error.errno, error.strerror) from error
            told = f"{clip.path} cannot be written as '{path.suffix}': {error.strerror or error}"
            raise OutputError(told, hint="'.mkv' takes most streams") from error
    return notes


def _remuxed(decoder: Decoder, target: Any) -> tuple[str, ...]:
    """Every stream copied."""
    copied = Copied(decoder.container, target, None)
    copied_metadata(decoder.container, target)
    packets = 0
    for packet in decoder.packets(_read_from(decoder, copied)):
        if packet.stream.index == decoder.stream.index and packet.size:
            packets += 1
            decoder.passed(packet)
        copied.mux(packet)
    decoder.check_whole(packets)
    return tuple(copied.notes)


def _encoded(clip: Clip, decoder: Decoder, target: Any, suffix: str) -> tuple[str, ...]:
    colors = Colors(clip)
    codec = codec_for(suffix, clip, colors.alpha)
    layout, notes = layout_for(codec, clip, colors.alpha)
    tagged = _tagged(clip, layout)
    back = Colors(tagged)
    stream = _video(tagged, decoder, target, codec.name, layout, codec.options)
    copied = Copied(decoder.container, target, decoder.stream)
    copied_metadata(decoder.container, target)
    kept = {k: v for k, v in decoder.stream.metadata.items() if k.lower() not in ("encoder", "duration")}
    stream.metadata.update(kept)
    workers = [edit.worker() for edit in clip.edits]
    keeps_alpha = colors.alpha and any(part.is_alpha for part in pyav().VideoFormat(layout, 64, 64).components)
    packets, interlaced = 0, False
    for packet in decoder.packets(_read_from(decoder, copied)):
        if packet.stream.index != decoder.stream.index:
            copied.mux(packet)
            continue
        packets += packet.size > 0
        for frame in decoder.decode(packet):
            interlaced |= bool(frame.interlaced_frame)
            samples, alpha = colors.samples(frame)
            for worker in workers:
                samples = worker(samples, decoder.time(frame))
            made = back.frame(samples, alpha if keeps_alpha else None, layout)
            made.pts, made.time_base, made.duration = frame.pts, frame.time_base, frame.duration
            target.mux(stream.encode(made))
    target.mux(stream.encode(None))
    decoder.check_whole(packets)
    notes += tuple(note for worker in workers for note in worker.notes())
    return (*copied.notes, *notes, *decoder.notes, *_told(clip, decoder, stream, interlaced))


def _tagged(clip: Clip, layout: str) -> Clip:
    """The clip with the tags that are written: RGB that is written as YCbCr gets a matrix and the limited range."""
    if clip.matrix != 0 or pyav().VideoFormat(layout).is_rgb:
        return clip
    return replace(clip, matrix=1, range=1)


def _video(clip: Clip, decoder: Decoder, target: Any, codec: str, layout: str, options: dict[str, str]) -> Any:
    """The stream that the frames go to, tagged as the source is."""
    source = decoder.stream
    stream = target.add_stream(codec, rate=clip.fps, options=options)
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = clip.width, clip.height, layout
    context.time_base = stream.time_base = source.time_base
    context.color_primaries, context.color_trc = clip.primaries, clip.transfer
    context.colorspace, context.color_range = clip.matrix, clip.range
    ratio = source.sample_aspect_ratio
    if ratio:
        context.sample_aspect_ratio = ratio if clip.turn in (0, 180) else 1 / ratio
    context.flags |= int(pyav().codec.context.Flags.frame_duration)
    context.thread_type = "AUTO"
    return stream


def _read_from(decoder: Decoder, copied: Copied) -> list[Any]:
    taken = {decoder.stream.index, *copied.pairs}
    return [stream for stream in decoder.container.streams if stream.index in taken]


def _told(clip: Clip, decoder: Decoder, stream: Any, interlaced: bool) -> tuple[str, ...]:
    notes = []
    if stream.time_base > decoder.stream.time_base and decoder.stream.time_base % stream.time_base:
        notes.append(f"times were rounded to {float(stream.time_base):.2g} s, which is what the container has")
    if interlaced:
        notes.append("the clip is interlaced; its fields were written woven into whole frames")
    if clip.high_dynamic_range:
        name = "PQ" if clip.transfer == 16 else "HLG"
        notes.append(f"the frames are {name}: coded values were edited as they are, and mastering data was left out")
    return tuple(notes)
