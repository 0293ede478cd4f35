"""Which arrows are drawn of a flow in the plane: a few that stand for all, evenly spread, with the mass of each."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from otframe.parts.flow import Flow

__all__ = ["Arrows", "arrows", "step_of"]

_FINEST = 128
"""Steps that the longest side is divided into at most."""


@dataclass(frozen=True, eq=False)
class Arrows:
    """Lines `starts` to `ends`, shapes `(k, 2)`, with the mass `(k,)` that each stands for.

    `heaviest` is the most mass that one of the points stands for, however it is split.
    """

    starts: torch.Tensor
    ends: torch.Tensor
    mass: torch.Tensor
    heaviest: float


def arrows(flow: Flow, axes: tuple[int, int], *, most: int, spread: int) -> Arrows:
    """The arrows of a flow, seen along two of its axes.

    Where there are more than `most` points with mass, the plane is cut into equal squares, no more than `most` of which
    hold mass, and the point nearest to the middle of each stands for what is in it. The mass of a point that a plan
    splits goes to at most `spread` ends, which are spread over its whole row.
    """
    index, mass = _chosen(flow.points[:, axes], flow.mass, most)
    heaviest = float(mass.max()) if len(mass) else 0.0
    if flow.rows is None:
        return Arrows(flow.points[index][:, axes], flow.ends[index][:, axes], mass, heaviest)
    rows = flow.rows(index)
    order = _along_curve(flow.ends[:, axes])
    sums = rows[:, order].cumsum(1)
    total = sums[:, -1:]
    marks = (torch.arange(spread, dtype=torch.float64) + 0.5) / spread * total
    met = torch.searchsorted(sums.contiguous(), marks.contiguous()).clamp(max=len(order) - 1)
    starts, ends, shares = [], [], []
    for number in range(len(index)):
        if float(total[number]) <= 0:
            continue
        to, counts = torch.unique(order[met[number]], return_counts=True)
        starts += [flow.points[index[number]][list(axes)].expand(len(to), 2)]
        ends += [flow.ends[to][:, axes]]
        shares += [mass[number] * counts / spread]
    if not starts:
        none = torch.zeros(0, 2, dtype=torch.float64)
        return Arrows(none, none, torch.zeros(0, dtype=torch.float64), heaviest)
    return Arrows(torch.cat(starts), torch.cat(ends), torch.cat(shares), heaviest)


def step_of(points: torch.Tensor) -> float:
    """The distance of neighbours along the axes, where points lie on a grid; else a small part of their extent.

    Shape `(n, 2)`; 0 where all points are one.
    """
    extent = float((points.max(0).values - points.min(0).values).max())
    if extent <= 0:
        return 0.0
    least = extent
    for column in points.T:
        gaps = torch.unique(column).diff()
        gaps = gaps[gaps > 1e-6 * extent]
        if len(gaps):
            least = min(least, float(gaps.min()))
    return max(least, extent / _FINEST)


def _chosen(points: torch.Tensor, mass: torch.Tensor, most: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Points that stand for all, by their numbers, and the mass of each."""
    held = torch.nonzero(mass > 0).flatten()
    if len(held) <= most:
        return held, mass[held]
    seen = points[held]
    low, step = seen.min(0).values, step_of(seen)
    extent = float((seen.max(0).values - low).max())
    if step <= 0:
        return held[:1], mass[held].sum()[None]
    for times in range(1, _FINEST + 2):
        width = times * step
        cell = ((seen - low + 0.5 * step) / width).floor().long()
        columns = int(extent / width) + 2
        squares, which = torch.unique(cell[:, 0] * columns + cell[:, 1], return_inverse=True)
        if len(squares) <= most:
            break
    off = ((seen - low + 0.5 * step) / width - cell - 0.5).abs().amax(1)
    # the nearest to the middle of its square, and of several the first
    order = torch.argsort((off * 1e6).round(), stable=True)
    order = order[torch.argsort(which[order], stable=True)]
    first = torch.searchsorted(which[order].contiguous(), torch.arange(len(squares)))
    return held[order[first]], torch.zeros(len(squares), dtype=mass.dtype).index_add_(0, which, mass[held])


def _along_curve(points: torch.Tensor) -> torch.Tensor:
    """The points' numbers along a curve that fills the plane and keeps neighbours near: the Z-order."""
    low, high = points.min(0).values, points.max(0).values
    whole = ((points - low) / (high - low).clamp(min=1e-300).max() * 1023).long()
    code = torch.zeros(len(points), dtype=torch.int64)
    for bit in range(10):
        code |= ((whole[:, 0] >> bit & 1) << (2 * bit + 1)) | ((whole[:, 1] >> bit & 1) << (2 * bit))
    return torch.argsort(code, stable=True)
