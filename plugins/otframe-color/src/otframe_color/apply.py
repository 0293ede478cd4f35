"""`color.apply`: an image recoloured by a colour map."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import ClassVar, TypeVar, cast

import numpy as np
import torch

from otframe.interfaces import Transform
from otframe.values import Image, PixelEdit, Sheet
from otframe_color.maps import ColorMap
from otframe_color.pixels import coding_of, finite, planes_of
from otframe_color.spaces import coded

__all__ = ["Apply", "Recoloring", "recolored"]

I = TypeVar("I", Image, Sheet)  # noqa: E741

_PIECE = 1 << 20
"""Pixels that go through at once, so that large images need little more memory than themselves."""


class Apply(Transform):
    """Move the colours of an image, of any size and depth, by a map that was fitted on others or read from a file.

    Nothing is clipped: what leaves [0, 1] is told of when the image is written. Alpha, depth, linear coding and an ICC
    profile are kept (the map moves the numbers, as if they were sRGB's). A grey image becomes a coloured one, without
    its grey profile.
    """

    references: ClassVar[tuple[str, ...]] = ()

    def __call__(self, image: I, map: ColorMap) -> I:
        """The recoloured image, of three channels and the same size; `DataError` where a pixel is not finite.

        A sheet, an image file that need not fit the memory, is recoloured strip by strip when it is written.
        """
        if isinstance(image, Sheet):
            return cast(I, image.edited(Recoloring(map)))
        return cast(I, recolored(map, image))


@dataclass(frozen=True, eq=False)
class Recoloring(PixelEdit):
    """Moving the colours of a sheet by a map."""

    map: ColorMap

    def __call__(self, image: Image) -> Image:
        """A strip, recoloured."""
        return recolored(self.map, image)


def recolored(map: ColorMap, image: Image) -> Image:
    """The image with its colours moved by a map; see `color.apply`."""
    finite(image)
    coding, planes = coding_of(image), planes_of(image)
    made = _blank(planes)
    for start in range(0, planes.shape[1], _PIECE):
        part = planes[:, start : start + _PIECE].T
        # half the bits are too few for the curves of colour spaces
        part = coded(part.to(torch.promote_types(part.dtype, torch.float32)), coding, map.coding)
        made[:, start : start + _PIECE] = coded(map(part), map.coding, coding).T
    meta = image.meta
    if image.channels == 1:
        meta = MappingProxyType({name: value for name, value in meta.items() if name != "icc"})
    space = "srgb" if image.space == "gray" else image.space
    return replace(image, pixels=made.reshape(3, *image.size), space=space, meta=meta)


def _blank(planes: torch.Tensor) -> torch.Tensor:
    if planes.device.type != "cpu" or planes.dtype != torch.float32:
        return torch.empty(planes.shape, dtype=planes.dtype, device=planes.device)
    return torch.from_numpy(np.empty(planes.shape, np.float32))  # NumPy asks for large pages
