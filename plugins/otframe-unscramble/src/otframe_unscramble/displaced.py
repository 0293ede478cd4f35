"""How far a scrambled picture has moved against the calibration, told by how picture-like it is unscrambled."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from otframe.values import DenseMap, LinearMap, SparseMap
from otframe_unscramble.values import Unscrambler

__all__ = ["Found", "find"]

_GAIN = 0.94
"""A displacement is believed that lowers the roughness of no displacement to so much of it. Noise makes up to 4 %
of difference for small fractions of a pixel; a true tenth of a pixel, 2 to 15 %."""

_HELD = 1 << 22
_STARTS = 8
_STEPS = (0.5, 0.25, 0.125, 0.0625)


@dataclass(frozen=True)
class Found:
    """The unscrambled picture `(C, H, W)`, and how far down and right (px) the scrambled one had moved."""

    picture: torch.Tensor
    moved: tuple[float, float]


def find(plane: torch.Tensor, operator: Unscrambler, search: float) -> Found:
    """The picture of the most picture-like displacement of up to `search` px down and right.

    Whole pixels are tried first, then smaller and smaller fractions around the best. Roughness is the total variation
    divided by the contrast, over pixels of the picture whose light was not lost at the border; these are filled from
    around them. No displacement is kept where no other is clearly smoother.
    """
    trial = _Trial(plane, operator)
    whole = math.floor(search)
    reach = torch.arange(-whole, whole + 1, dtype=torch.float64)
    tried = trial.scores(torch.cartesian_prod(reach, reach))
    for step in _STEPS:
        best = sorted(tried, key=tried.__getitem__)[: _STARTS if step == _STEPS[0] else 1]
        near = {(a + i * step, b + j * step) for a, b in best for i in (-1, 0, 1) for j in (-1, 0, 1)}
        near = {at for at in near if at not in tried and max(abs(at[0]), abs(at[1])) <= search}
        if near:
            tried |= trial.scores(torch.tensor(sorted(near), dtype=torch.float64))
    at = min(tried, key=tried.__getitem__)
    if not tried[at] < _GAIN * tried[(0.0, 0.0)]:
        return Found(operator(plane), (0.0, 0.0))
    pictures, sure = trial.unscrambled(torch.tensor([at], dtype=torch.float64))
    return Found(_filled(pictures[0], sure[0]), at)


class _Trial:
    """One scrambled picture `(C, h, w)`, moved back by any displacement."""

    def __init__(self, plane: torch.Tensor, operator: Unscrambler) -> None:
        self.size = plane.shape[-2:]
        self.operator = operator
        mirrored = torch.cat([plane, plane.flip(-1)], -1)
        self.waves = torch.fft.rfft2(torch.cat([mirrored, mirrored.flip(-2)], -2))
        self.squares = _squares(operator.map)
        if self.squares is not None:
            ones = plane.new_ones(1, plane.shape[-2] * plane.shape[-1])
            self.all = self.squares(ones).clamp(min=1e-30)

    def unscrambled(self, moves: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures `(m, C, H, W)` of displacements `(m, 2)`, and how sure their pixels are, `(m, H, W)` in [0, 1]."""
        height, width = self.size
        moves = moves.to(self.waves.device)
        down = torch.fft.fftfreq(2 * height, dtype=torch.float64, device=self.waves.device)
        right = torch.fft.rfftfreq(2 * width, dtype=torch.float64, device=self.waves.device)
        turns = moves[:, :1, None] * down[None, :, None] + moves[:, 1:, None] * right[None, None, :]
        phase = torch.polar(torch.ones_like(turns), 2 * math.pi * turns).to(self.waves)
        back = torch.fft.irfft2(self.waves[None] * phase[:, None], s=(2 * height, 2 * width))[..., :height, :width]
        pictures = self.operator(back.contiguous())
        if self.squares is None:
            return pictures, pictures.new_ones(len(moves), *pictures.shape[-2:])
        lost = (_outside(moves[:, 0], height)[:, :, None] | _outside(moves[:, 1], width)[:, None, :]).to(pictures)
        share = self.squares(lost.flatten(1)) / self.all
        return pictures, (1.5 - 2 * share).clamp(0, 1).unflatten(1, self.operator.target)

    def scores(self, moves: torch.Tensor) -> dict[tuple[float, float], float]:
        """The roughness of each displacement."""
        found: dict[tuple[float, float], float] = {}
        count = max(1, _HELD // (self.waves.numel() + self.operator.map.shape[0]))
        for part in moves.split(count):
            pictures, sure = self.unscrambled(part)
            for row, score in zip(part, _roughness(pictures, sure), strict=True):
                found[float(row[0]), float(row[1])] = float(score)
        return found


def _roughness(pictures: torch.Tensor, sure: torch.Tensor) -> torch.Tensor:
    """Mean step between neighbours by standard deviation, `(m,)`; infinite where there is no contrast."""
    total = sure.sum((1, 2)).clamp(min=1e-6)[:, None]
    mean = (pictures * sure[:, None]).sum((2, 3)) / total
    spread = ((pictures - mean[:, :, None, None]).square() * sure[:, None]).sum((2, 3)) / total
    contrast = spread.sum(1).sqrt()
    steps = torch.zeros_like(contrast)
    for axis in (-2, -1):
        count = pictures.shape[axis] - 1
        if count:
            both = torch.minimum(sure.narrow(axis, 0, count), sure.narrow(axis, 1, count))
            moved = pictures.diff(dim=axis).square().sum(1).sqrt()
            steps = steps + (moved * both).sum((1, 2)) / both.sum((1, 2)).clamp(min=1e-6)
    seen = (contrast > 1e-6) & (sure.mean((1, 2)) > 0.25)
    return torch.where(seen, steps / contrast.clamp(min=1e-6), torch.inf)


def _filled(picture: torch.Tensor, sure: torch.Tensor) -> torch.Tensor:
    """A picture `(C, H, W)` whose unsure pixels are taken from surer ones around them."""
    known, weight = picture * sure, sure[None]
    filled, done = picture * sure, sure[None]
    for _ in range(max(picture.shape[-2:])):
        if bool((done > 0.5).all()) or not bool(done.any()):
            break
        known, weight = _softened(known), _softened(weight)
        rest = 1 - done
        share = (weight > 1e-3).to(rest) * rest
        filled, done = filled + share * known / weight.clamp(min=1e-3), done + share
    return filled + (1 - done) * picture


def _softened(planes: torch.Tensor) -> torch.Tensor:
    kernel = planes.new_zeros(3, 3) + 1
    kernel[1, 1] = 2
    grown = torch.nn.functional.pad(planes[:, None], (1, 1, 1, 1))
    return torch.nn.functional.conv2d(grown, (kernel / 10)[None, None])[:, 0]


def _outside(moves: torch.Tensor, count: int) -> torch.Tensor:
    """Which of `count` pixels came from beyond the border, `(m, count)`."""
    at = torch.arange(count, dtype=moves.dtype, device=moves.device)[None] + moves[:, None]
    return (at < -0.3) | (at > count - 0.7)


def _squares(operator: LinearMap) -> LinearMap | None:
    """The map of squared entries: which scrambled pixels a pixel is made of. A product of matrices has none."""
    if isinstance(operator, SparseMap):
        return SparseMap(operator.starts, operator.columns, operator.weights.square(), operator.width)
    return DenseMap(operator.matrix.square()) if isinstance(operator, DenseMap) else None
