"""The order of the boxes in each layer: barycentre sweeps, keeping the order with the fewest crossings."""

from __future__ import annotations

from collections import defaultdict

__all__ = ["crossings", "order_layers"]

_SWEEPS = 24


def order_layers(rows: list[list[str]], links: list[tuple[str, str]]) -> list[list[str]]:
    """The rows with their members sorted so that few links cross; links join neighbouring rows."""
    above, below = defaultdict(list), defaultdict(list)
    for a, b in links:
        below[a].append(b)
        above[b].append(a)
    rows = [list(row) for row in rows]
    best, fewest = [list(row) for row in rows], crossings(rows, links)
    for sweep in range(_SWEEPS):
        if fewest == 0:
            break
        down = sweep % 2 == 0
        for i in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            place = {name: p for p, name in enumerate(rows[i - 1 if down else i + 1])}
            near = above if down else below
            own = {name: p for p, name in enumerate(rows[i])}

            def mean(name: str, near=near, place=place, own=own) -> float:  # type: ignore[no-untyped-def]
                others = [place[other] for other in near[name]]
                return sum(others) / len(others) if others else float(own[name])

            rows[i].sort(key=mean)
        count = crossings(rows, links)
        if count < fewest:
            best, fewest = [list(row) for row in rows], count
    return best


def crossings(rows: list[list[str]], links: list[tuple[str, str]]) -> int:
    """How many pairs of links cross."""
    place = {name: (layer, p) for layer, row in enumerate(rows) for p, name in enumerate(row)}
    by_layer: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for a, b in links:
        by_layer[place[a][0]].append((place[a][1], place[b][1]))
    return sum(
        (a[0] - b[0]) * (a[1] - b[1]) < 0 for row in by_layer.values() for i, a in enumerate(row) for b in row[:i]
    )
