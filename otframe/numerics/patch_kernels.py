r"""The kernels to which unfold, one linear map of patches and fold collapse, inside the grid and along its frame.

A map A of patches takes sample o' of a patch to sample o. Averaged over all patches that cover a sample, only the
displacement o' - o matters inside the grid:

.. math:: K(d) = p^{-2} \sum_{o' - o = d} A[o, o']

Within p - 1 samples of a side, the offset across that side is limited while the one along it is free; the kernel is
then dense across (a strip 2p - 2 deep) and a correlation along.
"""

from __future__ import annotations

import torch

__all__ = ["border_means", "collapse_columns", "inner_kernel", "strip_kernels"]


def collapse_columns(six: torch.Tensor) -> torch.Tensor:
    """Sum a map `(C, p, p, C', p, p)` over equal column displacements: `(C, p, C', p, 2p - 1)`."""
    out_channels, p, _, in_channels, _, _ = six.shape
    collapsed = six.new_zeros(out_channels, p, in_channels, p, 2 * p - 1)
    for v in range(p):
        collapsed[..., p - 1 - v : 2 * p - 1 - v] += six[:, :, v]
    return collapsed


def inner_kernel(collapsed: torch.Tensor) -> torch.Tensor:
    """The kernel `(C, C', 2p - 1, 2p - 1)` inside the grid, from a map with collapsed columns."""
    out_channels, p, in_channels, _, span = collapsed.shape
    kernel = collapsed.new_zeros(out_channels, in_channels, span, span)
    for u in range(p):
        kernel[:, :, p - 1 - u : 2 * p - 1 - u] += collapsed[:, u]
    return kernel / p**2


def strip_kernels(collapsed: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The kernels of the p - 1 first and last rows, each `(C (p - 1), C' (2p - 2)(2p - 1))`.

    Both take a strip of 2p - 2 rows and all its columns. A strip has p - 1 rows of patches; row i of them reaches the
    first rows i and below through its offsets 0, 1, ..., and the last rows up to i through its last offsets.
    """
    out_channels, p, in_channels, _, span = collapsed.shape
    first = collapsed.new_zeros(out_channels, p - 1, in_channels, 2 * p - 2, span)
    last = torch.zeros_like(first)
    for i in range(p - 1):
        first[:, i:, :, i : i + p] += collapsed[:, : p - 1 - i]
        last[:, : i + 1, :, i : i + p] += collapsed[:, p - 1 - i :]
    cover = torch.arange(1, p, device=collapsed.device, dtype=collapsed.dtype)[None, :, None, None, None] * p
    shape = (out_channels * (p - 1), in_channels * (2 * p - 2) * span)
    return (first / cover).reshape(shape), (last / cover.flip(1)).reshape(shape)


def border_means(size: int, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights `(p - 1, p)` that average the offsets which reach each of the first, and of the last, p - 1 samples."""
    reached = torch.ones(size - 1, size, dtype=like.dtype, device=like.device)
    first, last = reached.tril(), reached.triu(1)
    return first / first.sum(1, keepdim=True), last / last.sum(1, keepdim=True)
