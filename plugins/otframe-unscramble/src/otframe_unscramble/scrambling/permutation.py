"""`scramble.permutation`: the pixels of a picture in a random order."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field as Parameter

from otframe.interfaces import Component, Context, Transform
from otframe.values import SparseMap
from otframe_unscramble.values import Scrambler

__all__ = ["Permutation"]


class Permutation(Transform):
    """A medium that puts the pixels of a picture in another order, each order as likely as any other.

    Nothing is lost, so it can be undone exactly: the scrambling of the published simulations [zhang2014sparkle]_,
    [bolle2022robust]_. The order is drawn from the run's seed and the node's name.
    """

    references: ClassVar[tuple[str, ...]] = ("zhang2014sparkle", "bolle2022robust")

    height: int = Parameter(default=56, ge=1, le=4096)
    """Height of the pictures in pixels."""

    width: int | None = Parameter(default=None, ge=1, le=4096)
    """Their width; the height where it is not given."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Square, and not."""
        return [cls(height=8), cls(height=5, width=7)]

    def __call__(self, *, ctx: Context) -> Scrambler:
        """The medium, drawn at random."""
        size = (self.height, self.width or self.height)
        count = size[0] * size[1]
        order = torch.randperm(count, generator=ctx.rng)
        return Scrambler(SparseMap(torch.arange(count + 1), order, torch.ones(count), count), size, size)
