"""`color.hald` and `color.from_hald`: a colour map as a picture of every colour that it may meet, and back."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import torch
from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Component, Transform
from otframe.values import Image
from otframe_color.fidelity import measured
from otframe_color.lut import Interpolation, Lut
from otframe_color.maps import ColorMap
from otframe_color.nodes import grid, moved
from otframe_color.spaces import Coding, coded, converted

__all__ = ["FromHald", "Hald"]


class Hald(Transform):
    """The identity Hald CLUT moved by a colour map: a picture that ffmpeg, darktable, RawTherapee and GIMP read.

    It is coded for displays whatever the map's coding, as such pictures are. Write it to `.png` or `.tif`: 16 bits.
    These hold [0, 1] alone: colours that the map puts outside are clipped there, and the writer's notes say how many.
    What any editor makes of the identity's picture is a table too: `color.from_hald` reads it.
    """

    references: ClassVar[tuple[str, ...]] = ("kang2006computational",)

    level: int = Parameter(default=8, ge=2, le=16)
    """`level^2` nodes on each axis, in a picture of `level^3` pixels a side: 8 for 64 nodes and 512 pixels."""

    @classmethod
    def examples(cls) -> list[Component]:
        """A picture of 8 x 8 pixels."""
        return [cls(level=2)]

    def __call__(self, map: ColorMap) -> Image:
        """Paint the picture.

        Parameters
        ----------
        map : ColorMap
            What colours are moved by, a table among them.

        Returns
        -------
        Image
            Shape `(3, level^3, level^3)`, of depth `uint16`, in srgb, nothing clipped: red changes fastest. `meta` has
            the line `fidelity`, of what 16 bits and clipping leave.
        """
        size, side = self.level**2, self.level**3
        shown = _Shown(map)
        made = moved(shown, grid(size)).reshape(size, size, size, 3)
        pixels = made.permute(3, 2, 1, 0).reshape(3, side, side).float()
        low = made.new_zeros(3).float()
        stored = Lut(made.clamp(0, 1).mul(65535).round().div(65535).float(), low, low + 1)
        fidelity = str(measured(shown, stored))
        told = {"stem": "hald", "depth": "uint16", "fidelity": fidelity, "note": f"fidelity: {fidelity}"}
        return Image(pixels, None, "srgb", MappingProxyType(told))


@dataclass(frozen=True, eq=False)
class _Shown(ColorMap):
    """A map of display-coded colours: of another the same, with the coding taken off before and put on after."""

    map: ColorMap

    @property
    def coding(self) -> Coding:
        return "srgb"

    def __call__(self, colors: torch.Tensor) -> torch.Tensor:
        return coded(self.map(coded(colors, "srgb", self.map.coding)), self.map.coding, "srgb")


class FromHald(Transform):
    """The table that a Hald CLUT picture holds. `DataError` where its size is none of a level."""

    interpolation: Interpolation = "tetrahedral"
    """Between nodes: `tetrahedral`, as ffmpeg's default, or `trilinear`."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Both ways between nodes."""
        return [cls(), cls(interpolation="trilinear")]

    def __call__(self, image: Image) -> Lut:
        """Read the table.

        Parameters
        ----------
        image : Image
            Colours of `level^3` by `level^3` pixels, level 2 to 16, display-coded or linear; alpha is passed over.

        Returns
        -------
        Lut
            Of `level^2` nodes on each axis, over [0, 1].
        """
        level = next((n for n in range(2, 17) if (n**3, n**3) == image.size), 0)
        if not level or image.channels != 3 or image.space not in ("srgb", "linear"):
            raise DataError(
                f"a Hald CLUT is a colour picture of 8 x 8, 27 x 27, 64 x 64, 125 x 125, ..., 4096 x 4096 pixels, "
                f"got {image.size[1]} x {image.size[0]}, {image.channels} channels, in '{image.space}'",
                hint="do not crop or scale it, and save it without loss",
            )
        if not bool(torch.isfinite(image.pixels).all()):
            raise DataError("the picture of a colour table is finite, got NaN or infinity")
        size = level**2
        flat = converted(image.pixels.float().flatten(1).T, "linear" if image.space == "linear" else "srgb", "srgb")
        table = flat.reshape(size, size, size, 3).permute(2, 1, 0, 3).contiguous()
        low, title = table.new_zeros(3), str(image.meta.get("stem", ""))[:200]
        return Lut(table, low, low + 1, interpolation=self.interpolation, title=title)
