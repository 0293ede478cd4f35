"""`color.table`: a colour map as a table that other tools read."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from pydantic import Field as Parameter

from otframe.interfaces import Component
from otframe_color.cloud_value import ColorCloud
from otframe_color.fidelity import measured
from otframe_color.lut import Lut
from otframe_color.maps import ColorMap
from otframe_color.sampling import Sampling

__all__ = ["MakeTable"]


class MakeTable(Sampling):
    """A colour map as a table, with its fidelity. What the map puts outside [0, 1] is kept as it is.

    Write the table to `.cube` for other tools. A palette tells of the photographs that the map is for: nodes are fitted
    to every other colour of it, and the fidelity is measured on those between; without one, all over the domain.
    """

    references: ClassVar[tuple[str, ...]] = ("kang2006computational",)

    size: int = Parameter(default=33, ge=2, le=129)
    """Nodes on each axis; tools like 17, 33 and 65."""

    @classmethod
    def examples(cls) -> list[Component]:
        """A small table, and one for light up to 16."""
        return [cls(size=5), cls(size=5, peak=16.0, curve="log", interpolation="trilinear")]

    def __call__(self, map: ColorMap, colors: ColorCloud | None = None) -> Lut:
        """Make the table.

        Parameters
        ----------
        map : ColorMap
            What colours are moved by. `DataError` where it gives NaN or infinity inside the domain.
        colors : ColorCloud, optional
            The colours of photographs, weighted, in any working space.

        Returns
        -------
        Lut
            In the map's coding.
        """
        lut, held = self.tabled(map, self.size, colors)
        return replace(lut, fidelity=measured(map, lut, held))
