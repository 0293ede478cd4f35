"""`Image`: pixels in the display range with what is needed to write them back as they came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import torch

from otframe.errors import DataError
from otframe.values.base import Field

__all__ = ["Image"]

_DEPTHS = {"uint8": 255.0, "uint16": 65535.0}


@dataclass(frozen=True, eq=False, repr=False)
class Image(Field):
    """An image.

    Parameters
    ----------
    pixels : torch.Tensor
        Shape `(C, H, W)`, float32, display range [0, 1]; high dynamic range may exceed it. Never clipped silently.
    alpha : torch.Tensor, optional
        Shape `(H, W)`, straight (not premultiplied), [0, 1].
    space : str
        Colour space: `srgb`, `linear`, `gray`, `lab`, `oklab`, ...
    meta : mapping
        `stem`, `depth` (`uint8`, `uint16`, `half`, `float` of the source), `icc` (bytes), ... Only plain values.
    """

    pixels: torch.Tensor
    alpha: torch.Tensor | None = None
    space: str = "srgb"
    meta: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or not self.pixels.is_floating_point():
            raise DataError(
                f"an image's pixels are floating point (C, H, W), got {self.pixels.dtype} {tuple(self.pixels.shape)}",
                hint="Image.from_numpy takes (H, W), (H, W, C) of any depth",
            )
        if min(self.pixels.shape) == 0:
            raise DataError(f"an image cannot be empty, got (C, H, W) = {tuple(self.pixels.shape)}")
        if self.alpha is not None and self.alpha.shape != self.pixels.shape[1:]:
            raise DataError(f"alpha {tuple(self.alpha.shape)} does not match pixels {tuple(self.pixels.shape)}")

    def __repr__(self) -> str:
        height, width = self.size
        extra = ", alpha" if self.alpha is not None else ""
        return f"Image({self.channels} x {height} x {width}, {self.space}{extra})"

    @property
    def grid(self) -> torch.Tensor:
        """The `pixels`."""
        return self.pixels

    def with_grid(self, grid: torch.Tensor) -> Self:
        """The same image with other `pixels`."""
        return replace(self, pixels=grid)

    @property
    def channels(self) -> int:
        """Number of colour channels, alpha not counted."""
        return self.pixels.shape[0]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[1], self.pixels.shape[2]

    @classmethod
    def from_numpy(cls, array: np.ndarray, *, space: str | None = None, meta: Mapping[str, Any] | None = None) -> Image:
        """An image from `(H, W)` or `(H, W, C)`, C = 1 to 4; 2 and 4 channels carry alpha last.

        Integers are scaled by their depth to [0, 1]; floating point is taken as it is. NaN and infinity raise
        `DataError`.
        """
        array = np.asarray(array)
        if array.ndim == 2:
            array = array[..., None]
        if array.ndim != 3 or not 1 <= array.shape[2] <= 4:
            raise DataError(f"wanted an array (H, W) or (H, W, C) with C = 1 to 4, got shape {array.shape}")
        depth = array.dtype.name
        if depth in _DEPTHS:
            scaled = array.astype(np.float32) / np.float32(_DEPTHS[depth])
        elif depth == "bool":
            scaled, depth = array.astype(np.float32), "uint8"
        elif np.issubdtype(array.dtype, np.floating):
            scaled, depth = array.astype(np.float32), "half" if depth == "float16" else "float"
        else:
            raise DataError(f"wanted uint8, uint16, bool or floating point, got {array.dtype}", hint="convert it first")
        if not np.isfinite(scaled).all():
            raise DataError("an image's values must be finite, got NaN or infinity")
        planes = torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1)))
        alpha = planes[-1].clone() if planes.shape[0] in (2, 4) else None
        pixels = planes[:-1].clone() if alpha is not None else planes
        return cls(
            pixels,
            alpha,
            space or ("gray" if pixels.shape[0] == 1 else "srgb"),
            MappingProxyType({"depth": depth, **(meta or {})}),
        )

    def numpy(self) -> np.ndarray:
        """`(H, W, C)` float32, alpha as the last channel where there is one."""
        planes = self.pixels if self.alpha is None else torch.cat([self.pixels, self.alpha[None].to(self.pixels)])
        return planes.detach().cpu().permute(1, 2, 0).contiguous().numpy()
