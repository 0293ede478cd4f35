"""What a clip is coded with when it is written: by its container, as near as can be to what it was."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from otframe.errors import OutputError
from otframe.io.pyav import pyav
from otframe.values import Clip

__all__ = ["Codec", "codec_for", "layout_for"]

_MASTERS = ("prores", "prores_aw", "prores_ks", "dnxhd", "cfhd")
_LOSSLESS = ("ffv1", "huffyuv", "ffvhuff", "utvideo", "rawvideo", "png", "qtrle", "v210", "magicyuv")


@dataclass(frozen=True)
class Codec:
    """An encoder with its settings."""

    name: str
    options: dict[str, str] = field(default_factory=dict)
    whole_blocks: bool = False
    """Whether subsampled chroma must divide the frame's size."""


_X264 = Codec("libx264", {"crf": "16", "preset": "medium"}, whole_blocks=True)
_PRORES = Codec("prores_ks", {"profile": "3"}, whole_blocks=True)
_PRORES_4444 = Codec("prores_ks", {"profile": "4"}, whole_blocks=True)
_FFV1 = Codec("ffv1", {"level": "3", "slices": "12", "slicecrc": "1"})
_FFV1_SMALL = Codec("ffv1", {"level": "3", "slices": "1", "slicecrc": "1"})
_VP9 = Codec("libvpx-vp9", {"crf": "18", "b": "0", "row-mt": "1", "cpu-used": "3"})


def codec_for(suffix: str, clip: Clip, alpha: bool) -> Codec:
    """The encoder: H.264, but masters stay ProRes in MOV, lossless ones and alpha FFV1 in Matroska; WebM is VP9."""
    if suffix == ".webm":
        chosen = _VP9
    elif suffix == ".mov" and (clip.codec in _MASTERS or alpha):
        chosen = _PRORES_4444 if alpha or "444" in clip.layout else _PRORES
    elif suffix == ".mkv" and (clip.codec in _LOSSLESS or alpha):
        chosen = _FFV1 if min(clip.size) >= 64 else _FFV1_SMALL
    else:
        chosen = _X264
    if chosen.name not in pyav().codecs_available:
        raise OutputError(
            f"the installed ffmpeg has no encoder {chosen.name}, which '{suffix}' is written with",
            hint='pip install "otframe[video]" brings one that has it',
        )
    return chosen


def layout_for(codec: Codec, clip: Clip, alpha: bool) -> tuple[str, tuple[str, ...]]:
    """The pixel layout of the encoder that keeps most of the clip's own, and notes on what it does not keep."""
    av = pyav()
    own = _Layout(av.VideoFormat(clip.layout, 64, 64))
    known = [found.name for found in av.Codec(codec.name, "w").video_formats or ()]
    known = [name for name in known if not name.startswith("yuvj") and name != "pal8"]  # the range has a tag of its own
    layouts = {name: _Layout(av.VideoFormat(name, 64, 64)) for name in known}
    if codec.whole_blocks:
        layouts = {n: f for n, f in layouts.items() if not (clip.width % f.chroma[0] or clip.height % f.chroma[1])}
    ranked = ((*_loss(own, layouts[n], alpha), not n.startswith("yuv"), known.index(n), n) for n in layouts)
    best = str(min(ranked)[-1])
    made, notes = layouts[best], []
    if made.depth < clip.depth:
        notes.append(f"{clip.depth} bits were written with {made.depth}: {codec.name} has no more")
    if own.chroma != made.chroma and own.chroma < made.chroma:
        notes.append(f"chroma was written with fewer samples ({best}): {codec.name} has no {clip.layout}")
    if alpha and not made.alpha:
        notes.append(f"alpha was left out: {codec.name} has none; write '.mov', '.mkv' or '.webm'")
    return best, tuple(notes)


class _Layout:
    """What a pixel layout holds."""

    def __init__(self, layout: Any) -> None:
        parts = [part for part in layout.components if not part.is_alpha]
        self.depth = max(part.bits for part in parts)
        self.alpha = len(parts) < len(layout.components)
        self.rgb = bool(layout.is_rgb)
        self.gray = len(parts) == 1
        small = min(parts, key=lambda part: part.width * part.height)
        self.chroma = (64 // small.width, 64 // small.height)


def _loss(own: _Layout, made: _Layout, alpha: bool) -> tuple[bool | int, ...]:
    """How bad a layout is: what it loses first, then what it has for nothing. A graded grey clip has colours."""
    fewer = made.chroma[0] * made.chroma[1] > own.chroma[0] * own.chroma[1]
    return (
        made.gray,
        alpha and not made.alpha,
        max(own.depth - made.depth, 0),
        fewer,
        own.rgb != made.rgb,
        made.alpha and not alpha,
        abs(made.depth - own.depth),
        own.chroma != made.chroma,
    )
