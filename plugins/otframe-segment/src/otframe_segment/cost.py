"""What it costs to move one colour to another: 0 for itself, 1 at most."""

from __future__ import annotations

from typing import Literal

import torch

__all__ = ["GroundCost", "ground_cost"]

GroundCost = Literal["saturated", "truncated", "distance", "binwise"]


def ground_cost(palette: torch.Tensor, kind: GroundCost, reach: float) -> torch.Tensor:
    """The costs between all colours of a palette `(M, d)`, float64 `(M, M)`."""
    points = palette.double()
    squared = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist").square()
    if kind == "binwise":
        return 1 - torch.eye(len(points), dtype=points.dtype, device=points.device)
    if kind == "saturated":
        return squared / (squared + reach**2)
    if kind == "truncated":
        return (squared / reach**2).clamp(max=1)
    return (squared.sqrt() / reach).clamp(max=1)
