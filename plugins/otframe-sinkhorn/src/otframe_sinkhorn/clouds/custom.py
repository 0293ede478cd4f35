"""Custom costs: what a component or a function gives for two clouds, checked."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import torch

from otframe.errors import DataError
from otframe.interfaces import Transform
from otframe.values import PointCloud

__all__ = ["Function", "held_costs"]


class Function:
    """A function as a parameter. No file can name it, and nothing that it made is taken for what another one makes:
    its text is another each time."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self._text = f"a function ({uuid.uuid4()})"

    def __call__(self, x: torch.Tensor, y: torch.Tensor) -> Any:
        """What the function gives."""
        return self.function(x, y)

    def __str__(self) -> str:
        return self._text


def held_costs(
    costs: Transform | Callable[..., Any], source: PointCloud, target: PointCloud, held: int
) -> torch.Tensor:
    """The costs `(n, m)`, float64, of all pairs of points; `DataError` where they are too many, or no such matrix."""
    n, m = source.count, target.count
    if n * m > held:
        raise DataError(
            f"custom costs of {n} x {m} points would be held as a matrix, which is over held = {held}",
            hint="give fewer points, raise `held`, or use one of the costs that `cost` offers",
        )
    made = costs(source.points, target.points)  # type: ignore[operator]
    if not isinstance(made, torch.Tensor) or made.shape != (n, m):
        found = tuple(made.shape) if isinstance(made, torch.Tensor) else type(made).__name__
        raise DataError(f"custom costs of {n} and {m} points are a tensor ({n}, {m}), got {found}")
    made = made.detach().to(source.points.device, torch.float64)
    if not bool(torch.isfinite(made).all()):
        raise DataError("custom costs are finite, got NaN or infinity")
    return made
