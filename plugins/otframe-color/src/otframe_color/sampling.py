"""A colour map at the nodes of a table: where they lie, and what the map makes of them."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

import torch
from pydantic import Field as Parameter

from otframe.errors import ParameterError
from otframe.interfaces import Transform
from otframe_color.cloud_value import ColorCloud
from otframe_color.fitting import fitted_nodes
from otframe_color.lut import Interpolation, Lut
from otframe_color.maps import ColorMap
from otframe_color.nodes import grid, halves, moved

__all__ = ["Sampling"]

_STEPS = 1 << 14
_KNEE = 0.01
_FITTED = 65


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

    nodes: Literal["fitted", "sampled"] = "fitted"
    """What the table holds: `fitted`, nodes with which it is least wrong between them, in the mean over the domain and
    over the palette where one is given (greys as they are; up to 65 nodes on each axis: more are sampled), or
    `sampled`, the map at each node, which takes an eighth of the time."""

    title: str = Parameter(default="", max_length=200)
    """What the table is called."""

    def tabled(self, map: ColorMap, size: int, colors: ColorCloud | None) -> tuple[Lut, ColorCloud | None]:
        """The table of a map, nothing clipped, and the colours of the palette to measure it on: not those fitted to."""
        if not self.low < self.peak:
            raise ParameterError(f"a table's low is less than its peak, got {self.low} and {self.peak}")
        bent = self.curve == "log" or (self.curve == "auto" and map.coding == "linear")
        shaper = _log_shaper(self.low, self.peak) if bent else None
        low, high = torch.full((3,), self.low), torch.full((3,), self.peak)
        table = torch.zeros(size, size, size, 3)
        blank = Lut(table, low, high, shaper, map.coding, self.interpolation, self.title)
        made = moved(map, blank.inputs(grid(size))).float().reshape(table.shape)
        shaper = None if shaper is None else shaper.to(made)
        lut = dataclasses.replace(blank, table=made, low=low.to(made), high=high.to(made), shaper=shaper)
        if self.nodes == "sampled" or size > _FITTED:
            return lut, colors
        known, held = halves(colors)
        return fitted_nodes(map, lut, known), held


def _log_shaper(low: float, high: float) -> torch.Tensor:
    """Places of inputs evenly spaced: `log(1 + x / k)`, from 0 to 1; k a hundredth of white, or of a smaller range."""
    knee = _KNEE * min(1.0, high - low)
    above = torch.linspace(0, high - low, _STEPS, dtype=torch.float64)
    places = torch.log1p(above / knee) / math.log1p((high - low) / knee)
    return places.float().clamp_(0, 1).expand(3, -1).contiguous()
