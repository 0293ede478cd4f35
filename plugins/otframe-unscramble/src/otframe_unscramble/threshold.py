"""The largest entries of each row or column of an operator, and their weights fitted again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import torch

from otframe.values import DenseMap, LowRankMap, SparseMap
from otframe_unscramble.moments import PairMoments
from otframe_unscramble.values import Pairs

__all__ = ["By", "kept", "refitted"]

By = Literal["row", "column"]

Products = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]

_ROWS = 512
_HELD = 1 << 23
_FLOOR = 1e-9


def kept(operator: DenseMap | LowRankMap, keep: int, by: By) -> SparseMap:
    """The `keep` entries of largest magnitude of each row or column; zeros are never kept.

    Among equal ones some are chosen, always the same. Blocks are written out, never the whole of a product.
    """
    height, width = operator.shape
    lines, across = (height, width) if by == "row" else (width, height)
    found, weights = [], []
    for start in range(0, lines, _ROWS):
        block = _lines(operator, start, min(start + _ROWS, lines), by)
        at = block.abs().topk(min(keep, across), 1).indices.sort(1).values
        found.append(at)
        weights.append(block.gather(1, at))
    at, weight = torch.cat(found), torch.cat(weights)
    if by == "row":
        return SparseMap.of_slots(at, weight, width)
    held = weight != 0
    columns = torch.arange(lines, device=at.device)[:, None].expand_as(at)[held]
    rows, order = at[held].sort(stable=True)
    starts = torch.searchsorted(rows, torch.arange(height + 1, device=rows.device))
    return SparseMap(starts, columns[order], weight[held][order], width)


def refitted(operator: SparseMap, data: Pairs | PairMoments, ridge: float) -> SparseMap:
    """The same entries with the weights of least squares on them alone, row by row.

    Parameters
    ----------
    operator : SparseMap
        Which entries there are.
    data : Pairs or PairMoments
        What to fit.
    ridge : float
        Added to the diagonal, in units of `Y'Y`. At least 1e-9 of the row's mean is, so that pixels that are always
        alike share their weight.
    """
    products, cost = _products(data)
    weights = operator.weights.new_zeros(operator.entries)
    for rows, place, held in _padded(operator, cost):
        gram, cross = products(torch.where(held, operator.columns[place], 0), rows)
        gram = gram * (held[:, :, None] & held[:, None, :])
        mean = gram.diagonal(dim1=1, dim2=2).sum(1) / held.sum(1)
        lift = (ridge + _FLOOR * mean)[:, None].expand_as(cross)
        # pixels that were never lit, and padding: 1 w = 0
        lift = torch.where(held & (mean > 0)[:, None], lift, 1.0)
        factor = torch.linalg.cholesky_ex(gram + torch.diag_embed(lift))[0]
        solved = torch.cholesky_solve((cross * held)[:, :, None], factor)[:, :, 0]
        weights[place[held]] = solved[held].to(weights)
    return SparseMap(operator.starts, operator.columns, weights, operator.width)


def _lines(operator: DenseMap | LowRankMap, start: int, stop: int, by: By) -> torch.Tensor:
    if by == "row":
        return operator.rows(start, stop)
    if isinstance(operator, DenseMap):
        return operator.matrix[:, start:stop].T
    return (operator.left @ operator.right[:, start:stop]).T


def _products(data: Pairs | PairMoments) -> tuple[Products, int]:
    """What gives `(Y'Y (r, k, k), Y'X (r, k))` of columns `(r, k)` for rows `(r,)`, and its memory for each column."""
    if isinstance(data, PairMoments):

        def looked_up(columns: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            gram = data.gram[columns[:, :, None], columns[:, None, :]]
            return gram, data.cross[columns, rows[:, None]]

        return looked_up, 1
    scrambled, clear = data.rows()
    lit = scrambled.T.contiguous()

    def summed(columns: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        taken = lit[columns].double()
        wanted = clear.index_select(1, rows).T.double()
        return taken @ taken.transpose(1, 2), (taken @ wanted[:, :, None])[:, :, 0]

    return summed, len(scrambled)


def _padded(operator: SparseMap, cost: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Rows with entries, by falling length, as `(rows (r,), places (r, k), whether there is an entry (r, k))`."""
    lengths, order = operator.starts.diff().sort(descending=True, stable=True)
    filled = int((lengths > 0).sum())
    start = 0
    while start < filled:
        longest = int(lengths[start])
        stop = min(filled, start + max(1, _HELD // (longest * (longest + cost))))
        slots = torch.arange(longest, device=order.device)[None]
        held = slots < lengths[start:stop, None]
        first = operator.starts[order[start:stop], None]
        yield order[start:stop], torch.where(held, first + slots, first), held
        start = stop
