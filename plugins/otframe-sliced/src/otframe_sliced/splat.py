"""`Splat`: values between the nodes of a table and points, both ways."""

from __future__ import annotations

import itertools

import torch

from otframe_sliced.line import grouped

__all__ = ["Splat"]


class Splat:
    """The linear interpolation of a table at fixed points, and the means over points around each node.

    Parameters
    ----------
    points : torch.Tensor
        Shape `(n, d)`.
    mass : torch.Tensor
        Shape `(n,)`, float64: what each point counts in the means.
    low, high : torch.Tensor
        Shape `(d,)`: the first and the last node; `low < high`.
    size : int
        Nodes on each axis.
    """

    def __init__(
        self, points: torch.Tensor, mass: torch.Tensor, low: torch.Tensor, high: torch.Tensor, size: int
    ) -> None:
        n, dim = points.shape
        place = ((points - low) * ((size - 1) / (high - low))).clamp_(0, size - 1)
        cell = place.floor().clamp_(max=size - 2)
        within = place - cell
        index, weights = [], []
        for corner in itertools.product((0, 1), repeat=dim):
            node = torch.zeros(n, dtype=torch.int64, device=points.device)
            weight = torch.ones_like(within[:, 0])
            for k, side in enumerate(corner):
                node = node * size + cell[:, k].long() + side
                weight = weight * (within[:, k] if side else 1 - within[:, k])
            index.append(node)
            weights.append(weight)
        self._index = torch.stack(index, 1)
        self._weights = torch.stack(weights, 1)
        flat = self._index.reshape(-1)
        order = grouped(flat, size**dim)
        self.touched, counts = torch.unique_consecutive(flat[order], return_counts=True)
        """The nodes beside points, in order."""
        shares = (self._weights.double() * mass[:, None]).reshape(-1)[order]
        ends = counts.cumsum(0)
        self._starts = ends - counts
        # each node's shares in units of its largest, so that no mass is too small to be told from 0
        group = torch.repeat_interleave(torch.arange(len(counts), device=points.device), counts)
        largest = torch.zeros(len(counts), dtype=torch.float64, device=points.device)
        largest.scatter_reduce_(0, group, shares, "amax")
        shares = shares / torch.where(largest > 0, largest, torch.ones_like(largest))[group]
        total = torch.segment_reduce(shares, "sum", lengths=counts)
        shares = shares / torch.where(total > 0, total, torch.ones_like(total))[group]
        self._members = order // self._index.shape[1]
        self._shares = shares.to(points)

    def values(self, nodes: torch.Tensor) -> torch.Tensor:
        """The table's values `(s^d, c)` at the points, `(n, c)`."""
        return _weighted_sums(nodes, self._index.reshape(-1), self._row_starts(), self._weights.reshape(-1))

    def means(self, values: torch.Tensor) -> torch.Tensor:
        """The mean of values at points `(n, c)` around each touched node: by mass times nearness."""
        return _weighted_sums(values.contiguous(), self._members, self._starts, self._shares)

    def _row_starts(self) -> torch.Tensor:
        n, corners = self._index.shape
        return torch.arange(0, n * corners, corners, device=self._index.device)


def _weighted_sums(
    rows: torch.Tensor, index: torch.Tensor, starts: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """`sum_j weights_j rows[index_j]` over each stretch of the index, in one order on every device."""
    return torch.nn.functional.embedding_bag(
        index, rows.contiguous(), starts, mode="sum", per_sample_weights=weights.to(rows)
    )
