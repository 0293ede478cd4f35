"""Where the origin lies: an operator of single pixels that is displaced by a part of a pixel needs several."""

from __future__ import annotations

import torch

__all__ = ["off_grid"]

_SURE, _MOST = 0.5, 0.3
_NEAR = 2.0
_TRIMMED = 0.1


def off_grid(columns: torch.Tensor, weights: torch.Tensor, size: tuple[int, int], width: int) -> torch.Tensor | None:
    """How far rows draw from beside their own pixel, down and to the right, `(2,)`; None where that cannot be told.

    Registration leaves a common displacement of all pictures undecided. Where most rows have one large weight, the
    scrambled pixels of those are known by their places in the picture, and the mean place of all weights of a row tells
    by what the operator is displaced against the grid on which it is sharpest.

    Parameters
    ----------
    columns, weights : torch.Tensor
        `(D, k)`, not negative.
    size : (int, int)
        Height and width of the picture.
    width : int
        Scrambled pixels.
    """
    share = weights / weights.sum(1, keepdim=True).clamp(min=1e-12)
    most, slot = share.max(1)
    sure = most > _SURE
    if float(sure.float().mean()) < _MOST:
        return None
    rows = torch.arange(len(columns), device=columns.device)
    owner = torch.full((width,), -1, dtype=torch.int64, device=columns.device)
    owner = owner.scatter(0, columns.gather(1, slot[:, None])[sure, 0], rows[sure])
    from_row = owner[columns]
    place = torch.stack([rows // size[1], rows % size[1]], 1).to(weights)
    apart = place[from_row.clamp(min=0)] - place[:, None]
    counted = share * ((from_row >= 0) & (apart.abs() <= _NEAR).all(2))
    mean = (counted[..., None] * apart).sum(1) / counted.sum(1, keepdim=True).clamp(min=1e-12)
    mean = mean[sure].sort(0)[0]
    cut = int(_TRIMMED * len(mean))
    return mean[cut : len(mean) - cut].mean(0)
