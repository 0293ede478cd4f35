"""`PointMap`: a map that is known at points, with a table or the nearest point for the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from otframe.errors import DataError
from otframe.numerics.byte_colors import each_color_once
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
        if self.table is not None:
            table = self.table if t == 1 else self.table * t
            return interpolated(table, self.low, self.high, points, onto=points).to(points)  # type: ignore[arg-type]
        return points + t * self._nearest(points).to(points)

    def on_bytes(self, colors: np.ndarray) -> np.ndarray:
        """Move 8-bit colours, each of those that occur once: far faster for photographs than one pixel at a time.

        Parameters
        ----------
        colors : numpy.ndarray
            uint8, shape `(..., 3)`; 0 to 255 stand for 0 to 1.

        Returns
        -------
        numpy.ndarray
            The same shape, uint8: rounded, and clipped to 0 to 255.
        """
        if colors.dtype != np.uint8 or colors.ndim < 2 or colors.shape[-1] != 3 or self.dim != 3:
            raise DataError(
                f"a map of 3 dimensions moves uint8 colours (..., 3); this is one of {self.dim}, "
                f"got {colors.dtype} {colors.shape}"
            )
        return each_color_once(colors, lambda points: self(points.to(self.points.device)))

    def _nearest(self, points: torch.Tensor) -> torch.Tensor:
        known = self.points.to(points.device)
        if points.shape == known.shape and bool((points == known).all()):
            return self.images - self.points
        from scipy.spatial import cKDTree

        asked = points.double().cpu().numpy()
        if not np.isfinite(asked).all():
            raise DataError("a map without a table moves finite points, got NaN or infinity")
        _, nearest = cKDTree(self.points.double().cpu().numpy()).query(asked)
        return (self.images - self.points)[torch.from_numpy(nearest).to(self.points.device)]


@torch.no_grad()
def interpolated(
    table: torch.Tensor,
    low: torch.Tensor,
    high: torch.Tensor,
    points: torch.Tensor,
    *,
    onto: torch.Tensor | None = None,
) -> torch.Tensor:
    """A table's value at points, linear along each axis; outside the corners that of the edge.

    Points go through in pieces that stay in the processor's cache, and a piece is one weighted sum of rows: of the
    2^(d-1) nodes around it on all axes but the last, each row holding a node's value and its difference to the next.
    Gradients do not pass through.

    Parameters
    ----------
    table : torch.Tensor
        Shape `(s, ..., s, c)`, s at least 2.
    low, high : torch.Tensor
        Shape `(d,)`: where its first and its last node lie.
    points : torch.Tensor
        Shape `(n, d)`. NaN gives NaN, for that point alone.
    onto : torch.Tensor, optional
        Shape `(n, c)`: what the value is added to.

    Returns
    -------
    torch.Tensor
        Shape `(n, c)`, in the precision of the points, float32 at least; laid out in memory as the points are.
    """
    dtype = torch.promote_types(points.dtype, torch.float32)
    size, dim, width = table.shape[0], points.shape[1], table.shape[-1]
    table = table.to(points.device, dtype)
    onward = torch.cat([table.diff(dim=-2), torch.zeros_like(table[..., :1, :])], -2)
    rows = torch.cat([table, onward], -1).reshape(-1, 2 * width)
    corners = 2 ** (dim - 1)
    strides = [size ** (dim - 1 - k) for k in range(dim)]
    offsets = [sum(s for k, s in enumerate(strides[:-1]) if corner >> k & 1) for corner in range(corners)]
    origin, scale = low.to(points.device, dtype), (size - 1) / (high - low).to(points.device, torch.float64)
    top = (size - 1) * (1 - torch.finfo(dtype).eps)  # so that the cell is never the last node
    made = _blank(points, width, dtype)
    piece = _PIECE if points.device.type == "cpu" else len(points)
    starts = torch.arange(0, corners * min(piece, len(points)), corners, dtype=torch.int32, device=points.device)
    for begin in range(0, len(points), max(piece, 1)):
        part = points[begin : begin + piece].T.to(dtype)
        place = _placed(part, origin, scale.to(dtype)).clamp_(0, top)
        cell = place.floor()
        within = place.sub_(cell)
        whole = cell.to(torch.int32)
        base = whole[dim - 1]
        for k in range(dim - 1):
            base = torch.add(base, whole[k], alpha=strides[k])
        base.clamp_(0, len(rows) - 1 - max(offsets))  # a NaN's cell may be any
        index = _interleaved([base + offset for offset in offsets])
        weights = _interleaved(_corner_weights(within[: dim - 1], within[0]))
        found = torch.nn.functional.embedding_bag(
            index, rows, starts[: part.shape[1]], mode="sum", per_sample_weights=weights
        ).T
        target = made[begin : begin + piece].T
        torch.addcmul(found[:width], found[width:], within[dim - 1], out=target)
        if onto is not None:
            target += onto[begin : begin + piece].T
    return made


_PIECE = 1 << 15
"""Points that go through at once on the CPU."""


def _blank(points: torch.Tensor, width: int, dtype: torch.dtype) -> torch.Tensor:
    """Memory for `(n, c)`, planes where the points are planes."""
    planes = points.stride(0) == 1 and points.shape[1] > 1
    shape = (width, len(points)) if planes else (len(points), width)
    if points.device.type == "cpu":  # NumPy asks for large pages: a photograph's worth of small ones takes long to map
        made = torch.from_numpy(np.empty(shape, np.float64 if dtype == torch.float64 else np.float32))
    else:
        made = torch.empty(shape, dtype=dtype, device=points.device)
    return made.T if planes else made


def _placed(part: torch.Tensor, origin: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Points in units of the table's cells, `(d, m)`: a whole table by one pass where its axes are alike."""
    first, step = float(origin[0]), float(scale[0])
    if bool((origin == first).all()) and bool((scale == step).all()):
        return torch.mul(part, step) if first == 0 else torch.sub(part, first).mul_(step)
    return (part - origin[:, None]).mul_(scale[:, None])


def _corner_weights(within: torch.Tensor, like: torch.Tensor) -> list[torch.Tensor]:
    """The weight of each corner, bit k of its number telling the side along axis k."""
    weights = [torch.ones_like(like)]
    for k, part in enumerate(within):
        far = [part if k == 0 else weight * part for weight in weights]
        weights = [weight - side for weight, side in zip(weights, far, strict=True)] + far
    return weights


def _interleaved(planes: list[torch.Tensor]) -> torch.Tensor:
    """Planes `(m,)` as one row a point, flat."""
    if planes[0].device.type != "cpu" or len(planes) == 1:
        return torch.stack(planes, -1).reshape(-1)
    import cv2

    return torch.from_numpy(cv2.merge([plane.numpy()[None] for plane in planes])).reshape(-1)
