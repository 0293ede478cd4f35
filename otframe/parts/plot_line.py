"""A transport on a line: the plan as a matrix, with the source to its left and the target above it."""

from __future__ import annotations

from collections import defaultdict

import torch

from otframe.parts.flow import Flow
from otframe.values import Drawing

__all__ = ["BINS", "line"]

BINS = 128
SIDE, STRIP, GAP, MARGIN = 250.0, 54.0, 6.0, 8.0
_LEVELS = 12
_SHOWN, _ENTRIES = 1024, 1 << 22
"""Points whose rows are asked for, and entries that these have, at most; but for as many points as there are bins."""


def line(
    flow: Flow,
    axis: int,
    source: tuple[torch.Tensor, torch.Tensor],
    target: tuple[torch.Tensor, torch.Tensor],
    title: str,
) -> Drawing:
    """The drawing of a flow along one axis, positions `(n,)` and masses `(n,)` of both measures given.

    The source runs downwards, the target to the right; the darker a place of the matrix, the more goes from there to
    there. More than 128 places are drawn together in as many bins.
    """
    ends, held = flow.ends[:, axis], torch.nonzero(flow.mass > 0).flatten()
    if flow.rows is None:
        # a map may move points anywhere: they are told apart as the target's are
        cols, into = _Bins(target[0]), flow.mass[held, None]
        into = torch.zeros(len(held), cols.count, dtype=torch.float64).scatter_(1, cols(ends[held])[:, None], into)
    else:
        most = max(BINS, min(_SHOWN, _ENTRIES // len(ends)))
        held = held[torch.linspace(0, len(held) - 1, min(len(held), most)).round().long()]
        asked = flow.rows(held)
        reached = asked.sum(0) > 0
        cols = _Bins(torch.cat([target[0], ends[reached]]))
        into = torch.zeros(len(held), cols.count, dtype=torch.float64)
        into.index_add_(1, cols(ends[reached]), asked[:, reached])
    starts = flow.points[held, axis]
    rows = _Bins(torch.cat([source[0], starts]))
    made = torch.zeros(rows.count, cols.count, dtype=torch.float64).index_add_(0, rows(starts), into)
    left = MARGIN + STRIP + GAP
    shapes = [("frame", 1.0, f"M{left} {left}h{SIDE}v{SIDE}h{-SIDE}z")]
    shapes += [("flow", *shape) for shape in _matrix(made, left)]
    shapes += [
        ("source", 0.85, _profile(rows.summed(*source), left, down=True)),
        ("target", 0.85, _profile(cols.summed(*target), left, down=False)),
    ]
    whole = left + SIDE + MARGIN
    return Drawing(whole, whole, tuple(shapes), (), title)


class _Bins:
    """Places on a line: of their own where they are few, else in equal bins."""

    def __init__(self, positions: torch.Tensor) -> None:
        self.low = float(positions.min())
        extent = float(positions.max()) - self.low
        gaps = torch.unique(positions).diff()
        gaps = gaps[gaps > 1e-6 * extent]
        least = float(gaps.min()) if len(gaps) else 1.0
        self.count = min(BINS, round(extent / least) + 1)
        self.step = extent / (self.count - 1) if self.count > 1 else 1.0

    def __call__(self, positions: torch.Tensor) -> torch.Tensor:
        return ((positions - self.low) / self.step).round().long().clamp(0, self.count - 1)

    def summed(self, positions: torch.Tensor, mass: torch.Tensor) -> torch.Tensor:
        return torch.zeros(self.count, dtype=torch.float64).index_add_(0, self(positions), mass)


def _matrix(made: torch.Tensor, left: float) -> list[tuple[float, str]]:
    """Runs of one opacity along the rows."""
    high, wide = (SIDE / n for n in made.shape)
    top = float(made.max())
    if top <= 0:
        return []
    levels = torch.where(
        made > 2e-3 * top, ((made / top).sqrt() * _LEVELS).round().clamp(min=1), torch.zeros_like(made)
    )
    found: dict[int, list[str]] = defaultdict(list)
    for i, row in enumerate(levels.long().tolist()):
        begin = 0
        for j in range(1, len(row) + 1):
            if j == len(row) or row[j] != row[begin]:
                if row[begin]:
                    x, y, width = left + begin * wide, left + i * high, (j - begin) * wide
                    found[row[begin]].append(f"M{_n(x)} {_n(y)}h{_n(width)}v{_n(high)}h{_n(-width)}z")
                begin = j
    return [(round(level / _LEVELS, 3), "".join(parts)) for level, parts in sorted(found.items())]


def _profile(mass: torch.Tensor, left: float, *, down: bool) -> str:
    """Steps as high as the mass, from the matrix outwards."""
    side, edge = SIDE / len(mass), left - GAP
    heights = (mass / max(float(mass.max()), 1e-300) * STRIP).tolist()
    parts = [f"M{_n(edge)} {_n(left)}" if down else f"M{_n(left)} {_n(edge)}"]
    for number, height in enumerate(heights):
        far, end = edge - height, left + (number + 1) * side
        parts.append(f"H{_n(far)}V{_n(end)}" if down else f"V{_n(far)}H{_n(end)}")
    return "".join(parts) + (f"H{_n(edge)}z" if down else f"V{_n(edge)}z")


def _n(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
