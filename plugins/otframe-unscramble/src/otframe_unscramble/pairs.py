"""`unscramble.pairs`: calibration pictures gathered with their scrambled versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Accumulator, Component, Context
from otframe.values import Image, Value
from otframe_unscramble.scrambling.opaque import opaque
from otframe_unscramble.sizes import PairSizes, told
from otframe_unscramble.values import Pairs

__all__ = ["GatherPairs", "PairChunks", "fitting", "joined", "one_pair"]


@dataclass(frozen=True, eq=False)
class PairChunks(Value):
    """Pairs on their way into one value: chunks in key order.

    Parameters
    ----------
    chunks : tuple of Pairs
        Of falling size where they came one by one, so that gathering n pairs copies each some `log n` times.
    """

    chunks: tuple[Pairs, ...]


class GatherPairs(Accumulator):
    """Calibration pairs in one value, for the methods that look at them more than once.

    Both streams have the same keys: folders join by file name. Transparency is taken as black. All scrambled pictures
    have one size, and all clear ones; a grey picture beside a coloured one is refused. With `sizes` it is each odd
    picture that is refused, and a run with `--on-error skip` can go on without it; else it is all of them.
    """

    references: ClassVar[tuple[str, ...]] = ("zhang2014sparkle", "bolle2022robust")

    most: int | None = Parameter(default=None, ge=1)
    """Use no more than so many pairs, the first in key order. All of them where it is not given."""

    @classmethod
    def examples(cls) -> list[Component]:
        """All, and the first two."""
        return [cls(), cls(most=2)]

    def lift(self, scrambled: Image, clear: Image, sizes: PairSizes | None = None, *, ctx: Context) -> PairChunks:
        """One pair.

        Parameters
        ----------
        scrambled, clear : Image
            As many channels each, finite. The clear one may be displaced.
        sizes : PairSizes, optional
            Of `unscramble.sizes`: a pair of sizes that most do not have is a `DataError`.
        """
        pair = one_pair(scrambled, clear, ctx.key)
        if sizes is not None:
            _usual(pair, sizes)
        return PairChunks((pair,))

    def merge(self, a: PairChunks, b: PairChunks) -> PairChunks:
        """The pairs of both, in order."""
        chunks = list(a.chunks)
        for chunk in b.chunks:
            fitting(chunks[0], chunk)
            chunks.append(chunk)
            while len(chunks) > 1 and chunks[-2].count <= chunks[-1].count:
                last = chunks.pop()
                chunks[-1] = joined([chunks[-1], last])
        if self.most is not None and sum(chunk.count for chunk in chunks) > self.most:
            chunks = [_first(joined(chunks), self.most)]
        return PairChunks(tuple(chunks))

    def finish(self, s: PairChunks) -> Pairs:
        """All pairs."""
        return joined(s.chunks)


def one_pair(scrambled: Image, clear: Image, key: str) -> Pairs:
    """A pair of its own; `DataError` where it has unlike channels or is not finite."""
    if scrambled.channels != clear.channels:
        raise DataError(
            f"the scrambled picture has {scrambled.channels} channels, the clear one {clear.channels}",
            hint="`image.convert` with `space: gray` makes both grey",
        )
    return Pairs(opaque(scrambled, "scrambled")[None], opaque(clear, "clear")[None], (key,))


def fitting(first: Pairs, other: Pairs) -> None:
    """`DataError` where a pair's sizes are not those of the first."""
    for name in ("scrambled", "clear"):
        wanted, got = (tuple(getattr(pairs, name).shape[1:]) for pairs in (first, other))
        if wanted != got:
            raise DataError(
                f"the {name} picture '{other.keys[0]}' is {told(got)}, the first, '{first.keys[0]}', {told(wanted)}",
                hint="pictures of a calibration have one size and one number of channels",
                key=other.keys[0],
                port=name,
            )


def _usual(pair: Pairs, sizes: PairSizes) -> None:
    """`DataError` where a pair's sizes are not those that most have."""
    for name, wanted in zip(("scrambled", "clear"), sizes.usual, strict=True):
        got = tuple(getattr(pair, name).shape[1:])
        if got != wanted:
            raise DataError(
                f"the {name} picture is {told(got)}, wanted {told(wanted)}, as {sizes.told} are",
                hint="pictures of a calibration have one size and one number of channels",
                port=name,
            )


def _first(pairs: Pairs, count: int) -> Pairs:
    return Pairs(pairs.scrambled[:count], pairs.clear[:count], pairs.keys[:count])


def joined(chunks: list[Pairs] | tuple[Pairs, ...]) -> Pairs:
    """All chunks as one, in order."""
    if len(chunks) == 1:
        return chunks[0]
    return Pairs(
        torch.cat([chunk.scrambled for chunk in chunks]),
        torch.cat([chunk.clear.to(chunks[0].clear.device) for chunk in chunks]),
        tuple(key for chunk in chunks for key in chunk.keys),
    )
