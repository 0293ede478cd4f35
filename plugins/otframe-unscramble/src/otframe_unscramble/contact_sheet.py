"""`unscramble.sheet`: pictures as they are, as they are seen, and as they are recovered, in rows."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import torch
from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Component, Transform
from otframe.values import Image
from otframe_unscramble.panels import enlarged, sheet
from otframe_unscramble.scrambling.opaque import opaque

__all__ = ["ContactSheet"]

_PAPER = 0.04


class ContactSheet(Transform):
    """A contact sheet: one column a picture, and in the rows what it is, what the camera sees of it, what is recovered.

    Pixels are enlarged whole times, so that pictures of different sizes are about equally large. Values are clipped to
    [0, 1], and transparency is taken as black.
    """

    most: int = Parameter(default=8, ge=1, le=64)
    """The most columns: the first pictures."""

    side: int = Parameter(default=120, ge=16, le=1024)
    """About how many px a picture is high and wide."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Small ones."""
        return [cls(side=32), cls(most=1, side=16)]

    def __call__(self, planted: Sequence[Image], scrambled: Sequence[Image], recovered: Sequence[Image]) -> Image:
        """Lay them out, in the space of the first.

        Parameters
        ----------
        planted, scrambled, recovered : sequence of Image
            As many of each, grey or coloured, finite.
        """
        rows = [list(planted), list(scrambled), list(recovered)]
        if len({len(row) for row in rows}) > 1 or not rows[0]:
            raise DataError(f"wanted as many pictures in each row, got {', '.join(str(len(row)) for row in rows)}")
        tiles = [self._tile(image) for row in rows for image in row[: self.most]]
        height, width = (max(tile.shape[axis] for tile in tiles) for axis in (1, 2))
        padded = [_centred(tile, height + 6, width + 6) for tile in tiles]
        return Image(sheet(torch.stack(padded), 3), None, _space(planted[0]), MappingProxyType({"depth": "uint8"}))

    def _tile(self, image: Image) -> torch.Tensor:
        pixels = opaque(image).clamp(0, 1)
        if pixels.shape[0] not in (1, 3):
            raise DataError(f"wanted grey or coloured pictures, got one with {pixels.shape[0]} channels")
        return enlarged(pixels.expand(3, -1, -1), max(1, round(self.side / max(image.size))))


def _centred(tile: torch.Tensor, height: int, width: int) -> torch.Tensor:
    made = tile.new_full((3, height, width), _PAPER)
    top, left = (height - tile.shape[1]) // 2, (width - tile.shape[2]) // 2
    made[:, top : top + tile.shape[1], left : left + tile.shape[2]] = tile
    return made


def _space(image: Image) -> str:
    return "srgb" if image.channels == 1 else image.space
