"""`unscramble.sizes`: which sizes the pictures of a calibration have, so that the odd ones can be told."""

from __future__ import annotations

from dataclasses import dataclass

from otframe.errors import DataError
from otframe.interfaces import Accumulator
from otframe.values import Image, Value

__all__ = ["GatherSizes", "PairSizes", "told"]

Shape = tuple[int, int, int]
"""Channels, height and width."""


@dataclass(frozen=True)
class PairSizes(Value):
    """How many pairs have which sizes.

    Parameters
    ----------
    shapes : tuple of (Shape, Shape)
        Channels, height and width of a scrambled and of a clear picture, in the order that they were met.
    counts : tuple of int
        How many pairs have them.
    """

    shapes: tuple[tuple[Shape, Shape], ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.counts or len(self.shapes) != len(self.counts):
            raise DataError(f"wanted a count for each of the sizes, got {len(self.shapes)} and {len(self.counts)}")

    @property
    def usual(self) -> tuple[Shape, Shape]:
        """What most pairs have; of equally many, what was met first."""
        return self.shapes[self.counts.index(max(self.counts))]

    @property
    def told(self) -> str:
        """How many have it, for people."""
        return f"{max(self.counts)} of {sum(self.counts)}"


class GatherSizes(Accumulator):
    """Counts the sizes of calibration pairs.

    `unscramble.pairs` compares each pair with what most have where it is given this. Then a picture of another size is
    a failure of that picture, which a run may go on without, even where it is the first.
    """

    def lift(self, scrambled: Image, clear: Image) -> PairSizes:
        """The sizes of one pair.

        Parameters
        ----------
        scrambled, clear : Image
            Any.
        """
        return PairSizes(((_shape(scrambled), _shape(clear)),), (1,))

    def merge(self, a: PairSizes, b: PairSizes) -> PairSizes:
        """Those of both."""
        counts = dict(zip(a.shapes, a.counts, strict=True))
        for shapes, count in zip(b.shapes, b.counts, strict=True):
            counts[shapes] = counts.get(shapes, 0) + count
        return PairSizes(tuple(counts), tuple(counts.values()))

    def finish(self, s: PairSizes) -> PairSizes:
        """As they were counted."""
        return s


def _shape(image: Image) -> Shape:
    return image.channels, *image.size


def told(shape: tuple[int, ...]) -> str:
    """A size for people."""
    return f"{shape[1]} x {shape[2]} with {shape[0]} channel{'s' * (shape[0] != 1)}"
