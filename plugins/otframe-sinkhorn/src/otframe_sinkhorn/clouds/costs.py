"""Costs between points, and the blur and the reach in units of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch

__all__ = ["CostFunction", "PointCost", "costs", "in_units_of_cost"]

PointCost = Literal["squared", "absolute", "distance"]
"""`|x - y|^2`, `sum_k |x_k - y_k|`, or `|x - y|`."""

CostFunction = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Costs `(n, m)` between points `(n, d)` and `(m, d)`."""


def costs(x: torch.Tensor, y: torch.Tensor, cost: PointCost | CostFunction) -> torch.Tensor:
    """All costs between points `(n, d)` and `(m, d)`, shape `(n, m)`, float64; of the places' differences, so that
    points that coincide cost exactly nothing."""
    if callable(cost):
        return cost(x, y).double()
    if cost == "absolute":
        return torch.cdist(x, y, p=1.0)
    apart = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
    return apart.square_() if cost == "squared" else apart


def in_units_of_cost(length: float, cost: PointCost | CostFunction) -> float:
    """`2 l^2` for the squared cost, and the length itself for the others."""
    return 2 * length**2 if cost == "squared" else length
