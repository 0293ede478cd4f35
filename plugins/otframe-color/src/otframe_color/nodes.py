"""The nodes of a table, and what a map makes of colours."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

from otframe.errors import DataError
from otframe_color.cloud_value import ColorCloud
from otframe_color.maps import ColorMap

__all__ = ["grid", "halves", "moved", "palette"]

_PIECE = 1 << 18


def grid(size: int) -> torch.Tensor:
    """The places of a table's nodes, shape `(s^3, 3)`, float64."""
    steps = torch.linspace(0, 1, size, dtype=torch.float64)
    return torch.cartesian_prod(steps, steps, steps)


def moved(map: ColorMap, colors: torch.Tensor) -> torch.Tensor:
    """What a map makes of colours `(n, 3)`, piece by piece, on its own device; `DataError` where it is not finite."""
    device = _device_of(map)
    colors = colors if device is None else colors.to(device)
    made = torch.cat([map(piece) for piece in colors.split(_PIECE)])
    bad = ~torch.isfinite(made).all(1)
    if bool(bad.any()):
        first = ", ".join(f"{float(x):.4g}" for x in colors[bad.nonzero()[0, 0]])
        raise DataError(
            f"the map gives NaN or infinity for {int(bad.sum())} of {len(colors)} colours, such as ({first})",
            hint="a table needs a map that is finite all over its domain: make the domain smaller",
        )
    return made


def palette(colors: ColorCloud) -> tuple[torch.Tensor, torch.Tensor]:
    """The colours of some weight and their weights, float64; `DataError` where there are none or one is not finite."""
    weights = colors.weights
    weights = colors.points.new_ones(len(colors.points)) if weights is None else weights
    points, weights = colors.points[weights > 0].double(), weights[weights > 0].double()
    if len(points) == 0 or not bool(torch.isfinite(points).all()) or not bool(torch.isfinite(weights.sum())):
        raise DataError("a palette has finite colours of some weight", port="colors")
    return points, weights


def halves(colors: ColorCloud | None) -> tuple[ColorCloud | None, ColorCloud | None]:
    """Every other colour of a palette, and those between: what is fitted to the ones is measured on the others."""
    if colors is None:
        return None, None
    points, weights = palette(colors)
    parts = [ColorCloud(points[k::2], weights[k::2], colors.space) for k in (0, 1) if len(points) > k]
    return parts[0], parts[-1]


def _device_of(value: Any) -> torch.device | None:
    """Where a map's tensors lie; None where it has none."""
    if isinstance(value, torch.Tensor):
        return value.device
    if not dataclasses.is_dataclass(value):
        return None
    found = (_device_of(getattr(value, part.name)) for part in dataclasses.fields(value))
    return next((device for device in found if device is not None), None)
