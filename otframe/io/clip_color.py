"""Between a clip's coded frames and RGB samples, by the clip's own matrix and range, which decoders leave to chance."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from otframe.errors import ClipReadError
from otframe.io.pyav import pyav
from otframe.values import Clip

__all__ = ["Colors"]

_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}
"""Code points of H.273 to the scaler's names."""
_NAMES = {8: "YCgCo", 10: "BT.2020 constant luminance", 14: "ICtCp", 15: "IPT-C2"}
_FULL = 2
_EXACT = 0x4 | 0x40000 | 0x2000 | 0x4000
"""Flags of the scaler: bicubic, exact rounding, full chroma in and out. Other ways are off by two levels, or in 16 bits
by half of the range."""
_TOP = 65535


class Colors:
    """The way from coded frames to samples `(H, W, 3)` and back. 8 bits stay 8, deeper frames go through 16.

    An untagged clip is taken as players take it: BT.709 from 1280 columns or 577 rows on, BT.601 below.

    Parameters
    ----------
    clip : Clip
        Gives matrix, range, depth and turn.
    """

    def __init__(self, clip: Clip) -> None:
        self._av = pyav()
        self._clip = clip
        self._matrix = self._chosen()
        self._range = clip.range or 1
        self.alpha = any(part.is_alpha for part in self._av.VideoFormat(clip.layout, 64, 64).components)
        self._deep = clip.depth > 8
        self._clip_is_rgb = self._av.VideoFormat(clip.layout).is_rgb
        # where the scaler puts white and opaque in 16 bits: it shifts the codes of YCbCr and does not scale them
        self._opaque = (_TOP + 1) - ((_TOP + 1) >> min(clip.depth, 16))
        self._white = self._opaque if self._range == _FULL else 255 << 8
        self._scaler = self._av.video.reformatter.VideoReformatter()
        self._back = self._av.video.reformatter.VideoReformatter()

    def _chosen(self) -> int:
        clip = self._clip
        if clip.matrix in _MATRICES:
            return _MATRICES[clip.matrix]
        if clip.matrix in (0, 2, 3):
            wide = max(clip.width, clip.height) >= 1280 or min(clip.width, clip.height) > 576
            return 1 if wide else 5
        name = _NAMES.get(clip.matrix, f"code point {clip.matrix}")
        raise ClipReadError(
            f"{clip.path} is coded by the matrix {name}, which is not read", hint="convert it to BT.709 or BT.2020"
        )

    def samples(self, frame: Any) -> tuple[np.ndarray, np.ndarray | None]:
        """Upright samples `(H, W, 3)`, uint8 or uint16, and alpha `(H, W)` where there is one."""
        name = ("rgba64le" if self.alpha else "rgb48le") if self._deep else ("rgba" if self.alpha else "rgb24")
        made = self._scaler.reformat(
            frame,
            format=name,
            src_colorspace=self._matrix,
            src_color_range=self._range,
            dst_color_range=_FULL,
            interpolation=_EXACT,
        )
        array = np.rot90(made.to_ndarray(), self._clip.turn // 90)
        colors = np.ascontiguousarray(array[..., :3])
        alpha = np.ascontiguousarray(array[..., 3]) if self.alpha else None
        if not self._deep or self._clip_is_rgb:
            return colors, alpha
        return _scaled(colors, _TOP / self._white), None if alpha is None else _scaled(alpha, _TOP / self._opaque)

    def frame(self, samples: np.ndarray, alpha: np.ndarray | None, layout: str) -> Any:
        """A frame of a pixel layout, in the clip's matrix and range."""
        name = "rgb24" if samples.dtype == np.uint8 else "rgb48le"
        if samples.dtype == np.uint16 and not self._av.VideoFormat(layout).is_rgb:
            samples = _scaled(samples, self._white / _TOP)
            alpha = None if alpha is None else _scaled(alpha, self._opaque / _TOP)
        if alpha is not None:
            samples = np.concatenate([samples, alpha[..., None]], 2)
            name = "rgba" if samples.dtype == np.uint8 else "rgba64le"
        given = self._av.VideoFrame.from_ndarray(samples, name)
        return self._back.reformat(
            given,
            format=layout,
            dst_colorspace=self._matrix,
            src_color_range=_FULL,
            dst_color_range=self._range,
            interpolation=_EXACT,
        )


def _scaled(samples: np.ndarray, factor: float) -> np.ndarray:
    """16-bit samples times a factor, rounded and clipped."""
    return samples if factor == 1 else np.asarray(cv2.addWeighted(samples, factor, samples, 0, 0))
