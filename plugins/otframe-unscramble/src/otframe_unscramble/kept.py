"""`kept`: the map of a transposed operator, thresholded as published where that is asked for."""

from __future__ import annotations

import torch

from otframe.values import DenseMap, LinearMap, SparseMap

__all__ = ["kept"]


def kept(operator: torch.Tensor, keep: int | None) -> LinearMap:
    """The map `A = T'` of T `(n, m)` with rows of sum 1; with the `keep` largest entries of each column of A alone.

    Those are brought to sum 1. There are always as many: the original takes what is larger than the next one, which
    leaves nothing of columns with ties, and gives 0 / 0.
    """
    n, m = operator.shape
    if keep is None or keep >= m:
        return DenseMap(operator.float().T)
    weights, rows = operator.topk(keep, 1)
    weights = (weights / weights.sum(1, keepdim=True)).float().flatten()
    columns = torch.arange(n, device=operator.device).repeat_interleave(keep)
    order = rows.flatten().argsort(stable=True)
    starts = torch.nn.functional.pad(rows.flatten().bincount(minlength=m).cumsum(0), (1, 0))
    return SparseMap(starts, columns[order], weights[order], n)
