"""Simulated calibrations, and real pictures where they are at hand."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from otframe_unscramble.scrambling.displace import shifted
from otframe_unscramble.scrambling.field import clouds
from otframe_unscramble.values import Pairs, Unscrambler

_NEW = 20


@pytest.fixture(scope="session")
def data() -> Path:
    folder = Path(os.environ.get("OTFRAME_DATA") or Path(__file__).parents[3].parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"needs the pictures that OTFRAME_DATA names; there is no {folder}")
    return folder


@dataclass(frozen=True)
class Simulated:
    """Calibration pairs, the truth about them, and pictures that are not among them."""

    pairs: Pairs
    shifts: torch.Tensor
    order: torch.Tensor
    clear: torch.Tensor
    scrambled: torch.Tensor

    def psnr(self, operator: Unscrambler) -> float:
        """Of new pictures, dB."""
        return float(-10 * torch.log10((operator(self.scrambled) - self.clear).square().mean().clamp(min=1e-12)))

    def right(self, operator: Unscrambler) -> float:
        """The share of pixels whose largest weight is where it belongs."""
        return float((operator.map.dense().argmax(1) == self.order.argsort()).float().mean())

    def missed(self, operator: Unscrambler, known: slice = slice(None)) -> torch.Tensor:
        """Errors of displacements, pixels, up to their mean."""
        off = (operator.shifts - self.shifts)[known]
        return off - off.mean((0, 1))


def seen_through(pictures: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """Pictures with their pixels in another order."""
    return pictures.flatten(2)[:, :, order].unflatten(2, pictures.shape[2:]).contiguous()


@pytest.fixture(scope="session")
def simulated():
    """Pictures with the spectrum of natural ones through a permutation, displaced by random shifts."""

    def make(count=400, side=16, channels=1, seed=0, *, spread=1.0, together=False, noise=0.0, edge="replicate"):
        random = torch.Generator().manual_seed(seed)
        clear = torch.stack([clouds((side, side), channels, random) for _ in range(count + _NEW)])
        order = torch.randperm(side * side, generator=random)
        scrambled = seen_through(clear, order)
        scrambled = scrambled + noise * torch.randn(scrambled.shape, generator=random)
        shifts = spread * torch.randn(count, 1 if together else channels, 2, generator=random, dtype=torch.float64)
        shifts = shifts.expand(count, channels, 2)
        keys = tuple(f"{k:04}" for k in range(count))
        pairs = Pairs(scrambled[:count], shifted(clear[:count], shifts, "linear", edge), keys)
        return Simulated(pairs, shifts, order, clear[count:], scrambled[count:])

    return make
