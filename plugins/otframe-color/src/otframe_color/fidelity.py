"""How far tables are from their map: `measured`, and `color.fidelity`, the sizes side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar

import torch
from pydantic import Field as Parameter

from otframe.interfaces import Component
from otframe.values import Table
from otframe_color.cloud_value import ColorCloud
from otframe_color.lut import Fidelity, Lut, Over
from otframe_color.maps import ColorMap
from otframe_color.nodes import moved, palette
from otframe_color.sampling import Sampling
from otframe_color.spaces import converted

__all__ = ["CompareSizes", "all_over", "measured", "measured_as"]

_COLORS = 1 << 15


def measured(exact: ColorMap, lut: Lut, colors: ColorCloud | None = None) -> Fidelity:
    """How far a table is from its map: on the colours of photographs where they are given, else all over its domain.

    Parameters
    ----------
    exact : ColorMap
        What the table stands for, in the same coding.
    lut : Lut
        The table.
    colors : ColorCloud, optional
        Weighted colours, in any working space.

    Returns
    -------
    Fidelity
        `rms` and `outside` by weight; `max` over the colours that have some.
    """
    points, weights = _looked_at(lut, colors)
    return _compared(exact, lut, points, weights, lut, "domain" if colors is None else "palette")


def measured_as(exact: ColorMap, other: Callable[[torch.Tensor], torch.Tensor]) -> Fidelity:
    """How far another way to move colours `(n, 3)`, float32, is from a map, all over [0, 1]."""
    low = torch.zeros(3)
    domain = Lut(torch.zeros(2, 2, 2, 3), low, low + 1)
    points = all_over(domain).float()
    return _compared(exact, other, points, points.new_full((len(points),), 1 / len(points)), domain, "domain")


def all_over(lut: Lut, count: int = _COLORS) -> torch.Tensor:
    """Quasi-random colours `(n, 3)` of the domain, float64: as many between any two nodes, corners included."""
    places = torch.quasirandom.SobolEngine(3, scramble=True, seed=0).draw(count, dtype=torch.float64)
    corners = torch.cartesian_prod(*3 * [torch.linspace(0, 1, 2, dtype=torch.float64)])
    return lut.inputs(torch.cat([corners, places[len(corners) :]]))


def _compared(
    exact: ColorMap,
    other: Callable[[torch.Tensor], torch.Tensor],
    points: torch.Tensor,
    weights: torch.Tensor,
    domain: Lut,
    over: Over,
) -> Fidelity:
    wanted = moved(exact, points.double())
    off = (other(points).to(wanted) - wanted).abs()
    low, high = domain.low.to(wanted), domain.high.to(wanted)
    outside = ((wanted < low - 1e-6) | (wanted > high + 1e-6)).any(1)
    return Fidelity(
        float(off.max()),
        float((off.square().mean(1) * weights).sum().sqrt()),
        float((outside * weights).sum().clamp(0, 1)),
        len(points),
        over,
    )


def _looked_at(lut: Lut, colors: ColorCloud | None) -> tuple[torch.Tensor, torch.Tensor]:
    if colors is None:
        points = all_over(lut).to(lut.table.device)
        return points, points.new_full((len(points),), 1 / len(points))
    points, weights = palette(colors)
    points = converted(points, colors.space, lut.coded)
    return points.to(lut.table.device), (weights / weights.sum()).to(lut.table.device)


class CompareSizes(Sampling):
    """How far tables of several sizes are from a map: one row a size, over the domain and over the palette."""

    references: ClassVar[tuple[str, ...]] = ("kang2006computational",)

    sizes: tuple[Annotated[int, Parameter(ge=2, le=129)], ...] = Parameter(default=(17, 33, 65), min_length=1)
    """Nodes on each axis, from 2 to 129 each."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Small tables."""
        return [cls(sizes=(5, 9))]

    def __call__(self, map: ColorMap, colors: ColorCloud | None = None) -> Table:
        """Measure.

        Parameters
        ----------
        map : ColorMap
            The exact map.
        colors : ColorCloud, optional
            The colours of photographs.

        Returns
        -------
        Table
            `size`, `over` (domain or palette), `max error`, `rms error`, `out of gamut` (a share).
        """
        rows = []
        for size in self.sizes:
            lut, held = self.tabled(map, size, colors)
            for cloud in (None,) if held is None else (None, held):
                found = measured(map, lut, cloud)
                rows.append((f"{size}^3", found.over, found.max, found.rms, found.outside))
        columns = ("size", "over", "max error", "rms error", "out of gamut")
        return Table(columns, tuple(rows), "Tables beside their map", ("", "", "lower", "lower", ""))
