"""Patches of a grid as rows, and rows averaged back to a grid: the plain form that every faster one must equal."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from otframe.errors import DataError

__all__ = ["check_patches", "cover", "fold_rows", "unfold_rows"]


def check_patches(shape: tuple[int, ...] | torch.Size, size: int) -> None:
    """Raise `DataError` unless a grid `(C, H, W)` holds at least one patch of `size` x `size`."""
    if len(shape) != 3 or min(shape) < 1:
        raise DataError(f"patches are taken of a grid (C, H, W), got shape {tuple(shape)}")
    if size < 1:
        raise DataError(f"a patch is at least 1 x 1, got size {size}", hint="set the patch size to 1 or more")
    if min(shape[1:]) < size:
        raise DataError(
            f"a grid of {shape[1]} x {shape[2]} holds no patch of {size} x {size}",
            hint=f"use a patch size of at most {min(shape[1:])}, or a larger image",
        )


def unfold_rows(grid: torch.Tensor, size: int) -> torch.Tensor:
    """All overlapping patches at stride 1.

    Parameters
    ----------
    grid : torch.Tensor
        Shape `(C, H, W)`.
    size : int
        Side p of a patch.

    Returns
    -------
    torch.Tensor
        Shape `(n, C p^2)`, n = (H - p + 1)(W - p + 1), positions row by row; within a patch the channel changes
        slowest, then the row, then the column, as in `torch.nn.functional.unfold`.
    """
    check_patches(grid.shape, size)
    patches = grid.unfold(1, size, 1).unfold(2, size, 1)
    return patches.permute(1, 2, 0, 3, 4).reshape(-1, grid.shape[0] * size * size)


def fold_rows(rows: torch.Tensor, shape: tuple[int, int, int], size: int) -> torch.Tensor:
    """Each sample as the mean of all patches that cover it.

    Parameters
    ----------
    rows : torch.Tensor
        Shape `(n, C p^2)`, as `unfold_rows` gives.
    shape : (int, int, int)
        The grid's `(C, H, W)`.
    size : int
        Side p of a patch.
    """
    check_patches(shape, size)
    channels, height, width = shape
    wanted = ((height - size + 1) * (width - size + 1), channels * size * size)
    if tuple(rows.shape) != wanted:
        raise DataError(f"a grid {shape} has patches {wanted}, got rows {tuple(rows.shape)}")
    total = F.fold(rows.T.unsqueeze(0), (height, width), size)[0]
    return total / (cover(height, size, rows)[:, None] * cover(width, size, rows))


def cover(length: int, size: int, like: torch.Tensor) -> torch.Tensor:
    """How many patches cover each sample of an axis, shape `(length,)`: 1, 2, ... p in the middle ..., 2, 1."""
    index = torch.arange(length, device=like.device)
    last = length - size
    return (torch.minimum(index, torch.full_like(index, last)) - (index - size + 1).clamp(min=0) + 1).to(like.dtype)
