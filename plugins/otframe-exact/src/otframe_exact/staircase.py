"""Monotone plans on a line and on a circle, with their dual functions.

The cells that a monotone plan visits form a staircase: each step goes to the next source point or to the next target
point. For costs |x - y|^p, p >= 1, values that are equal to the cost on a staircase are feasible everywhere
[hoffman1963simple]_.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from otframe_exact.problem import Array

__all__ = ["Staircase", "along_circle", "along_line", "best_shift"]

Cost = Callable[[Array, Array], Array]


@dataclass(frozen=True, eq=False)
class Staircase:
    """The cells of a monotone plan between sorted points, in order.

    Parameters
    ----------
    rows, cols : numpy.ndarray
        Shape `(k,)`: positions of the points; on a circle those of `cols` count on beyond one turn.
    units : numpy.ndarray
        Shape `(k,)`: mass of each cell in whole units.
    """

    rows: Array
    cols: Array
    units: Array

    def potentials(self, costs: Array) -> tuple[Array, Array]:
        """Values of the rows and of the columns that it visits, whose sums are the costs `(k,)` of its cells."""
        change, by_row = np.diff(costs), np.diff(self.rows) == 1
        # from the heaviest cell outwards, so that the rounding of large costs stays where they are
        heavy = int(self.units.argmax())
        f = _walked(change[by_row], int(self.rows[heavy] - self.rows[0]))
        g = _walked(change[~by_row], int(self.cols[heavy] - self.cols[0]))
        return f, g + costs[heavy]

    def lowered(self, dual: tuple[Array, Array], masses: tuple[Array, Array], cost: Cost) -> tuple[Array, Array]:
        """The pair `f`, `g`, less what `f_i + g_j` is above the cost in a cell or beside one: off the lighter point.

        That is rounding alone. Elsewhere it is not above, as the costs are those of a line.
        """
        (f, g), (a, b) = dual, masses
        off_f, off_g = np.zeros(len(f)), np.zeros(len(g))
        for down, right in ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)):
            i, j = (self.rows + down) % len(f), (self.cols + right) % len(g)
            above, light = f[i] + g[j] - cost(i, j), a[i] <= b[j]
            np.maximum.at(off_f, i[light], above[light])
            np.maximum.at(off_g, j[~light], above[~light])
        return f - off_f, g - off_g


def _walked(steps: Array, anchor: int) -> Array:
    """Sums of steps `(k,)` from the anchor, which is 0, to both ends: shape `(k + 1,)`."""
    back = -np.cumsum(steps[:anchor][::-1])[::-1]
    return np.concatenate([back, [0.0], np.cumsum(steps[anchor:])])


def _merged(start: tuple[int, int], down: Array, right: Array, end: int, *, down_first: bool = True) -> Staircase:
    """The staircase whose steps are at the given times: `down` to the next row, `right` to the next column."""
    times = np.concatenate([down, right] if down_first else [right, down])
    order = np.argsort(times, kind="stable")
    is_down = order < len(down) if down_first else order >= len(right)
    rows = start[0] + np.concatenate([[0], np.cumsum(is_down)])
    cols = start[1] + np.concatenate([[0], np.cumsum(~is_down)])
    return Staircase(rows, cols, np.diff(np.concatenate([[0], times[order], [end]])))


def along_line(a: Array, b: Array) -> Staircase:
    """The monotone plan between masses `(n,)` and `(m,)` of equal sum: n + m - 1 cells, some without mass."""
    return _merged((0, 0), np.cumsum(a)[:-1], np.cumsum(b)[:-1], int(a.sum()))


def along_circle(a: Array, b: Array, shift: int, *, down_first: bool) -> Staircase:
    """One turn of the monotone plan in which the target's mass is read from `shift` units on: n + m + 1 cells.

    The last cell is the first of the next turn, and has no mass. Where both steps fall together, `down_first` tells
    which comes first.
    """
    total, m = int(a.sum()), len(b)
    ends = np.cumsum(b)
    turn, rest = divmod(shift, total)
    passed = int(np.searchsorted(ends, rest, side="right"))
    first = turn * m + passed
    ahead = np.concatenate([ends[passed:] - rest, ends[:passed] + total - rest])
    return _merged((0, first), np.cumsum(a), ahead, total, down_first=down_first)


def best_shift(x: Array, y: Array, a: Array, b: Array, period: float, p: float) -> int:
    """The shift of least cost on a circle, by bisection on the slope of the cost, which is convex [delon2010fast]_.

    Parameters
    ----------
    x, y : numpy.ndarray
        Sorted points `(n,)` and `(m,)`, each within a turn, which begin up to a turn apart.
    a, b : numpy.ndarray
        Their masses in whole units, of equal sum.
    period : float
        The circle's length.
    p : float
        Power of the distance, at least 1.

    Returns
    -------
    int
        In whole units, up to two turns either way: the least shift from which on the cost does not fall.
    """
    total = int(a.sum())
    ends, steps = np.cumsum(a), np.cumsum(b)
    after = np.append(y[1:], y[0] + period)

    def slope(shift: int) -> float:
        turn, rest = np.divmod(steps - shift - 1, total)  # times in (0, total] and whole turns
        at = x[np.searchsorted(ends, rest + 1, side="left")] + turn * period
        return float((np.abs(at - after) ** p - np.abs(at - y) ** p).sum())

    low, high = -2 * total, 2 * total
    while low < high:
        middle = (low + high) // 2
        if slope(middle) >= 0:
            high = middle
        else:
            low = middle + 1
    return low
