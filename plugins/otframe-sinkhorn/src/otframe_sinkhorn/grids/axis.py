r"""Soft minima along an axis of a grid, `log sum_y exp(v(y) - c(x, y) / eps)`: nothing over- or underflows.

For the squared distance the axis is cut in blocks. Between a block of x around `p` and one of y around `q`, with
`x = p + s` and `y = q + t`,

.. math:: (x - y)^2 = (p - q)^2 + 2 (p - q)(s - t) + s^2 + t^2 - 2 s t,

all of which but `2 s t` belongs to x or to y alone and is added to the exponents outside. What is left is a small
matrix `exp(2 s t / eps)` that float64 can hold if the blocks are no longer than some thirty-six blurs, so that a soft
minimum is a few matrix products and as many exponentials as there are blocks. For the distance `|x - y|` two running
sums suffice.
"""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass

import torch

from otframe_sinkhorn.logarithms import NOTHING

__all__ = ["AbsoluteAxis", "Axis", "QuadraticAxis"]

_RANGE = 330.0
"""The largest exponent in a block's matrix. A sum over a block lies between exp(-2 * 330) and exp(330) of its largest
weight: float64 holds both, and nothing that matters underflows."""
_FLOOR = -700.0
"""Exponents under this are raised to it: denormal numbers are slow, and the mass is too small to be seen."""
_SMALL = 8
"""Blocks of fewer cells are not worth their overhead: then every pair of cells is looked at."""
_ROWS = 256
"""Rows that this is done for at once."""
_UNSEEN = 40.0
"""A part that is smaller than another by this exponent is below its rounding."""


class Axis(abc.ABC):
    """The soft minimum along an axis, for one step and one regularisation."""

    @abc.abstractmethod
    def __call__(self, v: torch.Tensor) -> torch.Tensor:
        """`log sum_y exp(v(r, y) - c(x, y) / eps)`, shape `(R, n)` to `(R, n)`, float64."""


@dataclass(frozen=True)
class _Block:
    """Cells from `low` to `high`, their middle, and their places from there."""

    low: int
    high: int
    middle: float
    places: torch.Tensor

    @property
    def half(self) -> float:
        return float(self.places[-1])


