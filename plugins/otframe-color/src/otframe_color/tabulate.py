"""A table for a map that is known at scattered points only."""

from __future__ import annotations

import torch

from otframe.errors import DataError
from otframe.values import AffineMap, Plan, PointMap, Transport

__all__ = ["tabulated"]


def tabulated(transport: Transport, source: torch.Tensor, weights: torch.Tensor | None, size: int) -> Transport:
    """The transport as one that moves any point fast: with a table of displacements where it has none.

    Affine maps and maps with a table stay. A map that is known at points (a plan, a point map) is spread onto the nodes
    and what is between is filled from coarser tables (pull and push). Any other is asked at the nodes.

    Parameters
    ----------
    transport : Transport
        A map of points.
    source : torch.Tensor
        Shape `(n, d)`: the points that it was fitted on; the table spans their box.
    weights : torch.Tensor, optional
        Shape `(n,)`.
    size : int
        Nodes on each axis; 0 leaves the transport as it is.
    """
    if (
        size < 2
        or isinstance(transport, AffineMap)
        or (isinstance(transport, PointMap) and transport.table is not None)
    ):
        return transport
    if not callable(transport):
        raise DataError(
            f"a {type(transport).__name__} moves no points: no colour map can be made of it",
            hint="use a solver that gives a map or a plan between points",
        )
    source = source.double()
    low, high = source.amin(0), source.amax(0)
    high = torch.where(high > low, high, low + 1e-3)
    if isinstance(transport, Plan | PointMap):
        known = transport.as_map() if isinstance(transport, Plan) else transport
        points, images = known.points.to(source), known.images.to(source)
        low, high = torch.minimum(low, points.amin(0)), torch.maximum(high, points.amax(0))
        table = _spread(points, images - points, weights, low, high, size)
    else:
        axes = [torch.linspace(0, 1, size, dtype=torch.float64, device=low.device)] * len(low)
        nodes = low + (high - low) * torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(low))
        points, images = source, transport(source).double()
        table = (transport(nodes).double() - nodes).reshape(*[size] * len(low), len(low))
    if not bool(torch.isfinite(table).all()):
        raise DataError("the transport moves some points to NaN or infinity")
    return PointMap(transport.cost, transport.info, points, images, table, low, high)


def _spread(
    points: torch.Tensor,
    moves: torch.Tensor,
    weights: torch.Tensor | None,
    low: torch.Tensor,
    high: torch.Tensor,
    size: int,
) -> torch.Tensor:
    """Displacements on the nodes: means over the points near each, filled where there are none."""
    dim = points.shape[1]
    mass = torch.ones_like(points[:, 0]) if weights is None or len(weights) != len(points) else weights.to(points)
    mass = mass / mass.sum()
    place = (points - low) / (high - low) * (size - 1)
    cell = place.floor().clamp(0, size - 2).long()
    within = place - cell
    strides = torch.as_tensor([size ** (dim - 1 - k) for k in range(dim)]).to(cell.device)
    total = points.new_zeros(size**dim)
    sums = points.new_zeros(size**dim, dim)
    for corner in range(2**dim):
        bits = torch.as_tensor([corner >> k & 1 for k in range(dim)]).to(cell.device)
        share = torch.where(bits.bool(), within, 1 - within).prod(1) * mass
        index = ((cell + bits) * strides).sum(1)
        total.index_add_(0, index, share)
        sums.index_add_(0, index, moves * share[:, None])
    shape = [size] * dim
    return _filled(sums.T.reshape(dim, *shape), total.reshape(1, *shape)).movedim(0, -1)


def _filled(sums: torch.Tensor, total: torch.Tensor) -> torch.Tensor:
    """Means `(c, s, ...)` of sums over totals; where a total is small the mean of the coarser level counts instead."""
    if max(total.shape[1:]) <= 2:
        whole = total.sum()
        mean = sums.flatten(1).sum(1) / whole
        return mean.reshape(-1, *[1] * (total.ndim - 1)).expand_as(sums)
    coarse = _filled(_halved(sums), _halved(total))
    filled = _doubled(coarse, total.shape[1:])
    # half of the mean mass of the nodes that have some is enough to be believed half
    trust = total[total > 0].mean() * 0.5
    return (sums + trust * filled) / (total + trust)


def _halved(values: torch.Tensor) -> torch.Tensor:
    """Every second node of a table that was smoothed by (1, 2, 1) along each axis."""
    for axis in range(1, values.ndim):
        count = values.shape[axis]
        pieces = torch.zeros_like(values).index_select(axis, torch.arange(0, count, 2).to(values.device))
        even = values.index_select(axis, torch.arange(0, count, 2).to(values.device))
        odd = values.index_select(axis, torch.arange(1, count, 2).to(values.device)) * 0.5
        pieces = pieces + even
        pieces.narrow(axis, 0, odd.shape[axis]).add_(odd)
        right = min(odd.shape[axis], pieces.shape[axis] - 1)
        pieces.narrow(axis, 1, right).add_(odd.narrow(axis, 0, right))
        values = pieces
    return values


def _doubled(values: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """The table on twice as many nodes, linear between."""
    for axis, count in enumerate(shape, start=1):
        places = torch.arange(count, dtype=values.dtype).to(values.device) / 2
        first = places.floor().long().clamp(max=values.shape[axis] - 1)
        second = (first + 1).clamp(max=values.shape[axis] - 1)
        part = (places - places.floor()).reshape([-1 if a == axis else 1 for a in range(values.ndim)])
        values = torch.lerp(values.index_select(axis, first), values.index_select(axis, second), part)
    return values
