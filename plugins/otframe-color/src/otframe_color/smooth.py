"""A map's table made smooth: colours that are nearly the same move nearly alike."""

from __future__ import annotations

from dataclasses import replace

import torch

from otframe.values import PointMap, Transport
from otframe.values.maps import interpolated

__all__ = ["smoothed"]


def smoothed(transport: Transport, sigma: float) -> Transport:
    """The transport with the displacements of its table averaged by a Gaussian of width sigma.

    What a spatial filter does for one image (`color.regularize`), this does for the map itself, which then brings less
    noise and fewer bands wherever it is applied, also as a table in another tool, and arrives less exactly.

    Parameters
    ----------
    transport : Transport
        A map with a table is smoothed; others, such as affine ones, stay.
    sigma : float
        Standard deviation, in the units of the points; 0 leaves the transport as it is.
    """
    if sigma == 0 or not isinstance(transport, PointMap) or transport.table is None:
        return transport
    assert transport.low is not None
    assert transport.high is not None
    table, size = transport.table.double(), transport.table.shape[0]
    nodes = torch.arange(size, dtype=torch.float64).to(table.device)
    for axis, side in enumerate((transport.high - transport.low).double().unbind(0)):
        places = nodes * (side / (size - 1))
        kernel = torch.exp(-0.5 * ((places[:, None] - places) / sigma).square())
        kernel = kernel / kernel.sum(1, keepdim=True)
        table = torch.tensordot(kernel, table.movedim(axis, 0), 1).movedim(0, axis)
    moves = interpolated(table, transport.low, transport.high, transport.points.double())
    images = (transport.points.double() + moves).to(transport.images)
    return replace(transport, table=table.to(transport.table), images=images)
