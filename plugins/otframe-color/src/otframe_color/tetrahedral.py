"""Values between the nodes of a colour table, by tetrahedra."""

from __future__ import annotations

import torch

__all__ = ["tetrahedral"]

_PIECE = 1 << 15


def tetrahedral(table: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Values between nodes: each cell cut in six tetrahedra along its diagonal of greys [kang2006computational]_."""
    size = table.shape[0]
    rows = table.reshape(-1, 3)
    strides = torch.as_tensor([size * size, size, 1]).to(places.device)
    made = torch.empty_like(places)
    for begin in range(0, len(places), _PIECE):
        place = places[begin : begin + _PIECE] * (size - 1)
        cell = place.nan_to_num().floor().clamp_(0, size - 2)
        within, order = (place - cell).sort(dim=1, descending=True)
        at = (cell.to(torch.int64) * strides).sum(1)
        value = rows[at] * (1 - within[:, :1])
        for step in range(3):
            at = at + strides[order[:, step]]
            follow = within[:, step + 1 : step + 2] if step < 2 else 0
            value += rows[at] * (within[:, step : step + 1] - follow)
        made[begin : begin + _PIECE] = value
    return made
