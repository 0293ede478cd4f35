"""`make_clip`: a video file of frames that are given, for samples, tests and benchmarks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from otframe.io.clip_color import Colors
from otframe.io.pyav import pyav
from otframe.values import Clip

__all__ = ["make_clip"]


def make_clip(
    path: str | Path,
    frames: Iterable[np.ndarray],
    *,
    rate: Fraction = Fraction(25),
    times: Sequence[Fraction] | None = None,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    layout: str = "yuv420p",
    tags: tuple[int, int, int, int] = (1, 1, 1, 1),
    tone: float = 0.0,
    audio: str = "aac",
) -> Path:
    """Write frames `(H, W, 3)`, uint8 or uint16, to a video file, with a sine of sound.

    Parameters
    ----------
    path : str or Path
        Its suffix chooses the container.
    frames : iterable of numpy.ndarray
        All of one shape.
    rate : Fraction
        Frames a second.
    times : sequence of Fraction, optional
        Seconds of each frame, rising; absent, evenly spaced. Stored as multiples of 1/90000 s.
    codec, layout : str
        As ffmpeg calls them.
    options : dict, optional
        Of the encoder; absent, quick and nearly without loss.
    tags : tuple of int
        Primaries, transfer, matrix (code points of H.273) and range (1 limited, 2 full).
    tone : float
        Frequency of the sound in Hz; 0 for none.
    audio : str
        Codec of the sound.
    """
    av = pyav()
    if options is None:
        options = {"crf": "4", "preset": "veryfast", "threads": "1"} if codec == "libx264" else {}
    base = Fraction(1, 90000)
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as target:
        stream = target.add_stream(codec, rate=rate, options=options)
        context = stream.codec_context
        context.time_base = stream.time_base = base
        context.flags |= int(av.codec.context.Flags.frame_duration)
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = tags
        sound = target.add_stream(audio, rate=48000, layout="mono") if tone else None
        colors: Colors | None = None
        end = Fraction(0)
        for index, samples in enumerate(frames):
            if colors is None:
                height, width = samples.shape[:2]
                context.width, context.height, context.pix_fmt = width, height, layout
                depth = 8 if samples.dtype == np.uint8 else 16
                shape = Clip(str(path), "", width, height, layout=layout, depth=depth, matrix=tags[2], range=tags[3])
                colors = Colors(shape)
            begin = times[index] if times is not None else index / rate
            end = times[index + 1] if times is not None and index + 1 < len(times) else begin + 1 / rate
            frame = colors.frame(samples, None, layout)
            frame.pts, frame.time_base = round(begin / base), base
            frame.duration = round((end - begin) / base)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
        if sound is not None:
            _sing(av, target, sound, tone, float(end))
    return Path(path)


def _sing(av: Any, target: Any, stream: Any, tone: float, seconds: float) -> None:
    wave = 0.25 * np.sin(2 * np.pi * tone * np.arange(round(48000 * seconds)) / 48000)
    for begin in range(0, len(wave), 1024):
        part = wave[begin : begin + 1024].astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, begin, Fraction(1, 48000)
        target.mux(stream.encode(frame))
    target.mux(stream.encode(None))
