"""The two bases of values: `Value` for everything on a wire, `Field` for what has channels on a grid."""

from __future__ import annotations

import abc
from typing import Self

import torch

__all__ = ["Field", "Value"]


class Value:
    """Base of what flows on wires. Subclasses are frozen dataclasses; their tensors are never written to."""

    __slots__ = ()


class Field(Value, abc.ABC):
    """A value with channels on a grid, such as an image or a latent: what patches are taken of."""

    __slots__ = ()

    @property
    @abc.abstractmethod
    def grid(self) -> torch.Tensor:
        """The samples, shape `(C, H, W)`."""

    @abc.abstractmethod
    def with_grid(self, grid: torch.Tensor) -> Self:
        """The same field with other samples of the same shape."""
