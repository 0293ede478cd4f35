"""`unscramble.moments`: the second moments of calibration pairs, in memory that does not grow with their number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from otframe.errors import DataError
from otframe.interfaces import Accumulator, Context
from otframe.values import Image, Value
from otframe_unscramble.pairs import fitting, joined, one_pair
from otframe_unscramble.values import Pairs

__all__ = ["MOST", "GatherMoments", "PairMoments", "PairSums", "moments_of"]

MOST = 1 << 25
"""The most entries of either matrix of moments, 256 MiB in float64: pictures of up to 76 x 76 pixels."""

_BUFFER = 512
"""Samples that are kept as they are until they are summed: one product of matrices instead of hundreds."""

_BLOCK = 4096


@dataclass(frozen=True, eq=False, repr=False)
class PairMoments(Value):
    """What least squares needs to know of pairs: `Y'Y` and `Y'X`, of all samples of all pairs.

    Parameters
    ----------
    gram : torch.Tensor
        `Y'Y`, shape `(d, d)`, float64: sums of products of scrambled pixels.
    cross : torch.Tensor
        `Y'X`, shape `(d, D)`, float64: of scrambled with clear pixels.
    count, channels : int
        Number of pairs, and of channels in each. Every channel is a sample.
    source, target : (int, int)
        Height and width of scrambled and clear pictures.
    """

    gram: torch.Tensor
    cross: torch.Tensor
    count: int
    channels: int
    source: tuple[int, int]
    target: tuple[int, int]

    def __post_init__(self) -> None:
        d, D = self.source[0] * self.source[1], self.target[0] * self.target[1]
        if min(d, D, self.count, self.channels) < 1:
            raise DataError(f"moments of {self.count} pairs of {self.channels} channels, {d} and {D} pixels")
        for name, part, shape in (("gram", self.gram, (d, d)), ("cross", self.cross, (d, D))):
            if part.dtype != torch.float64 or tuple(part.shape) != shape:
                raise DataError(f"{name} is float64 {shape}, got {part.dtype} {tuple(part.shape)}")
            if not bool(torch.isfinite(part).all()):
                raise DataError(f"{name} must be finite, got NaN or infinity")

    def __repr__(self) -> str:
        return f"PairMoments({self.count}, {tuple(self.source)} -> {tuple(self.target)})"

    @property
    def samples(self) -> int:
        """Channels of all pictures."""
        return self.count * self.channels


@dataclass(frozen=True, eq=False)
class PairSums(Value):
    """The state of `unscramble.moments`.

    Parameters
    ----------
    chunks : tuple of Pairs
        The first pair, and what is not summed yet: `waiting` of them at the end. The first is what sizes are held to.
    waiting : int
        How many of the chunks are not in the moments.
    moments : PairMoments, optional
        Of all else.
    """

    chunks: tuple[Pairs, ...]
    waiting: int
    moments: PairMoments | None = None


class GatherMoments(Accumulator):
    """The second moments of a calibration, float64: pairs by the million in the memory of a few.

    All that a least-squares unscrambler [zhang2014sparkle]_ needs, thresholded and fitted again or not. Ports are those
    of `unscramble.pairs`, and so is what is refused. Pictures of more than some 76 x 76 pixels are refused as well:
    their moments would take more than half a GiB; gather those by `unscramble.pairs`.
    """

    references: ClassVar[tuple[str, ...]] = ("zhang2014sparkle",)

    def lift(self, scrambled: Image, clear: Image, *, ctx: Context) -> PairSums:
        """One pair, not summed yet.

        Parameters
        ----------
        scrambled, clear : Image
            As many channels each, finite. The clear one may be displaced.
        """
        pair = one_pair(scrambled, clear, ctx.key)
        _bounded(pair)
        return PairSums((pair,), 1)

    def merge(self, a: PairSums, b: PairSums) -> PairSums:
        """The pairs of both."""
        first = a.chunks[0]
        fitting(first, b.chunks[0])
        chunks = _waiting(a) + _waiting(b)
        moments = _sum(a.moments, b.moments)
        if sum(chunk.samples for chunk in chunks) >= _BUFFER:
            moments, chunks = _sum(moments, moments_of(joined(chunks))), ()
        return PairSums(chunks if chunks and chunks[0] is first else (first, *chunks), len(chunks), moments)

    def finish(self, s: PairSums) -> PairMoments:
        """The moments of all pairs."""
        chunks = _waiting(s)
        found = _sum(s.moments, moments_of(joined(chunks)) if chunks else None)
        assert found is not None, "a state is of one pair at least"
        return found


def moments_of(pairs: Pairs) -> PairMoments:
    """The moments of pairs that are there; `DataError` above the limit on size."""
    _bounded(pairs)
    scrambled, clear = pairs.rows()
    gram = scrambled.new_zeros(scrambled.shape[1], scrambled.shape[1], dtype=torch.float64)
    cross = scrambled.new_zeros(scrambled.shape[1], clear.shape[1], dtype=torch.float64)
    for y, x in zip(scrambled.split(_BLOCK), clear.split(_BLOCK), strict=True):
        wide = y.double()
        gram.addmm_(wide.T, wide)
        cross.addmm_(wide.T, x.to(wide))
    height, width = pairs.scrambled.shape[-2:]
    return PairMoments(gram, cross, pairs.count, pairs.channels, (height, width), tuple(pairs.clear.shape[-2:]))


def _bounded(pairs: Pairs) -> None:
    d, D = (part.shape[-2] * part.shape[-1] for part in (pairs.scrambled, pairs.clear))
    if d * max(d, D) > MOST:
        raise DataError(
            f"moments of {d} scrambled and {D} clear pixels have {d * max(d, D):,} entries, the most are {MOST:,}",
            hint="scale the pictures down, or gather them by `unscramble.pairs` (and use the dual form)",
        )


def _waiting(state: PairSums) -> tuple[Pairs, ...]:
    return state.chunks[len(state.chunks) - state.waiting :]


def _sum(a: PairMoments | None, b: PairMoments | None) -> PairMoments | None:
    if a is None or b is None:
        return b if a is None else a
    return PairMoments(
        a.gram + b.gram.to(a.gram),
        a.cross + b.cross.to(a.cross),
        a.count + b.count,
        a.channels,
        a.source,
        a.target,
    )
