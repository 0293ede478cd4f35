"""A colour map at the nodes of a table: where they lie, and what the map makes of them."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal

import torch
from pydantic import Field as Parameter

from otframe.errors import DataError, ParameterError
from otframe.interfaces import Transform
from otframe_color.lut import Interpolation, Lut
from otframe_color.maps import ColorMap

__all__ = ["Sampling", "grid", "moved"]

_PIECE = 1 << 18
_STEPS = 1 << 14
_KNEE = 0.01


class Sampling(Transform):
    """Base of what makes tables of maps: where the nodes lie."""

    low: float = Parameter(default=0.0, ge=-1e3, le=1e3)
    """The least input of the table, on all channels."""

    peak: float = Parameter(default=1.0, ge=-1e3, le=1e5)
    """The greatest input: 1 for what displays show, for light of a high dynamic range as bright as it gets, say 16."""

    curve: Literal["auto", "even", "log"] = "auto"
    """Where nodes lie between: evenly; by a logarithm, close in the dark as eyes are, told by a shaper before the
    table; or as it suits the map: by a logarithm for light."""

    interpolation: Interpolation = "tetrahedral"
    """Between nodes: `tetrahedral`, or `trilinear`."""

    title: str = Parameter(default="", max_length=200)
    """What the table is called."""

    def sampled(self, map: ColorMap, size: int) -> Lut:
        """The map at a table's nodes, nothing clipped."""
        if not self.low < self.peak:
            raise ParameterError(f"a table's low is less than its peak, got {self.low} and {self.peak}")
        bent = self.curve == "log" or (self.curve == "auto" and map.coding == "linear")
        shaper = _log_shaper(self.low, self.peak) if bent else None
        low, high = torch.full((3,), self.low), torch.full((3,), self.peak)
        table = torch.zeros(size, size, size, 3)
        blank = Lut(table, low, high, shaper, map.coding, self.interpolation, self.title)
        made = moved(map, blank.inputs(grid(size))).float().reshape(table.shape)
        parts = {"low": low.to(made), "high": high.to(made), "shaper": None if shaper is None else shaper.to(made)}
        return dataclasses.replace(blank, table=made, **parts)


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


def _log_shaper(low: float, high: float) -> torch.Tensor:
    """Places of inputs evenly spaced: `log(1 + x / k)`, from 0 to 1; k a hundredth of white, or of a smaller range."""
    knee = _KNEE * min(1.0, high - low)
    above = torch.linspace(0, high - low, _STEPS, dtype=torch.float64)
    places = torch.log1p(above / knee) / math.log1p((high - low) / knee)
    return places.float().clamp_(0, 1).expand(3, -1).contiguous()


def _device_of(value: Any) -> torch.device | None:
    """Where a map's tensors lie; None where it has none."""
    if isinstance(value, torch.Tensor):
        return value.device
    if not dataclasses.is_dataclass(value):
        return None
    found = (_device_of(getattr(value, part.name)) for part in dataclasses.fields(value))
    return next((device for device in found if device is not None), None)
