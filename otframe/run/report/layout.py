"""Places for a sketch: boxes in layers from top to bottom, few crossings, wires as straight as they can be.

The layered method of Sugiyama: layers by longest path, long wires cut at every layer (`order`, `place`).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

from otframe.run.report.order import order_layers
from otframe.run.report.place import place_boxes
from otframe.run.report.sketch import Box, Line, Sketch

__all__ = ["Layout", "Placed", "Route", "layout"]

_HEIGHT, _ROW = 44.0, 40.0
_MARGIN = 6.0
_NAME, _USE = 7.9, 6.8
_WIDTHS = (96.0, 216.0)


@dataclass(frozen=True)
class Placed:
    """A box with its centre and its size."""

    box: Box
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Route:
    """A line with the points it goes through."""

    line: Line
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Layout:
    """A drawing's size, boxes and routes."""

    width: float
    height: float
    boxes: tuple[Placed, ...]
    routes: tuple[Route, ...]


def layout(sketch: Sketch) -> Layout:
    """Give every box and line a place."""
    layers = _layers(sketch)
    rows: dict[int, list[str]] = defaultdict(list)
    widths = {box.id: _width(box) for box in sketch.boxes}
    for box in sketch.boxes:
        rows[layers[box.id]].append(box.id)
    chains: list[list[str]] = []
    for line in sketch.lines:
        chain = [line.start]
        for layer in range(layers[line.start] + 1, layers[line.end]):
            bend = f"\0{line.start}:{line.stream}:{line.model}:{layer}"  # what leaves a box shares a trunk
            if bend not in widths:
                rows[layer].append(bend)
                widths[bend] = 6.0
            chain.append(bend)
        chains.append([*chain, line.end])
    links = list(dict.fromkeys((a, b) for chain in chains for a, b in pairwise(chain)))
    ordered = order_layers([rows[layer] for layer in range(max(rows, default=-1) + 1)], links)
    centres = place_boxes(ordered, links, chains, widths)
    left = min((centres[name] - widths[name] / 2 for name in centres), default=0.0) - _MARGIN
    right = max((centres[name] + widths[name] / 2 for name in centres), default=0.0) + _MARGIN
    tops = {name: _MARGIN + i * (_HEIGHT + _ROW) for i, row in enumerate(ordered) for name in row}
    boxes = tuple(
        Placed(box, centres[box.id] - left, tops[box.id] + _HEIGHT / 2, widths[box.id], _HEIGHT) for box in sketch.boxes
    )
    routes = _routes(sketch, chains, {name: x - left for name, x in centres.items()}, tops, widths)
    height = 2 * _MARGIN + len(ordered) * (_HEIGHT + _ROW) - _ROW if ordered else 2 * _MARGIN
    return Layout(right - left, height, boxes, routes)


def _width(box: Box) -> float:
    low, high = _WIDTHS
    return min(high, max(low, len(box.name) * _NAME + 34, len(box.use) * _USE + 30))


def _layers(sketch: Sketch) -> dict[str, int]:
    """The layer of each box: below all it reads; boxes that read nothing stand just above their first reader."""
    layers: dict[str, int] = {}
    above, below = defaultdict(list), defaultdict(list)
    for line in sketch.lines:
        above[line.end].append(line.start)
        below[line.start].append(line.end)
    for box in sketch.boxes:
        layers[box.id] = max((layers[other] + 1 for other in above[box.id]), default=0)
    for box in reversed(sketch.boxes):
        if not above[box.id] and below[box.id]:
            layers[box.id] = min(layers[other] for other in below[box.id]) - 1
    return layers


def _routes(
    sketch: Sketch,
    chains: list[list[str]],
    centres: dict[str, float],
    tops: dict[str, float],
    widths: dict[str, float],
) -> tuple[Route, ...]:
    """The points of each line; lines that share a box leave and enter it side by side."""
    leave = _ports([(chain[0], chain[1]) for chain in chains], centres, widths)
    enter = _ports([(chain[-1], chain[-2]) for chain in chains], centres, widths)
    routes = []
    for line, chain in zip(sketch.lines, chains, strict=True):
        points = [(leave[chain[0], chain[1]], tops[chain[0]] + _HEIGHT)]
        for bend in chain[1:-1]:
            points += [(centres[bend], tops[bend]), (centres[bend], tops[bend] + _HEIGHT)]
        points.append((enter[chain[-1], chain[-2]], tops[chain[-1]]))
        routes.append(Route(line, tuple(points)))
    return tuple(routes)


def _ports(
    ends: list[tuple[str, str]], centres: dict[str, float], widths: dict[str, float]
) -> dict[tuple[str, str], float]:
    """Where on a box its neighbours' lines end, in the order of the neighbours."""
    found = {}
    neighbours: dict[str, list[str]] = defaultdict(list)
    for box, other in dict.fromkeys(ends):
        neighbours[box].append(other)
    for box, others in neighbours.items():
        step = min(16.0, (widths[box] - 28) / len(others))
        for place, other in enumerate(sorted(others, key=lambda name: centres[name])):
            found[box, other] = centres[box] + (place - (len(others) - 1) / 2) * step
    return found
