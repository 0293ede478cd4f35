"""`Lut`: a colour map as a table, as other tools read it; `Fidelity`: how far it is from the map it was made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

import torch

from otframe.errors import DataError
from otframe.values import Value
from otframe.values.maps import interpolated
from otframe_color.maps import ColorMap
from otframe_color.spaces import CODINGS, Coding
from otframe_color.tetrahedral import tetrahedral

__all__ = ["Fidelity", "Interpolation", "Lut", "Over"]

Interpolation = Literal["tetrahedral", "trilinear"]
Over = Literal["domain", "palette"]

_PIECE = 1 << 18

_LINE = re.compile(
    r"max error ([\d.e+-]{1,12}), rms error ([\d.e+-]{1,12}), ([\d.]{1,8}) % out of gamut, "
    r"over (\d{1,12}) colours of the (domain|palette)"
)


@dataclass(frozen=True)
class Fidelity(Value):
    """How far a table is from the map that it was made of.

    Parameters
    ----------
    max, rms : float
        Largest and root-mean-square difference of a coordinate, in units of the colours.
    outside : float
        Share of the colours looked at that the exact map puts outside the table's domain, [0, 1] as a rule.
    colors : int
        How many colours were looked at.
    over : str
        Where: `domain`, colours all over it, or `palette`, those of photographs, each with its weight.
    """

    max: float
    rms: float
    outside: float
    colors: int
    over: Over = "domain"

    def __str__(self) -> str:
        return (
            f"max error {self.max:.3e}, rms error {self.rms:.3e}, {100 * self.outside:.3f} % out of gamut, "
            f"over {self.colors} colours of the {self.over}"
        )

    @classmethod
    def parse(cls, text: str) -> Fidelity | None:
        """What a line tells that `str` wrote; None where it is another's."""
        found = _LINE.fullmatch(text.strip())
        if found is None:
            return None
        far, rms, outside, colors, over = found.groups()
        return cls(float(far), float(rms), float(outside) / 100, int(colors), cast(Over, over))


@dataclass(frozen=True, eq=False, repr=False)
class Lut(ColorMap):
    """A three-dimensional table of colours. Inputs outside its domain count as on its edge, as in all tools.

    Parameters
    ----------
    table : torch.Tensor
        Shape `(s, s, s, 3)`, s from 2 to 256: the colour that node `[r, g, b]` goes to.
    low, high : torch.Tensor
        Shape `(3,)`: the domain, where the first and the last node lie.
    shaper : torch.Tensor, optional
        Shape `(3, m)`: for each channel, places in the table (0 its first node, 1 its last; beyond as at the edge) of m
        inputs evenly spaced from low to high, linear between. Absent, nodes are evenly spaced.
    coded : str
        Whether colours are coded for display (`srgb`) or light (`linear`).
    interpolation : str
        `tetrahedral`, as players and grading tools do by default, or `trilinear`.
    title : str
        What the table is called.
    fidelity : Fidelity, optional
        How far it is from the map that it was made of.
    """

    table: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor
    shaper: torch.Tensor | None = None
    coded: Coding = "srgb"
    interpolation: Interpolation = "tetrahedral"
    title: str = ""
    fidelity: Fidelity | None = None

    def __post_init__(self) -> None:
        shape = tuple(self.table.shape)
        if len(shape) != 4 or len(set(shape[:3])) != 1 or shape[3] != 3 or not 2 <= shape[0] <= 256:
            raise DataError(f"a colour table has shape (s, s, s, 3) with s from 2 to 256, got {shape}")
        for name, part in (("table", self.table), ("low", self.low), ("high", self.high)):
            if not bool(torch.isfinite(part).all()):
                raise DataError(f"a colour table is finite, its {name} is not")
        if self.low.shape != (3,) or self.high.shape != (3,) or not bool((self.low < self.high).all()):
            raise DataError("a colour table lies between the corners low and high, (3,), low below high")
        if self.shaper is not None:
            self._check_shaper(self.shaper)
        if self.coded not in CODINGS or self.interpolation not in ("tetrahedral", "trilinear"):
            raise DataError(f"wanted srgb or linear, tetrahedral or trilinear; got {self.coded}, {self.interpolation}")

    @staticmethod
    def _check_shaper(shaper: torch.Tensor) -> None:
        if shaper.ndim != 2 or shaper.shape[0] != 3 or shaper.shape[1] < 2:
            raise DataError(f"a shaper has shape (3, m), m at least 2, got {tuple(shaper.shape)}")
        if not bool(torch.isfinite(shaper).all()):
            raise DataError("a shaper gives finite places")

    def __repr__(self) -> str:
        return f"Lut({self.size}^3, {self.coded}{', with shaper' if self.shaper is not None else ''})"

    @property
    def coding(self) -> Coding:
        """How the colours are coded that it takes and gives."""
        return self.coded

    @property
    def size(self) -> int:
        """Nodes on each axis."""
        return self.table.shape[0]

    @torch.no_grad()
    def __call__(self, colors: torch.Tensor) -> torch.Tensor:
        """Move colours, shape `(n, 3)`; NaN gives NaN."""
        if colors.ndim != 2 or colors.shape[1] != 3 or not colors.is_floating_point():
            raise DataError(f"a colour table moves colours (n, 3), got {colors.dtype} {tuple(colors.shape)}")
        points = colors.to(torch.promote_types(colors.dtype, torch.float32))
        between = tetrahedral if self.interpolation == "tetrahedral" else interpolated
        if self.shaper is None:
            return between(self.table, self.low, self.high, points).to(colors.dtype)
        zero = torch.zeros_like(self.low)
        parts = [between(self.table, zero, zero + 1, self.places(part)) for part in points.split(_PIECE)]
        return torch.cat(parts).to(colors.dtype)

    def inputs(self, places: torch.Tensor) -> torch.Tensor:
        """Colours `(n, 3)` that lie at places in the table, where its shaper rises: what `places` undoes."""
        low, high = self.low.to(places), self.high.to(places)
        if self.shaper is None:
            return low + places * (high - low)
        curve, asked = self.shaper.to(places).contiguous(), places.T.contiguous()
        cell = torch.searchsorted(curve, asked, right=True).sub_(1).clamp_(0, curve.shape[1] - 2)
        first, last = curve.gather(1, cell), curve.gather(1, cell + 1)
        within = torch.where(last > first, (asked - first) / (last - first), 0.0).clamp_(0, 1)
        return low + ((cell + within) / (curve.shape[1] - 1)).T * (high - low)

    def places(self, colors: torch.Tensor) -> torch.Tensor:
        """Where in the table colours `(n, 3)` lie, from 0 to 1 along each axis."""
        low, high = self.low.to(colors), self.high.to(colors)
        places = ((colors - low) / (high - low)).clamp(0, 1)
        if self.shaper is None:
            return places
        steps = self.shaper.shape[1] - 1
        place = places.T * steps
        cell = place.nan_to_num().floor().clamp(0, steps - 1).to(torch.int64)
        curve = self.shaper.to(colors)
        first, last = curve.gather(1, cell), curve.gather(1, cell + 1)
        return torch.lerp(first, last, place - cell).clamp_(0, 1).T
