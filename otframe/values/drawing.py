"""`Drawing`: a picture made of paths and texts, whose colours are chosen where it is shown."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from otframe.errors import DataError
from otframe.values.base import Value

__all__ = ["ROLES", "Drawing"]

ROLES = ("source", "target", "flow", "frame")
"""What a path may stand for: mass that is moved, where it should go, how it goes there, and lines to read it by."""

_PATH = re.compile(r"[MmLlHhVvZz\d., -]*\Z")
_ANCHORS = ("start", "middle", "end")


@dataclass(frozen=True)
class Drawing(Value):
    """Paths and texts, each path with what it stands for: pages and files give the colours, on light and on dark.

    Lengths are in units of the drawing, x to the right and y downwards; some 300 units are a comfortable width.

    Parameters
    ----------
    width, height : float
        The size, positive.
    shapes : tuple of (str, float, str)
        One of `ROLES`, the opacity from 0 to 1, and a path in SVG's notation, of straight lines only. What comes later
        lies above. All are filled, but for those of the role `frame`, which are drawn as thin lines.
    texts : tuple of (float, float, str, str)
        x, y, which part of the text is there (`start`, `middle` or `end`), and the text.
    title : str
        What is to be seen, for those who cannot see it.
    """

    width: float
    height: float
    shapes: tuple[tuple[str, float, str], ...] = ()
    texts: tuple[tuple[float, float, str, str], ...] = ()
    title: str = ""

    def __post_init__(self) -> None:
        if not (0 < self.width < math.inf and 0 < self.height < math.inf):
            raise DataError(f"a drawing has a positive size, got {self.width} x {self.height}")
        for role, opacity, path in self.shapes:
            if role not in ROLES or not 0 <= opacity <= 1 or not _PATH.match(path):
                raise DataError(
                    f"a shape has one of the roles {', '.join(ROLES)}, an opacity from 0 to 1 and a path of straight "
                    f"lines, got {role!r}, {opacity} and {path[:60]!r}"
                )
        for x, y, anchor, text in self.texts:
            if anchor not in _ANCHORS or not (math.isfinite(x) and math.isfinite(y)):
                raise DataError(f"a text lies at a place, one of {', '.join(_ANCHORS)}, got {(x, y, anchor, text)}")
