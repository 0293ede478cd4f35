r"""`Way`: soft minima of many points one way, `log sum_y exp(v(y) - c(x, y) / eps)`, over the pairs that matter.

With p near the soft minimum, the exponents `v(y) - p(x) - c(x, y) / eps` need no maximum of a row: those of a block are
one matrix product, as its costs are. Points whose exponents are far below zero in all of a block are left out. The next
soft minimum starts from the last one; where it has gone so far that something that was left out might be seen, points
are chosen again. Where the pairs that matter are few enough, their exponentials are kept: as long as v stays near, a
soft minimum is a product with a vector [schmitzer2019stabilized]_.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from otframe_sinkhorn.clouds.bounds import upper_bounds
from otframe_sinkhorn.clouds.cells import Cells
from otframe_sinkhorn.clouds.costs import PointCost, costs
from otframe_sinkhorn.logarithms import NOTHING, logarithm

__all__ = ["Way"]

_UNSEEN = 30.0
"""What is smaller than the rest by this exponent, all of it together, is below its rounding."""
_SLACK = 10.0
"""So far the soft minimum may fall behind v before pairs are chosen again."""
_MOST = 600.0
"""Exponents are kept within this: float64 holds what they give, without slow denormal numbers."""
_COLS = 2048
"""Points that a block of rows is held against at once."""


@dataclass
class _Near:
    """What is known near some `v`: about its soft minimum, `p`; for each block of rows the points that are looked at;
    their exponentials, where they are kept; the soft minimum that was found last, and whether it is far above p."""

    v: torch.Tensor
    p: torch.Tensor
    seen: list[torch.Tensor]
    kept: list[torch.Tensor]
    found: torch.Tensor
    loose: bool = False


class Way:
    """Soft minima at the points of some cells, of those of others.

    Parameters
    ----------
    rows, cols : Cells
        The points x, in cells that are the blocks, and y.
    eps : float
        Regularisation, in units of the cost.
    cost : str
        `squared`, `absolute` or `distance`.
    keep : int
        Up to so many exponentials are kept.
    """

    def __init__(self, rows: Cells, cols: Cells, eps: float, cost: PointCost, keep: int) -> None:
        self.rows, self.cols, self.eps, self.cost, self.keep = rows, cols, eps, cost, keep
        self.unseen = _UNSEEN + _SLACK + math.log(len(cols.points))
        self._near: _Near | None = None

    def soft(self, v: torch.Tensor) -> torch.Tensor:
        """The soft minimum, `(m,)` to `(n,)`, both in the order of the cells."""
        near = self._near
        if near is None or near.loose:
            near = self._looked(v, self._below(v) if near is None else near.found)
        while True:
            top = float((v - near.v).amax())
            over = logarithm(self._sums(near, v, top))
            made = near.p + over + top
            # what was left out is below exp(-unseen) a pair, beside sums of exp(over)
            if float(over.amin()) > -_SLACK and float(over.amax()) < _MOST / 2:
                near.found, near.loose = made, float(over.amax()) + top > _SLACK
                self._near = near
                return made
            # sums are never too large, but where nothing was above the least exponent
            low = torch.where(over > -_MOST / 2, made, near.p.new_full((), NOTHING))
            near = self._looked(v, torch.maximum(low, self._below(v)))

    def means(self, v: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """Means of `values` `(m, k)` with weights `exp(v(y) - c(x, y) / eps)`, `(n, k)`, in the order of the cells."""
        p, made = self.soft(v), []
        seen = [] if self._near is None else self._near.seen
        for number, zero in enumerate(self._zeros(v, values.shape[1])):
            total, whole = zero, zero.new_zeros(len(zero), 1)
            for part, index in self._exponents(number, v, p, seen[number]):
                weights = _exp(part)
                total, whole = total + weights @ _taken(values, index), whole + weights.sum(1, keepdim=True)
            made.append(total / whole)  # rounding of the exponents is in both
        return torch.cat(made)

    def mean_costs(self, v: torch.Tensor) -> torch.Tensor:
        """Means of `c(x, y) / eps` with weights `exp(v(y) - c(x, y) / eps)`, `(n,)`, in the order of the cells."""
        p, made = self.soft(v), []
        seen = [] if self._near is None else self._near.seen
        for number, zero in enumerate(self._zeros(v, 1)):
            total, whole, here = zero[:, 0], zero[:, 0], p[self.rows.block(number)][:, None]
            for part, index in self._exponents(number, v, p, seen[number]):
                weights = _exp(part.clone())
                total, whole = total + (weights * (_taken(v, index) - here - part)).sum(1), whole + weights.sum(1)
            made.append(total / whole)
        return torch.cat(made)

    def _zeros(self, v: torch.Tensor, width: int) -> Iterator[torch.Tensor]:
        for low, high in itertools.pairwise(self.rows.ends):
            yield v.new_zeros(high - low, width)

    def _below(self, v: torch.Tensor) -> torch.Tensor:
        """A lower bound of the soft minimum: that over the heaviest point of each cell alone."""
        place = v[self.cols.members].argmax(1, keepdim=True)
        heaviest = self.cols.members.gather(1, place)[:, 0]
        return torch.cat(
            [
                torch.logsumexp(v[heaviest] - costs(points, self.cols.points[heaviest], self.cost) / self.eps, 1)
                for points in torch.split(self.rows.points, max(1, _PIECE // len(heaviest)))
            ]
        )

    def _looked(self, v: torch.Tensor, p: torch.Tensor) -> _Near:
        """Choose the points that matter near v, and keep their exponentials where they are few."""
        self._near = None  # what was kept is given back first
        bounds = upper_bounds(self.rows, self.cols, -p, v, self.eps, self.cost)
        chosen = bounds >= bounds.amax(1, keepdim=True).clamp(max=-self.unseen)
        p, seen, count = p.clone(), [], 0
        for number in range(self.rows.count):
            rows, mask = self.rows.block(number), chosen[number][self.cols.number]
            index = None if bool(mask.all()) else mask.nonzero()[:, 0]
            # a soft minimum is above its largest part: p may have been far below
            tops = [part.amax(1) for part, _ in self._exponents(number, v, p, index)]
            p[rows] += torch.stack(tops).amax(0).clamp_(min=0)
            tops = [part.amax(0) for part, _ in self._exponents(number, v, p, index)]
            kept = (torch.cat(tops) > -self.unseen).nonzero()[:, 0]
            seen.append(kept if index is None else index[kept])
            count += (rows.stop - rows.start) * len(kept)
        near = _Near(v, p, seen, [], p)
        if count <= self.keep:
            for number, index in enumerate(seen):
                parts = [_exp(part) for part, _ in self._exponents(number, v, p, index)]
                near.kept.append(parts[0] if len(parts) == 1 else torch.cat(parts, 1))
        return near

    def _sums(self, near: _Near, v: torch.Tensor, top: float) -> torch.Tensor:
        """`sum_y exp(v(y) - top - p(x) - c(x, y) / eps)`, `(n,)`."""
        if near.kept:
            weights = (v - near.v - top).clamp_(min=-_MOST / 2).exp_()
            return torch.cat(
                [torch.mv(part, _taken(weights, index)) for part, index in zip(near.kept, near.seen, strict=True)]
            )
        v = v - top
        return torch.cat(
            [
                sum((_exp(part).sum(1) for part, _ in self._exponents(k, v, near.p, near.seen[k])), zero[:, 0])
                for k, zero in enumerate(self._zeros(v, 1))
            ]
        )

    def _exponents(
        self, number: int, v: torch.Tensor, p: torch.Tensor, seen: torch.Tensor | None
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor | slice]]:
        """`v(y) - p(x) - c(x, y) / eps` for a block of rows and some of the points to look at, and which these are."""
        x, here, eps = self.rows.points[self.rows.block(number)], p[self.rows.block(number)], self.eps
        middle = x.median(0).values  # near most of the block, wherever single points are
        near, ones = x - middle, torch.ones_like(here)[:, None]
        # where single points are very far, rounding of a product would be seen
        product = self.cost == "squared" and float(near.square().sum(1).amax()) < _WIDE * eps
        left = torch.cat([near * (2 / eps), (-near.square().sum(1) / eps - here)[:, None], ones], 1)
        count = len(v) if seen is None else len(seen)
        for low in range(0, max(count, 1), _COLS):
            index = slice(low, low + _COLS) if seen is None else seen[low : low + _COLS]
            y, there = self.cols.points[index], v[index]
            if product:
                apart = y - middle
                right = [apart, torch.ones_like(there)[:, None], (there - apart.square().sum(1) / eps)[:, None]]
                yield left @ torch.cat(right, 1).T, index
            else:
                yield costs(x, y, self.cost).div_(-eps).add_(there).sub_(here[:, None]), index


def _exp(part: torch.Tensor) -> torch.Tensor:
    return part.clamp_(-_MOST, _MOST).exp_()


def _taken(values: torch.Tensor, index: torch.Tensor | slice) -> torch.Tensor:
    return values[index]


_WIDE = 1e5
"""Points of a block may lie so far from its middle, squared and in units of eps."""
_PIECE = 1 << 18
"""Pairs that are looked at at once where no blocks are."""
