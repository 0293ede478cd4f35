"""`Sheet`: an image file that is read and written in strips, and what is to be done to its pixels; `PixelEdit`."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from otframe.errors import DataError
from otframe.values.base import Value
from otframe.values.image import Image

__all__ = ["PixelEdit", "Sheet"]


class PixelEdit(Value, abc.ABC):
    """Base of what can be done to each pixel of an image on its own."""

    @abc.abstractmethod
    def __call__(self, image: Image) -> Image:
        """The edited image, or strip of one: of the same size, each pixel by itself."""


@dataclass(frozen=True, eq=False, repr=False)
class Sheet(Value):
    """An image file that need not fit the memory, and edits that are done when it is read. It holds no pixels.

    Parameters
    ----------
    path : str
        The file.
    digest : str
        The sha256 of its bytes: a file that has changed since is refused.
    width, height : int
        In pixels, as stored.
    channels : int
        Colour channels, 1 or 3.
    alpha : bool
        Whether there is alpha.
    space : str
        `srgb`, `linear` or `gray`.
    meta : mapping
        As that of an image: `stem`, `depth`, `icc`, ...
    edits : tuple of PixelEdit
        What is done to each pixel, in this order.
    """

    path: str
    digest: str
    width: int
    height: int
    channels: int = 3
    alpha: bool = False
    space: str = "srgb"
    meta: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    edits: tuple[PixelEdit, ...] = ()

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 1 or self.channels not in (1, 3):
            raise DataError(
                f"a sheet has pixels of 1 or 3 channels, got {self.channels} x {self.height} x {self.width}"
            )
        if not all(isinstance(edit, PixelEdit) for edit in self.edits):
            raise DataError("a sheet's edits are values of the kind PixelEdit")

    def __repr__(self) -> str:
        edits = f", {len(self.edits)} edits" if self.edits else ""
        return f"Sheet({self.channels} x {self.height} x {self.width}, {self.space}{edits})"

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width

    def edited(self, edit: PixelEdit) -> Sheet:
        """The sheet with one more edit."""
        return replace(self, edits=(*self.edits, edit))
