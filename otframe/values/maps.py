"""`PointMap`: a map that is known at points, with a table or the nearest point for the rest."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from otframe.errors import DataError
from otframe.values.transports import Transport

__all__ = ["PointMap", "interpolated"]


@dataclass(frozen=True, eq=False)
class PointMap(Transport):
    """A map that is known at some points; elsewhere by a table where there is one, or as at the nearest point.

    Parameters
    ----------
    points : torch.Tensor
        Shape `(n, d)`: where it is known.
    images : torch.Tensor
        Shape `(n, d)`: where these points go.
    table : torch.Tensor, optional
        Shape `(s, ..., s, d)`: displacements on a regular grid between the corners `low` and `high`, between which they
        are interpolated linearly along each axis, as a colour table is.
    low, high : torch.Tensor, optional
        Shape `(d,)`.
    """

    points: torch.Tensor
    images: torch.Tensor
    table: torch.Tensor | None = None
    low: torch.Tensor | None = None
    high: torch.Tensor | None = None

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.points.shape != self.images.shape:
            raise DataError(f"a map takes (n, d) to (n, d), got {tuple(self.points.shape)}, {tuple(self.images.shape)}")
        dim = self.points.shape[1]
        if self.table is None:
            return
        sizes = set(self.table.shape[:-1])
        if self.table.ndim != dim + 1 or self.table.shape[-1] != dim or len(sizes) != 1 or min(sizes) < 2:
            raise DataError(f"a table of {dim} dimensions has shape (s, ..., s, {dim}), got {tuple(self.table.shape)}")
        if self.low is None or self.high is None or not bool((self.low < self.high).all()):
            raise DataError("a table lies between the corners low and high, low below high in every coordinate")

    @property
    def dim(self) -> int:
        """Dimension of the space."""
        return self.points.shape[1]

    def __call__(self, points: torch.Tensor) -> torch.Tensor:
        """Move points, shape `(n, d)`."""
        return self.displace(points, 1.0)

    def displace(self, points: torch.Tensor, t: float) -> torch.Tensor:
        """The points at time t of the geodesic: `x + t (T(x) - x)`."""
        if points.ndim != 2 or points.shape[1] != self.dim:
            raise DataError(f"the map moves points of shape (n, {self.dim}), got {tuple(points.shape)}")
        return points + t * self._displacement(points).to(points)

    def _displacement(self, points: torch.Tensor) -> torch.Tensor:
        if self.table is not None:
            return interpolated(self.table, self.low, self.high, points)  # type: ignore[arg-type]
        if points.shape == self.points.shape and bool((points == self.points).all()):
            return self.images - self.points
        from scipy.spatial import cKDTree

        _, nearest = cKDTree(self.points.double().cpu().numpy()).query(points.double().cpu().numpy())
        return (self.images - self.points)[torch.from_numpy(nearest).to(self.points.device)]


def interpolated(table: torch.Tensor, low: torch.Tensor, high: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """A table's value at points, shape `(n, d)`, linear along each axis; outside the corners that of the edge."""
    size, dim = table.shape[0], points.shape[1]
    place = ((points.to(table) - low.to(table)) / (high - low).to(table)).clamp(0, 1) * (size - 1)
    cell = place.floor().clamp(max=size - 2)
    part = place - cell
    flat = table.reshape(-1, table.shape[-1])
    strides = [size ** (dim - 1 - k) for k in range(dim)]
    base = sum(cell[:, k].long() * strides[k] for k in range(dim))
    found = torch.zeros(len(points), table.shape[-1], dtype=table.dtype, device=table.device)
    for corner in range(2**dim):
        bits = [corner >> k & 1 for k in range(dim)]
        weight = torch.ones(len(points), dtype=table.dtype, device=table.device)
        for k, bit in enumerate(bits):
            weight = weight * (part[:, k] if bit else 1 - part[:, k])
        offset = sum(bit * stride for bit, stride in zip(bits, strides, strict=True))
        found += weight[:, None] * flat[base + offset]
    return found