class QuadraticAxis(Axis):
    """For the cost `(x - y)^2`.

    Parameters
    ----------
    n : int
        Cells.
    step : float
        Distance between neighbours.
    eps : float
        Regularisation, in units of the cost.
    device : torch.device
        Where to compute.
    """

    def __init__(self, n: int, step: float, eps: float, device: torch.device) -> None:
        self.eps = eps
        half = math.sqrt(_RANGE * eps / 2)
        size = min(n, int(2 * half / step) + 1)
        places = torch.arange(n, dtype=torch.float64, device=device) * step
        self._all = (places[:, None] - places).square() / -eps if size < min(n, _SMALL) else None
        count = 1 if self._all is not None else -(-n // size)
        self.blocks = []
        for k in range(count):
            low, high = round(k * n / count), round((k + 1) * n / count)
            middle = step * (low + high - 1) / 2
            self.blocks.append(_Block(low, high, middle, places[low:high] - middle))
        self._matrices: dict[tuple[int, int], torch.Tensor] = {}
        self._pairs = {
            (i, j): self._pair(p, q)
            for i, p in enumerate(self.blocks)
            for j, q in enumerate(self.blocks)
            if self._all is None
        }

    def _pair(self, p: _Block, q: _Block) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, float, float]:
        """The matrix, what is added for y, what is added for x, and the least and the largest cost over eps."""
        sizes = (q.high - q.low, p.high - p.low)
        if sizes not in self._matrices:
            self._matrices[sizes] = torch.exp(2 * q.places[:, None] * p.places / self.eps)
        tilt = 2 * (p.middle - q.middle) / self.eps
        for_y = tilt * q.places - q.places.square() / self.eps
        for_x = -tilt * p.places - p.places.square() / self.eps - (p.middle - q.middle) ** 2 / self.eps
        between = abs(p.middle - q.middle)
        near, far = max(0.0, between - p.half - q.half), between + p.half + q.half
        return self._matrices[sizes], for_y, for_x, near**2 / self.eps, far**2 / self.eps

    def __call__(self, v: torch.Tensor) -> torch.Tensor:
        """`log sum_y exp(v(r, y) - (x - y)^2 / eps)`."""
        if self._all is not None:
            return torch.cat([torch.logsumexp(rows[:, None] + self._all, 2) for rows in torch.split(v, _ROWS)])
        if len(self.blocks) == 1:
            return self._part(v, 0, 0)
        out = torch.empty_like(v)
        for i, block in enumerate(self.blocks):
            out[:, block.low : block.high] = _added([self._part(v, i, j) for j in self._seen(v, i)])
        return out

    def _part(self, v: torch.Tensor, i: int, j: int) -> torch.Tensor:
        """What the cells of block j give to those of block i."""
        matrix, for_y, for_x, _, _ = self._pairs[i, j]
        block = self.blocks[j]
        weights = v[:, block.low : block.high] + for_y
        top = weights.amax(1, keepdim=True)
        weights.sub_(top).clamp_(min=_FLOOR).exp_()
        return torch.mm(weights, matrix).log_().add_(top).add_(for_x)

    def _seen(self, v: torch.Tensor, i: int) -> list[int]:
        """The blocks of y that block i of x can see at all: the rest is below the rounding of what others give."""
        if len(self.blocks) < 4:
            return list(range(len(self.blocks)))
        tops = [v[:, block.low : block.high].amax(1) for block in self.blocks]
        least = torch.stack([top - self._pairs[i, j][4] for j, top in enumerate(tops)]).amax(0) - _UNSEEN
        most = math.log(v.shape[1])
        return [j for j, top in enumerate(tops) if bool((top - self._pairs[i, j][3] + most >= least).any())]


class AbsoluteAxis(Axis):
    """For the cost `|x - y|`: sums from the left and from the right, each times `exp(-step / eps)` from cell to cell.

    Parameters
    ----------
    n, step, eps, device
        As for `QuadraticAxis`.
    """

    def __init__(self, n: int, step: float, eps: float, device: torch.device) -> None:
        self.step = step
        self.places = torch.arange(n, dtype=torch.float64, device=device) * (step / eps)

    def __call__(self, v: torch.Tensor) -> torch.Tensor:
        """`log sum_y exp(v(r, y) - |x - y| / eps)`."""
        return torch.logaddexp(self._left(v), self._beyond(self._left(v.flip(1))).flip(1))

    def costs(self, v: torch.Tensor) -> torch.Tensor:
        """`log sum_y |x - y| exp(v(r, y) - |x - y| / eps)`: each step on the way is counted for all that pass it."""
        both = [self._beyond(self._left(self._left(part))) for part in (v, v.flip(1))]
        return torch.logaddexp(both[0], both[1].flip(1)) + math.log(self.step)

    def _left(self, v: torch.Tensor) -> torch.Tensor:
        """The sum over the cells from the left end to each cell."""
        return torch.logcumsumexp(v + self.places, 1) - self.places

    def _beyond(self, sums: torch.Tensor) -> torch.Tensor:
        """The same without the cell itself: what came to the cell before, one step further."""
        moved = torch.full_like(sums, NOTHING)
        moved[:, 1:] = sums[:, :-1] - (self.places[1:] - self.places[:-1])
        return moved


def _added(parts: list[torch.Tensor]) -> torch.Tensor:
    """`log sum exp` of the parts, which are used up."""
    if len(parts) == 1:
        return parts[0]
    top = parts[0]
    for part in parts[1:]:
        top = torch.maximum(top, part)
    total = torch.zeros_like(top)
    for part in parts:
        total += part.sub_(top).exp_()
    return total.log_().add_(top)
