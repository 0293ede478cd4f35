"""Feasible pairs of dual functions, `f_i + g_j <= c_ij` everywhere, of whatever an engine gives.

By weak duality `sum a f + sum b g` of such a pair is a bound of the cost from below [peyre2019computational]_. No cost
matrix is held.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from otframe_exact.problem import Array, Problem

__all__ = ["carried", "repaired"]

_BLOCK = 2**18


def carried(problem: Problem, f: Array, known: Array) -> tuple[Array, Array]:
    """A feasible pair `(n,)`, `(m,)` from values at some source points, by c-transforms.

    Parameters
    ----------
    problem : Problem
        The measures.
    f : numpy.ndarray
        Shape `(k,)`: any values, in scaled units.
    known : numpy.ndarray
        Shape `(k,)`: the source points that they belong to, k > 0.

    Returns
    -------
    f, g : numpy.ndarray
        `g_j = min_i c_ij - f_i` over the known points, and `f_i = min_j c_ij - g_j` at the others: the best values
        there are.
    """
    whole = np.full(len(problem.x), np.nan)
    whole[known] = f
    return _filled(problem, whole, np.full(len(problem.y), np.nan))


def repaired(problem: Problem, f: Array, g: Array) -> tuple[Array, Array]:
    """A feasible pair from one that is feasible but for rounding.

    Parameters
    ----------
    problem : Problem
        The measures.
    f, g : numpy.ndarray
        Shapes `(n,)` and `(m,)`, in scaled units, NaN where not known.

    Returns
    -------
    f, g : numpy.ndarray
        Less what the sum is above the cost of a pair, taken off the lighter of the two points: so that the rounding of
        large costs, which come with little mass, stays where it weighs little. Best values where they were not known.
    """
    rows, cols = (np.flatnonzero(~np.isnan(values)) for values in (f, g))
    off_f, off_g = np.zeros(len(rows)), np.zeros(len(cols))
    for part in _parts(len(rows), len(cols)):
        above = problem.block(rows[part], cols)
        np.subtract(f[rows[part], None] + g[cols], above, out=above)
        light = problem.a[rows[part], None] <= problem.b[cols]
        off_f[part] = above.max(1, where=light, initial=0.0)
        np.maximum(off_g, above.max(0, where=~light, initial=0.0), out=off_g)
    f, g = f.copy(), g.copy()
    f[rows] -= off_f
    g[cols] -= off_g
    return _filled(problem, f, g)


def _filled(problem: Problem, f: Array, g: Array) -> tuple[Array, Array]:
    """The pair with the best values where it is NaN: first of the target, then of the source."""
    rows, cols = np.flatnonzero(~np.isnan(f)), np.flatnonzero(np.isnan(g))
    if len(cols):
        g[cols] = math.inf
        for part in _parts(len(rows), len(cols)):
            reduced = problem.block(rows[part], cols)
            reduced -= f[rows[part], None]
            g[cols] = np.minimum(g[cols], reduced.min(0))
    rest = np.flatnonzero(np.isnan(f))
    for part in _parts(len(rest), len(g)):
        reduced = problem.block(rest[part], slice(None))
        reduced -= g
        f[rest[part]] = reduced.min(1)
    return f, g


def _parts(count: int, width: int) -> Iterator[slice]:
    """Slices of so many rows as a block of that width has."""
    step = max(_BLOCK // max(width, 1), 1)
    return (slice(start, start + step) for start in range(0, count, step))
