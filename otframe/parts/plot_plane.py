"""A transport in the plane: both measures as squares of the grid, and needles from where mass is to where it goes."""

from __future__ import annotations

import math
from collections import defaultdict

import torch

from otframe.parts.arrows import Arrows, step_of
from otframe.values import Drawing

__all__ = ["Measure", "plane"]

Measure = tuple[torch.Tensor, torch.Tensor]
"""Points `(n, 2)` and masses `(n,)`."""

SIDE, MARGIN = 320.0, 20.0
"""Length of the longest side, and room around: a map may move points past all others. What goes further is cut off."""
_BASE, _DOT = 1.6, 1.1
"""Half the width of a needle where it begins, and of the square that stands for no movement at all."""
_LEVELS, _SHADES = 6, 10
_GROUND, _DARKEST = 0.5, 0.85
_SLACK = 0.02
"""Of a square's side: so far off the middle may a point of a grid lie."""
_FAINTEST = 1e-3
"""Of the most: what is less is not drawn."""
_COARSEST, _FINEST = 6, 64
"""Squares that the longest side has at least, though the points lie further apart, and at most."""
_APART = 1000
"""Points that need not lie on a grid: of more, those in one square are drawn together."""


def plane(source: Measure, target: Measure, lines: Arrows, title: str) -> Drawing:
    """The drawing; the first coordinate runs downwards, the second to the right, as the pixels of an image do.

    A needle is wide where mass leaves and pointed where it arrives; the more mass, the darker.
    """
    points = torch.cat([source[0], target[0]])
    low, high = points.min(0).values, points.max(0).values
    extent = float((high - low).max())
    step = step_of(points)
    cell = min(step * max(1, math.ceil(extent / step / _FINEST)), extent / _COARSEST) if step > 0 else 1.0
    room = min(cell, step or cell)
    low, size = low - 0.5 * room, high - low + room
    scale = SIDE / float(size.max())

    def placed(points: torch.Tensor) -> torch.Tensor:
        """x and y in the drawing."""
        return (points - low).flip(1) * scale + MARGIN

    height, width = (float(value) * scale + 2 * MARGIN for value in size)
    shapes = [
        (role, *shape)
        for role, side in (("source", source), ("target", target))
        for shape in _squares(placed(side[0]), side[1], cell * scale)
    ]
    share = (lines.mass / max(lines.heaviest, 1e-300)).clamp(max=1)
    shapes += [("flow", *shape) for shape in _needles(placed(lines.starts), placed(lines.ends), share)]
    return Drawing(width, height, tuple(shapes), (), title)


def _squares(points: torch.Tensor, mass: torch.Tensor, side: float) -> list[tuple[float, str]]:
    """Squares whose opacity is the mass in them, those of one row and one opacity joined."""
    cells = ((points - MARGIN) / side).floor().long().clamp(min=0)
    off = ((points - MARGIN) / side - cells - 0.5).abs()
    if len(points) <= _APART and float(off.max()) > _SLACK:
        return _apart(points, mass, side)
    columns = int(cells[:, 0].max()) + 2
    where, which = torch.unique(cells[:, 1] * columns + cells[:, 0], return_inverse=True)
    total = torch.zeros(len(where), dtype=torch.float64).index_add_(0, which, mass)
    runs: dict[int, list[str]] = defaultdict(list)
    begin, last, was = -2, -2, 0
    for place, level in [*zip(where.tolist(), _levels(total, _SHADES), strict=True), (-9, 0)]:
        if place != last + 1 or level != was:
            if was:
                x, y = MARGIN + begin % columns * side, MARGIN + begin // columns * side
                wide = (last - begin + 1) * side
                runs[was].append(f"M{_n(x)} {_n(y)}h{_n(wide)}v{_n(side)}h{_n(-wide)}z")
            begin, was = place, level
        last = place
    return [(round(_GROUND * level / _SHADES, 3), "".join(parts)) for level, parts in sorted(runs.items())]


def _apart(points: torch.Tensor, mass: torch.Tensor, side: float) -> list[tuple[float, str]]:
    """Each point's own square."""
    found: dict[int, list[str]] = defaultdict(list)
    for level, (x, y) in zip(_levels(mass, _SHADES), (points - 0.5 * side).tolist(), strict=True):
        if level:
            found[level].append(f"M{_n(x)} {_n(y)}h{_n(side)}v{_n(side)}h{_n(-side)}z")
    return [(round(_GROUND * level / _SHADES, 3), "".join(parts)) for level, parts in sorted(found.items())]


def _needles(starts: torch.Tensor, ends: torch.Tensor, share: torch.Tensor) -> list[tuple[float, str]]:
    """Needles whose width and opacity are the share of mass, of that of the heaviest point."""
    found: dict[int, list[str]] = defaultdict(list)
    for part, (x0, y0), (x1, y1) in zip(share.tolist(), starts.tolist(), ends.tolist(), strict=True):
        if part > _FAINTEST:
            found[max(1, round(part**0.5 * _LEVELS))].append(_needle(x0, y0, x1, y1, max(0.5, part**0.5)))
    return [(round(_DARKEST * level / _LEVELS, 3), "".join(parts)) for level, parts in sorted(found.items())]


def _needle(x0: float, y0: float, x1: float, y1: float, width: float) -> str:
    """A triangle with its tip at the end; a small square where there is no way to go."""
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
    if length < 2 * _DOT:
        return f"M{_n(x0 - _DOT)} {_n(y0 - _DOT)}h{2 * _DOT}v{2 * _DOT}h{-2 * _DOT}z"
    across, up = (_BASE * width * part / length for part in (y0 - y1, x1 - x0))
    return f"M{_n(x1)} {_n(y1)}L{_n(x0 + across)} {_n(y0 + up)}L{_n(x0 - across)} {_n(y0 - up)}z"


def _levels(amount: torch.Tensor, count: int) -> list[int]:
    """From 0, where there is nothing, to `count`, where there is most; what is there at all is 1 at least."""
    top = float(amount.max()) if len(amount) else 0.0
    if top <= 0:
        return [0] * len(amount)
    levels = (amount / top * count).round().clamp(min=1)
    return [int(level) for level in torch.where(amount > _FAINTEST * top, levels, torch.zeros_like(levels)).tolist()]


def _n(value: float) -> str:
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text
