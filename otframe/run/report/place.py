"""Places from left to right: least squares with a smallest distance between neighbours, long wires made straight."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

__all__ = ["place_boxes"]

_GAP = 22.0
_ROUNDS = 40
_PULLS = (1.0, 2.0, 8.0)
"""How strongly the ends of a link draw one another, where none, one or both of them are bends of a long wire."""


def place_boxes(
    rows: list[list[str]], links: list[tuple[str, str]], chains: list[list[str]], widths: dict[str, float]
) -> dict[str, float]:
    """The centre of each name. Names of bends begin with a NUL; `chains` are the long wires, ends included."""
    centres: dict[str, float] = {}
    for row in rows:
        x = -sum(widths[name] + _GAP for name in row) / 2
        for name in row:
            centres[name] = x + widths[name] / 2
            x += widths[name] + _GAP
    pulls: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for a, b in links:
        weight = _PULLS[a.startswith("\0") + b.startswith("\0")]
        pulls[a].append((b, weight))
        pulls[b].append((a, weight))
    # wires that share bends are straightened once, along the longest of them
    trunks = {chain[1]: chain for chain in sorted(chains, key=len)}.values()
    spots = {name: (row, i) for row in rows for i, name in enumerate(row)}
    for sweep in range(_ROUNDS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            _settle(row, pulls, centres, widths)
        for chain in trunks:
            if len(chain) > 3:
                _straighten(chain, spots, centres, widths)
    return centres


def _settle(
    row: list[str], pulls: dict[str, list[tuple[str, float]]], centres: dict[str, float], widths: dict[str, float]
) -> None:
    """Move the names of a row to the mean of their neighbours, as near as there is room."""
    wanted, weights = [], []
    for name in row:
        total = sum(weight for _, weight in pulls[name])
        mean = sum(centres[other] * weight for other, weight in pulls[name])
        wanted.append(mean / total if total else centres[name])
        weights.append(max(total, 0.1))
    gaps = [_apart(a, b, widths) for a, b in pairwise(row)]
    centres.update(zip(row, _spread(wanted, weights, gaps), strict=True))


def _straighten(
    chain: list[str], spots: dict[str, tuple[list[str], int]], centres: dict[str, float], widths: dict[str, float]
) -> None:
    """Put the bends of a long wire under one another, as far as their neighbours leave room."""
    target = (centres[chain[0]] + centres[chain[-1]]) / 2
    run: list[str] = []
    low, high = float("-inf"), float("inf")

    def put() -> None:
        centres.update(dict.fromkeys(run, min(max(target, low), high)))

    for bend in chain[1:-1]:
        row, i = spots[bend]
        left = centres[row[i - 1]] + _apart(row[i - 1], bend, widths) if i else float("-inf")
        right = centres[row[i + 1]] - _apart(bend, row[i + 1], widths) if i + 1 < len(row) else float("inf")
        if max(low, left) > min(high, right) + 1e-6:
            put()
            run, low, high = [], float("-inf"), float("inf")
        run.append(bend)
        low, high = max(low, left), min(high, right)
    put()


def _apart(a: str, b: str, widths: dict[str, float]) -> float:
    return (widths[a] + widths[b]) / 2 + (_GAP if not (a.startswith("\0") and b.startswith("\0")) else 10.0)


def _spread(wanted: list[float], weights: list[float], gaps: list[float]) -> list[float]:
    """The places nearest to those wanted with at least `gaps` between neighbours: pooling of violators."""
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    pools: list[tuple[float, float, int]] = []  # mean, weight, count
    for want, weight, offset in zip(wanted, weights, offsets, strict=True):
        pools.append((want - offset, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, wa, na), (b, wb, nb) = pools[-2:]
            pools[-2:] = [((a * wa + b * wb) / (wa + wb), wa + wb, na + nb)]
    flat = [mean for mean, _, count in pools for _ in range(count)]
    return [place + offset for place, offset in zip(flat, offsets, strict=True)]
