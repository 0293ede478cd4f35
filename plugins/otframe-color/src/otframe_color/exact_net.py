"""A fitted map as a network, without a table of its own making: conversions, and the transport as it is."""

from __future__ import annotations

import torch

from otframe.values import AffineMap, PointMap
from otframe_color.corners import looked_up
from otframe_color.maps import ColorMap, FittedMap
from otframe_color.spaces import converted

__all__ = ["ExactNet", "is_exact"]


def is_exact(map: ColorMap) -> bool:
    """Whether a map can be had as arithmetic: an affine map or one with a table, in a working space."""
    if not isinstance(map, FittedMap):
        return False
    transport = map.transport
    return isinstance(transport, AffineMap) or (isinstance(transport, PointMap) and transport.table is not None)


class ExactNet(torch.nn.Module):
    """A fitted map of images `(n, 3, h, w)`, any size, float32: the same arithmetic, no otframe inside once exported.

    Parameters
    ----------
    map : FittedMap
        Of an affine map, or of a point map with a table, of one, two or three axes.
    """

    matrix: torch.Tensor
    shift: torch.Tensor
    table: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor

    def __init__(self, map: FittedMap) -> None:
        super().__init__()
        self.space, self.coding, transport = map.space, map.coding, map.transport
        self.affine = isinstance(transport, AffineMap)
        if isinstance(transport, AffineMap):
            moved = transport.at(map.strength)
            parts = {"matrix": moved.A.T, "shift": moved.b}
            self.dim = moved.dim
        else:
            assert isinstance(transport, PointMap)
            assert transport.table is not None
            assert transport.low is not None
            assert transport.high is not None
            parts = {"table": transport.table * map.strength, "low": transport.low, "high": transport.high}
            self.dim = transport.dim
        for name, part in parts.items():
            self.register_buffer(name, part.detach().float().contiguous().clone())

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Move every pixel."""
        colors = converted(image.permute(0, 2, 3, 1).reshape(-1, 3), self.coding, self.space)
        first = 1 if self.dim == 2 else 0
        points = colors[:, first : first + self.dim]
        if self.affine:
            made = points @ self.matrix + self.shift
        else:
            places = ((points - self.low) / (self.high - self.low)).clamp(0, 1)
            made = points + looked_up(self.table, places, tetrahedral=False)
        made = torch.cat([colors[:, :first], made, colors[:, first + self.dim :]], 1)
        made = converted(made, self.space, self.coding)
        return made.reshape(image.shape[0], image.shape[2], image.shape[3], 3).permute(0, 3, 1, 2)
