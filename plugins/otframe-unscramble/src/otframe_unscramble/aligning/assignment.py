"""One pixel to each pixel, where the scrambling is known to be a permutation."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from otframe.errors import DataError
from otframe.values import SparseMap
from otframe_unscramble.aligning.sparse import Sparse

__all__ = ["assigned"]

_MOST = 6000
"""Pixels that may be left for the exact assignment."""


def assigned(sparse: Sparse, y: torch.Tensor, z: torch.Tensor) -> SparseMap:
    """The permutation of least squared error.

    Pixels that are each other's largest weight, by far, belong together; the others are assigned exactly
    [jonker1987shortest]_ by how far their samples differ.

    Parameters
    ----------
    sparse : Sparse
        What was learnt, rows of at most k weights.
    y, z : torch.Tensor
        Scrambled and clear samples, `(m, D)` each.
    """
    count = z.shape[1]
    if y.shape[1] != count:
        raise DataError(
            f"a permutation has as many pixels on both sides, got {y.shape[1]} scrambled and {count} clear ones",
            hint="leave `assignment` out",
        )
    weight, slot = sparse.weights.max(1)
    best = sparse.columns.gather(1, slot[:, None])[:, 0]
    strongest = weight.new_zeros(count).scatter_reduce_(0, best, weight, "amax")
    sure = (weight > 0.5) & (weight >= strongest[best])
    # ties: the first row has it
    first = torch.full_like(best, count).scatter_reduce_(
        0, best[sure], torch.arange(count, device=best.device)[sure], "amin"
    )
    sure = sure & (first[best] == torch.arange(count, device=best.device))
    taken = torch.zeros(count, dtype=torch.bool, device=best.device)
    taken[best[sure]] = True
    rows, columns = (~sure).nonzero()[:, 0], (~taken).nonzero()[:, 0]
    if len(rows) > _MOST:
        raise DataError(
            f"{len(rows)} of {count} pixels are still undecided, the exact assignment takes {_MOST}",
            hint="give more calibration pairs, or leave `assignment` out",
        )
    if len(rows):
        cost = torch.cdist(z[:, rows].T.double(), y[:, columns].T.double())
        _, pick = linear_sum_assignment(np.asarray(cost.square().cpu()))
        best = best.clone()
        best[rows] = columns[torch.from_numpy(pick).to(columns)]
    return SparseMap(torch.arange(count + 1, device=best.device), best, torch.ones_like(weight), count)
