"""`Latent`: what an encoder makes of an image, with what a decoder needs to give the image back at its own size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Self

import torch

from otframe.errors import DataError
from otframe.values.base import Field

__all__ = ["Latent"]


@dataclass(frozen=True, eq=False)
class Latent(Field):
    """An encoded image.

    Parameters
    ----------
    values : torch.Tensor
        Shape `(C, h, w)`, floating point, unbounded.
    stride : int
        Pixels of the image per latent sample, along each axis.
    size : (int, int)
        Height and width of the image that was encoded; the decoder crops to it.
    channels : int
        Colour channels of that image: a grey image decodes to a grey one.
    space, alpha, meta
        Those of the image, given back by the decoder.
    """

    values: torch.Tensor
    stride: int
    size: tuple[int, int]
    channels: int = 3
    space: str = "srgb"
    alpha: torch.Tensor | None = None
    meta: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or not self.values.is_floating_point() or min(self.values.shape) == 0:
            raise DataError(
                f"a latent's values are floating point (C, h, w), got {self.values.dtype} {tuple(self.values.shape)}"
            )

    @property
    def grid(self) -> torch.Tensor:
        """The `values`."""
        return self.values

    def with_grid(self, grid: torch.Tensor) -> Self:
        """The same latent with other `values`."""
        return replace(self, values=grid)
