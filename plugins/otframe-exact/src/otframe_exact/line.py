"""`exact.line`: optimal transport on a line, and on a circle."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar, TypeVar

import numpy as np
from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Component, Solver
from otframe.values import Density, Plan, PointCloud
from otframe_exact.certificate import finished
from otframe_exact.problem import Array, Problem, posed, scaled
from otframe_exact.staircase import Staircase, along_circle, along_line, best_shift

__all__ = ["LineTransport"]

M = TypeVar("M", PointCloud, Density)


class LineTransport(Solver):
    r"""The optimal plan between weighted points on a line, in the order of the points; on a circle, in cyclic order.

    .. math:: \int_0^1 |F^{-1}(t) - G^{-1}(t)|^p \, dt, \qquad
       \text{on a circle } \min_\theta \int_0^1 |F^{-1}(t) - G^{-1}(t + \theta)|^p \, dt

    The same plan is optimal for every p on the line (section 2.6 of [peyre2019computational]_). On a circle the best
    shift is found by bisection [delon2010fast]_, exactly, as masses are whole units of 2^-52. The dual functions come
    from the plan's staircase of cells [hoffman1963simple]_. It takes a sort and memory for the points alone.
    """

    references: ClassVar[tuple[str, ...]] = ("peyre2019computational", "delon2010fast", "hoffman1963simple")
    promises: ClassVar[tuple[str, ...]] = ("identity", "permutation", "sorting", "symmetry", "scaling", "quantiles")

    p: float = Parameter(default=2.0, ge=1.0, le=16.0)
    """The cost of moving a unit of mass is the distance to this power."""

    period: float | None = Parameter(default=None, gt=0.0)
    """Length of the circle, in units of the points; a line where absent."""

    axis: int | None = Parameter(default=None, ge=0)
    """The coordinate that is transported; where absent the points must have one coordinate alone."""

    @classmethod
    def examples(cls) -> list[Component]:
        """What the conformance kit runs: a line, and a circle, along the first coordinate."""
        return [cls(axis=0), cls(axis=0, p=1.0, period=1.5)]

    def solve(self, source: M, target: M) -> Plan:
        """Find the plan.

        Parameters
        ----------
        source, target : PointCloud or Density
            n and m points in one dimension, any weights that are not negative; normalised to mass 1.

        Returns
        -------
        Plan
            At most n + m - 1 entries, n + m on a circle. `cost` is in the units of the points to the power p. `f` and
            `g` are feasible up to the rounding of the longest way there is. `as_map()` is monotone on a line; on a
            circle it averages and moves without regard to the period.
        """
        problem = self._along_axis(posed(source, target, self.p))
        return self._line(problem) if self.period is None else self._circle(problem)

    def _along_axis(self, problem: Problem) -> Problem:
        dim = problem.x.shape[1]
        if self.axis is None and dim != 1:
            raise DataError(
                f"a line has points in one dimension, got {dim}",
                hint="name the coordinate with `axis`, or use exact.network",
            )
        axis = self.axis or 0
        if axis >= dim:
            raise DataError(f"axis {axis} of points in {dim} dimensions does not exist", hint=f"0 to {dim - 1} do")
        # back to the units of the points, as the scale was of all coordinates
        x, y = (np.ldexp(points[:, [axis]], problem.exponent) for points in (problem.x, problem.y))
        line = replace(problem, x=x, y=y, exponent=0)
        if self.period is None:
            return scaled(line)
        x, y = _unrolled(line, self.period)
        return scaled(replace(line, x=x, y=y), self.period)

    def _line(self, problem: Problem) -> Plan:
        line = _Sorted(problem)
        stairs = along_line(line.a, line.b)
        f, g = stairs.potentials(line.costs(stairs.rows, stairs.cols))
        return line.plan(stairs, f, g)

    def _circle(self, problem: Problem) -> Plan:
        line = _Sorted(problem, math.ldexp(float(self.period or 0), -problem.exponent))
        shift = best_shift(line.x, line.y, line.a, line.b, line.period, self.p)
        # where two steps fall together either may come first; one way the pair rises over a turn, the other way it
        # falls: the mixture that does neither is the dual pair
        found = []
        for down_first in (False, True):
            stairs = along_circle(line.a, line.b, shift, down_first=down_first)
            f, g = stairs.potentials(line.lifted_costs(stairs.rows, stairs.cols))
            found.append((f[:-1], np.roll(g[:-1], stairs.cols[0] % len(line.b)), g[-1] - g[0]))
        (f, g, rise), (other_f, other_g, fall) = found
        part = min(max(fall / (fall - rise), 0.0), 1.0) if rise > fall else 1.0
        return line.plan(stairs, part * f + (1 - part) * other_f, part * g + (1 - part) * other_g)


class _Sorted:
    """The points of a problem in order, on a line or, with a period, on a circle."""

    def __init__(self, problem: Problem, period: float = 0.0) -> None:
        self.problem, self.period = problem, period
        self.rows, self.cols = (np.argsort(points[:, 0], kind="stable") for points in (problem.x, problem.y))
        # a turn starts with mass, so that steps over points without any are never torn apart
        first = int((problem.a[self.rows] > 0).argmax()) if period else 0
        self.rows = np.roll(self.rows, -first)
        self.x, self.y = problem.x[self.rows, 0], problem.y[self.cols, 0]
        self.x[len(self.x) - first :] += period
        self.a, self.b = problem.a[self.rows], problem.b[self.cols]

    def costs(self, i: Array, j: Array) -> Array:
        """Cost of pairs, by their places in order."""
        apart = np.abs(self.x[i] - self.y[j])
        if self.period:
            apart = np.where(apart < self.period, apart, apart - self.period)
            apart = np.minimum(apart, self.period - apart)
        return self._power(apart)

    def lifted_costs(self, i: Array, j: Array) -> Array:
        """Cost of pairs whose places count on from turn to turn."""
        x = self.x[i % len(self.x)] + i // len(self.x) * self.period
        y = self.y[j % len(self.y)] + j // len(self.y) * self.period
        return self._power(np.abs(x - y))

    def _power(self, apart: Array) -> Array:
        return apart**self.problem.p

    def plan(self, stairs: Staircase, f: Array, g: Array) -> Plan:
        """The plan of a staircase with its dual pair."""
        held = stairs.units > 0
        n, m = len(f), len(g)
        # the first cell of a turn may be its last as well
        pairs, at = np.unique(stairs.rows[held] % n * m + stairs.cols[held] % m, return_inverse=True)
        units = np.bincount(at, stairs.units[held])
        i, j = pairs // m, pairs % m
        mean = float(np.average(f, weights=self.a))
        dual = np.empty(n), np.empty(m)
        dual[0][self.rows], dual[1][self.cols] = stairs.lowered((f - mean, g + mean), (self.a, self.b), self.costs)
        return finished(self.problem, (self.rows[i], self.cols[j], units), dual, costs=self.costs(i, j))


def _unrolled(problem: Problem, period: float) -> tuple[Array, Array]:
    """The points within one turn, which begins where the circle is empty for longest.

    They are reduced to half a period about 0 first, which is exact, and from there the heaviest source point stays.
    """
    points = np.fmod(np.concatenate([problem.x, problem.y])[:, 0], period)
    points -= period * np.sign(points) * (np.abs(points) > period / 2)
    around = np.sort(points[np.concatenate([problem.a, problem.b]) > 0])
    gaps = np.diff(around, append=around[0] + period)
    longest = int(gaps.argmax())
    start = around[longest] + gaps[longest] / 2
    if points[int(problem.a.argmax())] >= start:
        points[points < start] += period
    else:
        points[points >= start] -= period
    x, y = np.split(points[:, None], [len(problem.x)])
    return x, y
