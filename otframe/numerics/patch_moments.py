r"""Moments of all overlapping patches of a grid from shifted products, without making the patches.

An entry of the scatter is a sum of products of two samples at a fixed displacement d = o' - o, over a window of the
grid that moves with o. The windows of all o share a core, so the core's sum is done once a displacement; what a window
has beside the core, p - 1 rows and p - 1 columns, is added on.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from otframe.errors import DataError
from otframe.numerics.moments import Moments, moments_of_points
from otframe.numerics.unfold import check_patches, unfold_rows

__all__ = ["moments"]

_BAND_BYTES = 8 << 20
_GEMM_ROWS = 24  # few channels are grouped with their neighbours along the row up to this many rows of a product


def moments(grid: torch.Tensor, size: int) -> Moments:
    """Moments of all patches of a grid `(C, H, W)`, in float64 whatever the grid's precision.

    Equal to those of `unfold_rows` to rounding. The channel means are taken off before anything is multiplied, so a
    large mean costs no digits. NaN or infinity raise `DataError`.
    """
    check_patches(grid.shape, size)
    reference = grid.mean((1, 2), dtype=torch.float64)
    if not torch.isfinite(reference).all():
        raise DataError("a grid must be finite, got NaN or infinity", hint="look for NaN in the image or latent")
    height, width = grid.shape[1:]
    centred = grid.to(torch.float64) - reference[:, None, None]
    shift = reference.repeat_interleave(size * size)
    if min(height, width) < 3 * size:  # next to no core: patches are few or narrow
        found = moments_of_points(unfold_rows(centred, size))
        return Moments(found.count, found.squares, found.mean + shift, found.scatter)
    n = (height - size + 1) * (width - size + 1)
    mean = _window_sums(centred, size).reshape(-1) / n
    half = _products(centred, size).addr_(mean, mean, alpha=-0.5 * n)
    return Moments(float(n), float(n), mean + shift, half + half.T)


def _window_sums(grid: torch.Tensor, p: int) -> torch.Tensor:
    """Sums over the p x p windows, `(C, p, p)`; each is nearly the whole grid."""
    for _ in range(2):
        core = grid[:, p - 1 : grid.shape[1] - p + 1].sum(1)
        ends = grid[:, : p - 1], grid[:, grid.shape[1] - p + 1 :]
        grid = torch.stack([core + ends[0][:, u:].sum(1) + ends[1][:, :u].sum(1) for u in range(p)], 1).transpose(1, 2)
    return grid


def _products(grid: torch.Tensor, p: int) -> torch.Tensor:
    """The uncentred scatter `sum x x'` of the patches, `(D, D)`; of each pair of entries once, so that `S + S'` is all.

    Offsets come before channels until the end, so that every slice below is a run of memory.
    """
    channels = grid.shape[0]
    pairs = [(u, down) for u in range(p) for down in range(p - u)]
    inner = _core_columns(grid, p, pairs)
    left, right = _edge_columns(grid, p, pairs)
    half = grid.new_zeros(p, p, channels, p, p, channels)
    for v in range(p):
        block = inner[:, :, p - 1 - v : 2 * p - 1 - v].clone()
        for s in range(v, p - 1):
            block += left[:, s, :, s - v : s - v + p]
        for s in range(v):
            block += right[:, s, :, p - 1 - v + s : 2 * p - 1 - v + s]
        for index, (u, down) in enumerate(pairs):
            half[u, v, :, u + down] = block[index] if down else block[index] * 0.5
    return half.permute(2, 0, 1, 5, 3, 4).reshape(channels * p * p, channels * p * p)


def _core_columns(grid: torch.Tensor, p: int, pairs: list[tuple[int, int]]) -> torch.Tensor:
    """Products over the core columns and each pair's window of rows: `(pairs, C, 2p - 1, C')`."""
    channels, height, width = grid.shape
    core, tall = width - 2 * (p - 1), height - 2 * (p - 1)
    group = -(-_GEMM_ROWS // channels)
    steps = -(-core // group)
    wide = group + 2 * p - 2
    grid = F.pad(grid, (0, steps * group - core))
    # Neighbours below each other: row (e, c') and column (r, k) hold the sample (c', r, k group + e).
    columns = grid.unfold(2, wide, group).permute(3, 0, 1, 2)
    valid = torch.arange(steps * group, device=grid.device).view(steps, group) < core
    mask = valid.T[:, None, None, :].to(grid)

    def add(total: torch.Tensor, rows: torch.Tensor, start: int, stop: int, down: int) -> None:
        own = rows[p - 1 : p - 1 + group, :, start:stop] * mask
        total.addmm_(own.flatten(2).flatten(0, 1), rows[:, :, start + down : stop + down].flatten(2).flatten(0, 1).T)

    total = grid.new_zeros(p, group * channels, wide * channels)
    band = max(2 * p, _BAND_BYTES // (channels * wide * steps * grid.element_size()))
    for row in range(p - 1, p - 1 + tall, band):
        some = min(band, p - 1 + tall - row)
        rows = columns[:, :, row : row + some + p - 1].contiguous()
        for down in range(p):
            add(total[down], rows, 0, some, down)
    # The rows that windows have beside the core: of the first and of the last p - 1.
    head = columns[:, :, : 2 * p - 2].contiguous()
    tail = columns[:, :, height - 2 * p + 2 :].contiguous()
    sums = torch.stack([total[down] for _, down in pairs])
    for index, (u, down) in enumerate(pairs):
        if u < p - 1:
            add(sums[index], head, u, p - 1, down)
        if u > 0:
            add(sums[index], tail, p - 1, p - 1 + u, down)
    table = sums.view(len(pairs), group, channels, wide, channels)
    found = table[:, 0, :, : 2 * p - 1].clone()
    for a in range(1, group):
        found += table[:, a, :, a : a + 2 * p - 1]
    return found


def _edge_columns(grid: torch.Tensor, p: int, pairs: list[tuple[int, int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Products of the first, and of the last, p - 1 columns with the 2p - 2 there: `(pairs, p - 1, C, 2p - 2, C')`."""
    channels, height, width = grid.shape
    window, edge = height - p + 1, p - 1
    found = []
    first, last = grid[:, :, : 2 * edge], grid[:, :, width - 2 * edge :]
    for side, own in ((first, slice(None, edge)), (last, slice(edge, None))):
        strip = side.permute(2, 0, 1).contiguous()
        sums = grid.new_empty(len(pairs), edge * channels, 2 * edge * channels)
        for index, (u, down) in enumerate(pairs):
            near = strip[own, :, u : u + window].flatten(0, 1)
            far = strip[:, :, u + down : u + down + window].flatten(0, 1)
            torch.mm(near, far.T, out=sums[index])
        found.append(sums.view(len(pairs), edge, channels, 2 * edge, channels))
    return found[0], found[1]
