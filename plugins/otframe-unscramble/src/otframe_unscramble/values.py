"""What flows between the components: calibration `Pairs`, and the `Scrambler` and `Unscrambler` of pictures."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from otframe.errors import DataError
from otframe.values import LinearMap, SolveInfo, Value

__all__ = ["Pairs", "PixelMap", "Scrambler", "Unscrambler"]


@dataclass(frozen=True, eq=False, repr=False)
class Pairs(Value):
    """Pictures beside their scrambled versions. Each channel of each picture counts as a sample of its own.

    Parameters
    ----------
    scrambled : torch.Tensor
        Shape `(n, C, h, w)`, float32: what came through the scrambling medium.
    clear : torch.Tensor
        Shape `(n, C, H, W)`, float32: what was before it, each picture displaced a little in an unknown way.
    keys : tuple of str
        The n pairs' names.
    """

    scrambled: torch.Tensor
    clear: torch.Tensor
    keys: tuple[str, ...]

    def __post_init__(self) -> None:
        for name, part in (("scrambled", self.scrambled), ("clear", self.clear)):
            if part.ndim != 4 or part.dtype != torch.float32 or part.numel() == 0:
                raise DataError(f"{name} pictures are float32 (n, C, H, W), got {part.dtype} {tuple(part.shape)}")
            if not bool(torch.isfinite(part).all()):
                raise DataError(f"{name} pictures must be finite, got NaN or infinity")
        if self.scrambled.shape[:2] != self.clear.shape[:2] or len(self.keys) != len(self.clear):
            raise DataError(
                f"pairs have as many pictures and channels on both sides, got {tuple(self.scrambled.shape)}, "
                f"{tuple(self.clear.shape)} and {len(self.keys)} keys"
            )

    def __repr__(self) -> str:
        return f"Pairs({len(self.keys)}, {tuple(self.scrambled.shape[1:])} -> {tuple(self.clear.shape[1:])})"

    @property
    def count(self) -> int:
        """Pairs of pictures."""
        return len(self.keys)

    @property
    def channels(self) -> int:
        """Colour channels of each picture."""
        return self.clear.shape[1]

    @property
    def samples(self) -> int:
        """Channels of all pictures: what a regression counts."""
        return self.count * self.channels

    def rows(self) -> tuple[torch.Tensor, torch.Tensor]:
        """All samples as rows, `(n C, h w)` and `(n C, H W)`; the channels of a picture are together."""
        return self.scrambled.flatten(0, 1).flatten(1), self.clear.flatten(0, 1).flatten(1)


@dataclass(frozen=True, eq=False)
class PixelMap(Value):
    """A linear map of pictures, the same for every channel: base of `Scrambler` and `Unscrambler`.

    Parameters
    ----------
    map : LinearMap
        `(outputs, inputs)`, of pixels in rows.
    source, target : (int, int)
        Height and width of the pictures that it takes and gives.
    """

    map: LinearMap
    source: tuple[int, int]
    target: tuple[int, int]

    def __post_init__(self) -> None:
        wanted = (self.target[0] * self.target[1], self.source[0] * self.source[1])
        if min(*self.source, *self.target) < 1 or self.map.shape != wanted:
            raise DataError(
                f"a map from {self.source[0]} x {self.source[1]} to {self.target[0]} x {self.target[1]} pixels has the "
                f"shape {wanted}, got {self.map.shape}"
            )

    def __call__(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pictures `(..., H, W)` through the map, `(..., H', W')`; `DataError` where their size is another."""
        if tuple(pictures.shape[-2:]) != tuple(self.source):
            height, width = pictures.shape[-2:] if pictures.ndim > 1 else (0, 0)
            raise DataError(
                f"wanted pictures of {self.source[0]} x {self.source[1]} pixels (height x width), "
                f"got {height} x {width}",
                hint="the map knows one size: that of the pictures it was learnt from",
            )
        moved = self.map(pictures.reshape(-1, self.map.shape[1]))
        return moved.reshape(*pictures.shape[:-2], *self.target)


@dataclass(frozen=True, eq=False)
class Scrambler(PixelMap):
    """What a scrambling medium does to a picture: `y = S x`, without noise."""


@dataclass(frozen=True, eq=False, repr=False)
class Unscrambler(PixelMap):
    """The learnt operator that undoes a scrambling: `x = A y`.

    Parameters
    ----------
    info : SolveInfo
        How the method ended.
    keys : tuple of str
        The calibration pairs it was learnt from.
    shifts : torch.Tensor, optional
        Shape `(n, C, 2)`, float64, pixels: how far down and to the right each clear picture was found to be displaced.
    trust : torch.Tensor, optional
        Shape `(n,)`, float64, in [0, 1]: what each pair was found to be worth; 0 for what is no pair at all.
    """

    info: SolveInfo
    keys: tuple[str, ...] = ()
    shifts: torch.Tensor | None = None
    trust: torch.Tensor | None = None

    def __repr__(self) -> str:
        return f"Unscrambler({self.map!r}, {self.source} -> {self.target}, {self.info!r}, {len(self.keys)} pairs)"

    def __post_init__(self) -> None:
        super().__post_init__()
        count = len(self.keys)
        if self.shifts is not None and (self.shifts.ndim != 3 or self.shifts.shape[::2] != (count, 2)):
            raise DataError(f"shifts have the shape ({count}, C, 2), got {tuple(self.shifts.shape)}")
        if self.trust is not None and self.trust.shape != (count,):
            raise DataError(f"trust has the shape ({count},), got {tuple(self.trust.shape)}")
