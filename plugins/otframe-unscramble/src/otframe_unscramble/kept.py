"""`kept`: the map of a transposed operator, thresholded as published and balanced."""

from __future__ import annotations

import torch

from otframe.values import DenseMap, LinearMap, SparseMap

__all__ = ["kept"]


def kept(operator: torch.Tensor, keep: int | None, even: bool = False) -> LinearMap:
    """The map `A = T'` of T `(n, m)` with rows of sum 1; with the `keep` largest entries of each column of A alone.

    Those are brought to sum 1. There are always as many: the original takes what is larger than the next one, which
    leaves nothing of columns with ties, and gives 0 / 0. Where it is to be `even`, the rows of A are then brought to
    the sum 1; one without entries stays without. The operator is used up: with many pixels there is no room for two.
    """
    n, m = operator.shape
    if keep is None or keep >= m:
        if even:
            operator.div_(_positive(operator.sum(0)))
        return DenseMap(operator.float().T)
    weights, rows = operator.topk(keep, 1)
    weights, rows = (weights / weights.sum(1, keepdim=True)).flatten(), rows.flatten()
    if even:
        weights = weights / _positive(weights.new_zeros(m).index_add_(0, rows, weights))[rows]
    columns = torch.arange(n, device=operator.device).repeat_interleave(keep)
    order = rows.argsort(stable=True)
    starts = torch.nn.functional.pad(rows.bincount(minlength=m).cumsum(0), (1, 0))
    return SparseMap(starts, columns[order], weights[order].float(), n)


def _positive(sums: torch.Tensor) -> torch.Tensor:
    return torch.where(sums > 0, sums, 1.0)
