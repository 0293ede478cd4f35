"""Samples of the plugin's values, of the size of the kit's images."""

from __future__ import annotations

import torch

from otframe.values import SolveInfo, SparseMap
from otframe_unscramble.moments import PairMoments, moments_of
from otframe_unscramble.sizes import PairSizes
from otframe_unscramble.values import Pairs, Scrambler, Unscrambler

__all__ = ["moments", "pairs", "scrambler", "sizes", "unscrambler"]

_SIZE = (16, 13)
_COUNT, _CHANNELS = 6, 3


def _order(seed: int) -> torch.Tensor:
    return torch.randperm(_SIZE[0] * _SIZE[1], generator=torch.Generator().manual_seed(seed + 1))


def _permutation(order: torch.Tensor) -> SparseMap:
    count = len(order)
    return SparseMap(torch.arange(count + 1), order, torch.ones(count), count)


def scrambler(seed: int) -> Scrambler:
    """Pixels in another order."""
    return Scrambler(_permutation(_order(seed)), _SIZE, _SIZE)


def unscrambler(seed: int) -> Unscrambler:
    """The order they had."""
    back = _permutation(_order(seed).argsort())
    keys = tuple(f"pair-{k}" for k in range(_COUNT))
    shifts = torch.randn(_COUNT, _CHANNELS, 2, generator=torch.Generator().manual_seed(seed + 2), dtype=torch.float64)
    return Unscrambler(back, _SIZE, _SIZE, SolveInfo(3, True, 1e-4), keys, shifts, torch.ones(_COUNT).double())


def pairs(seed: int) -> Pairs:
    """Smooth pictures and their scrambled versions."""
    random = torch.Generator().manual_seed(seed + 3)
    coarse = torch.rand(_COUNT, _CHANNELS, 4, 4, generator=random)
    clear = torch.nn.functional.interpolate(coarse, _SIZE, mode="bicubic", align_corners=True).clamp(0, 1)
    return Pairs(scrambler(seed)(clear), clear, tuple(f"pair-{k}" for k in range(_COUNT)))


def moments(seed: int) -> PairMoments:
    """Theirs."""
    return moments_of(pairs(seed))


def sizes(seed: int) -> PairSizes:
    """Mostly those of the kit's images."""
    shape = (_CHANNELS, *_SIZE)
    return PairSizes(((shape, shape), ((1, *_SIZE), (1, *_SIZE))), (_COUNT, 1 + seed % 2))
