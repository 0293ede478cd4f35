"""Unfold, one affine map of the patches, fold by averaging: as one convolution, with the frame done exactly."""

from __future__ import annotations

import torch

from otframe.errors import DataError
from otframe.numerics.patch_kernels import border_means, collapse_columns, inner_kernel, strip_kernels
from otframe.numerics.tile_conv import TileConv
from otframe.numerics.unfold import check_patches, fold_rows, unfold_rows

__all__ = ["AffineFold", "affine_fold", "working_dtype"]


def affine_fold(grid: torch.Tensor, A: torch.Tensor, b: torch.Tensor, size: int) -> torch.Tensor:
    """Fold of `A x + b` over all patches x of a grid `(C, H, W)`; see `AffineFold`, which is kept for many grids."""
    check_patches(grid.shape, size)
    return AffineFold(A, b, size, working_dtype(grid))(grid)


def working_dtype(grid: torch.Tensor) -> torch.dtype:
    """The precision that a grid is worked on in: its own, but at least float32."""
    return grid.dtype if grid.dtype in (torch.float32, torch.float64) else torch.float32


class AffineFold:
    """A patch map made ready to be applied to grids of any size.

    Unfold, `y = A x + b` and fold are one correlation with a (2p - 1)^2 kernel. The frame of p - 1 samples, where fewer
    patches overlap, has its own kernels along each side, and the four corners are done patch by patch. Grids below
    2p - 1 have no inside and are done patch by patch. Memory is that of the grid: patches are never held. Each grid's
    channel means are taken off first, so that a large mean costs no digits.

    Parameters
    ----------
    A : torch.Tensor
        Shape `(C p^2, C p^2)`.
    b : torch.Tensor
        Shape `(C p^2,)`.
    size : int
        Side p of a patch.
    dtype : torch.dtype
        Precision of the work, float32 or float64; the kernels are summed in float64.
    device : torch.device, optional
        Where the grids are; that of A where None.
    """

    def __init__(
        self,
        A: torch.Tensor,
        b: torch.Tensor,
        size: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | None = None,
    ) -> None:
        dim = b.shape[0] if b.ndim == 1 else 0
        if size < 1 or dim == 0 or dim % size**2 or A.shape != (dim, dim):
            raise DataError(
                f"a map of patches of side {size} has A (C p^2, C p^2) and b (C p^2,), "
                f"got {tuple(A.shape)} and {tuple(b.shape)}",
                hint="fit the map on patches of the same size and channels",
            )
        device = device or A.device
        self.size, self.dtype, self.channels = size, dtype, dim // size**2
        self._rows_map = A.to(device, dtype).T
        self._b = b.to(device, torch.float64)
        A = A.to(device, torch.float64)
        # What A makes of a constant in each channel: the means that are taken off come back through it.
        self._of_means = A.view(dim, self.channels, size**2).sum(2)
        six = A.view(self.channels, size, size, self.channels, size, size)
        by_rows = collapse_columns(six)
        self._inner = TileConv(inner_kernel(by_rows).to(dtype))
        by_cols = collapse_columns(six.permute(0, 2, 1, 3, 5, 4))
        self._sides = [kernel.to(dtype) for each in (by_rows, by_cols) for kernel in strip_kernels(each)]
        self._border = border_means(size, self._b)

    def __call__(self, grid: torch.Tensor) -> torch.Tensor:
        """The folded grid, shape `(C, H, W)` and dtype as given. NaN or infinity raise `DataError`."""
        check_patches(grid.shape, self.size)
        if grid.shape[0] != self.channels:
            raise DataError(
                f"the map is for patches of {self.channels} channels, the grid has {grid.shape[0]}",
                hint="apply it to the kind of image or latent it was fitted on",
            )
        mean = grid.mean((1, 2), dtype=torch.float64).to(self.dtype)
        if not torch.isfinite(mean).all():
            raise DataError("a grid must be finite, got NaN or infinity", hint="look for NaN in the image or latent")
        centred = grid.to(self.dtype) - mean[:, None, None]
        offset = self._b + self._of_means @ mean.to(torch.float64)
        if self.size == 1 or min(grid.shape[1:]) < 2 * self.size - 1:
            rows = torch.addmm(offset.to(self.dtype), unfold_rows(centred, self.size), self._rows_map)
            return fold_rows(rows, (self.channels, *grid.shape[1:]), self.size).to(grid.dtype)
        out = torch.empty_like(centred)
        offset = offset.view(self.channels, self.size, self.size)
        edge = self.size - 1
        inside = self._inner(centred)
        torch.add(inside, offset.mean((1, 2)).to(inside)[:, None, None], out=out[:, edge:-edge, edge:-edge])
        self._frame(centred, out, offset, 0)
        self._frame(centred.transpose(1, 2), out.transpose(1, 2), offset.transpose(1, 2), 2)
        self._corners(centred, out, offset)
        return out.to(grid.dtype)

    def _frame(self, grid: torch.Tensor, out: torch.Tensor, offset: torch.Tensor, side: int) -> None:
        """Fill the first and the last p - 1 rows, corners left out."""
        edge = self.size - 1
        for which, strip in enumerate((grid[:, : 2 * edge], grid[:, -2 * edge :])):
            windows = strip.unfold(2, 2 * edge + 1, 1).permute(0, 1, 3, 2)
            count = windows.shape[-1]
            mean = torch.einsum("ru,cu->cr", self._border[which], offset.mean(2)).reshape(-1, 1).to(self.dtype)
            rows = torch.addmm(mean, self._sides[side + which], windows.reshape(-1, count))
            target = out[:, :edge] if which == 0 else out[:, -edge:]
            target[:, :, edge:-edge] = rows.view(self.channels, edge, count)

    def _corners(self, grid: torch.Tensor, out: torch.Tensor, offset: torch.Tensor) -> None:
        """Fill the four corners from blocks of 2p - 2, patch by patch: one product for all."""
        edge, deep = self.size - 1, 2 * (self.size - 1)
        ends = (slice(None, deep), slice(-deep, None))
        places = [(rows, cols) for rows in ends for cols in ends]
        patches = torch.cat([unfold_rows(grid[:, rows, cols], self.size) for rows, cols in places])
        moved = torch.addmm(offset.reshape(-1).to(self.dtype), patches, self._rows_map)
        for part, (rows, cols) in zip(moved.chunk(4), places, strict=True):
            block = fold_rows(part, (self.channels, deep, deep), self.size)
            top, left = rows.stop is not None, cols.stop is not None
            near = (slice(None, edge) if top else slice(-edge, None), slice(None, edge) if left else slice(-edge, None))
            out[:, near[0], near[1]] = block[:, near[0], near[1]]
