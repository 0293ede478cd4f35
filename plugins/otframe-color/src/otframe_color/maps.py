"""Colour maps: `ColorMap`, what takes colours to colours, and `FittedMap`, one that a transport gives."""

from __future__ import annotations

import abc
from dataclasses import dataclass, replace

import torch

from otframe.errors import DataError
from otframe.values import SolveInfo, Transport, Value
from otframe_color.spaces import SPACES, Coding, Space, converted, lightness_first

__all__ = ["ColorMap", "FittedMap"]


@dataclass(frozen=True, eq=False)
class ColorMap(Value, abc.ABC):
    """Base of what takes colours to colours. `coding` is how they are coded that it takes and gives."""

    @property
    @abc.abstractmethod
    def coding(self) -> Coding:
        """`srgb` or `linear`."""

    @abc.abstractmethod
    def __call__(self, colors: torch.Tensor) -> torch.Tensor:
        """Move colours, shape `(n, 3)`, in the map's coding; any range, nothing is clipped."""


@dataclass(frozen=True, eq=False)
class FittedMap(ColorMap):
    """A transport in a working space, as a map of colours.

    Parameters
    ----------
    transport : Transport
        A map of points: of three dimensions all coordinates, of two the chroma, of one the first coordinate.
    space : str
        The working space.
    strength : float
        How far colours go, 0 to 1: along straight lines in the working space.
    """

    transport: Transport
    space: Space = "srgb"
    strength: float = 1.0

    def __post_init__(self) -> None:
        if self.space not in SPACES:
            raise DataError(f"wanted a working space of {', '.join(SPACES)}, got '{self.space}'")
        if not hasattr(self.transport, "displace"):
            raise DataError(
                f"a colour map is made of a transport that moves points, got a {type(self.transport).__name__}",
                hint="use a solver that gives a map or a plan between points",
            )
        if not 0 <= self.strength <= 1:
            raise DataError(f"strength lies from 0 to 1, got {self.strength}")

    @property
    def coding(self) -> Coding:
        """`linear` where the working space is of light, else `srgb`."""
        return "linear" if self.space in ("linear", "log") else "srgb"

    @property
    def info(self) -> SolveInfo:
        """How the solver ended."""
        return self.transport.info

    def __call__(self, colors: torch.Tensor) -> torch.Tensor:
        """Move colours, shape `(n, 3)`."""
        if colors.ndim != 2 or colors.shape[1] != 3:
            raise DataError(f"a colour map moves colours (n, 3), got {tuple(colors.shape)}")
        if self.strength == 0:
            return colors
        return converted(self.within(converted(colors, self.coding, self.space)), self.space, self.coding)

    def within(self, points: torch.Tensor) -> torch.Tensor:
        """Move colours that are in the working space already."""
        made = self.transport.displace(self._axes(points), self.strength).to(points)  # type: ignore[attr-defined]
        if made.shape[1] == 3:
            return made
        return torch.cat([points[:, :1], made] if made.shape[1] == 2 else [made, points[:, 1:]], 1)

    def with_strength(self, strength: float) -> FittedMap:
        """The same map, going another part of the way."""
        return replace(self, strength=strength)

    def _axes(self, points: torch.Tensor) -> torch.Tensor:
        known = self.transport if hasattr(self.transport, "dim") else getattr(self.transport, "source", self.transport)
        dim = int(getattr(known, "dim", 3))
        if dim == 2 and not lightness_first(self.space):
            raise DataError(f"a map of chroma needs lab, oklab or ycbcr, the map's space is '{self.space}'")
        return points if dim == 3 else points[:, 1:] if dim == 2 else points[:, :1]
