"""`ColorCloud`: weighted colours, with the working space that they are in."""

from __future__ import annotations

from dataclasses import dataclass

from otframe.errors import DataError
from otframe.values import PointCloud
from otframe_color.spaces import SPACES, Space

__all__ = ["ColorCloud"]


@dataclass(frozen=True, eq=False)
class ColorCloud(PointCloud):
    """Weighted colours, shape `(n, 3)`, in a working space. A `PointCloud` for whatever takes one.

    Parameters
    ----------
    space : str
        `srgb`, `linear`, `lab`, `oklab`, `ycbcr` or `log`.
    """

    space: Space = "srgb"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dim != 3 or self.space not in SPACES:
            raise DataError(
                f"colours are points (n, 3) in one of {', '.join(SPACES)}, got {tuple(self.points.shape)} "
                f"in '{self.space}'"
            )
