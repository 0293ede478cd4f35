"""`Flow`: from where, and where to, a transport moves mass: plans row by row, maps point by point, on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from otframe.errors import DataError
from otframe.values import Coupling, Density, PointCloud, Transport

__all__ = ["Flow", "flow", "landed", "places"]

_ROWS = 1 << 21
"""Entries of rows that are asked of a plan at once."""


@dataclass(frozen=True, eq=False)
class Flow:
    """Mass at points, and what becomes of it.

    Parameters
    ----------
    points : torch.Tensor
        Shape `(n, d)`, float64.
    mass : torch.Tensor
        Shape `(n,)`, float64.
    ends : torch.Tensor
        Shape `(m, d)`: where the mass may arrive. For a map the points' images, n of them.
    rows : callable, optional
        Of k of the points, by their numbers, the mass that goes to each end, shape `(k, m)`. None for a map.
    """

    points: torch.Tensor
    mass: torch.Tensor
    ends: torch.Tensor
    rows: Callable[[torch.Tensor], torch.Tensor] | None = None


def flow(transport: Transport, source: PointCloud) -> Flow:
    """The flow of a plan between its own points, and of a map from the source's points.

    `DataError` where a transport is neither, does not fit the points' dimension, or gives NaN.
    """
    if not isinstance(transport, Coupling):
        points, mass = places(source)
        return Flow(points, mass, landed(transport, source))
    own: list[Any] = [getattr(transport, side, None) for side in ("source", "target")]
    if not all(isinstance(measure, PointCloud | Density) for measure in own):
        map_ = transport.as_map()
        left = _finite(transport.marginals()[0].reshape(-1))
        mass = left if len(left) == len(map_.points) else left[left > 0]
        if len(mass) != len(map_.points):
            mass = torch.full((len(map_.points),), 1 / len(map_.points), dtype=torch.float64)
        return Flow(_finite(map_.points), mass, _finite(map_.images))
    points, ends = (_positions(measure) for measure in own)
    left, right = transport.marginals()
    _finite(right)
    return Flow(points, _finite(left.reshape(-1)), ends, _rows(transport, left, len(ends)))


def landed(transport: Transport, source: PointCloud) -> torch.Tensor:
    """Where a map, or the barycentric map of a plan, moves the points: `(n, d)`, float64, on the CPU."""
    moving: Any = transport
    if not callable(moving):
        raise DataError(f"a {type(transport).__name__} moves no points: it is neither a map nor a plan")
    return _finite(moving(source.points))


def places(cloud: PointCloud) -> tuple[torch.Tensor, torch.Tensor]:
    """Points `(n, d)` and weights `(n,)` of sum 1, float64, on the CPU; `DataError` where they are none."""
    points = cloud.points.detach().to("cpu", torch.float64)
    if cloud.weights is None:
        weights = torch.full((cloud.count,), 1 / cloud.count, dtype=torch.float64)
    else:
        weights = cloud.weights.detach().to("cpu", torch.float64)
    total = float(weights.sum())
    if not (bool(torch.isfinite(points).all()) and float(weights.min()) >= 0 and 0 < total < float("inf")):
        raise DataError("points are finite, and weights finite, not negative and somewhere positive")
    return points, weights / total


def _positions(measure: PointCloud | Density) -> torch.Tensor:
    found = measure.points if isinstance(measure, PointCloud) else measure.positions().reshape(-1, measure.dim)
    return _finite(found)


def _rows(plan: Coupling, left: torch.Tensor, ends: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """The plan's rows, asked for in pieces: what is 1 at a point and 0 elsewhere is carried to the target."""
    count, piece = left.numel(), max(1, _ROWS // max(left.numel(), ends))

    def rows(index: torch.Tensor) -> torch.Tensor:
        found = []
        for part in torch.split(index, piece):
            ones = torch.zeros(len(part), count, dtype=left.dtype, device=left.device)
            ones[torch.arange(len(part), device=left.device), part.to(left.device)] = 1
            carried = plan.apply_transposed(ones.reshape(len(part), *left.shape))
            found.append(_finite(carried.reshape(len(part), -1)))
        return torch.cat(found) if found else torch.zeros(0, ends, dtype=torch.float64)

    return rows


def _finite(values: torch.Tensor) -> torch.Tensor:
    values = values.detach().to("cpu", torch.float64)
    if not bool(torch.isfinite(values).all()):
        raise DataError("the transport gives NaN or infinity")
    return values
