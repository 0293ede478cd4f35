"""Plans as values, with the proof that a feasible pair of dual functions is: no plan costs less than its value."""

from __future__ import annotations

import math

import numpy as np
import torch

from otframe.errors import SolveError
from otframe.values import Plan, SolveInfo
from otframe_exact.problem import Array, Problem

__all__ = ["TOLERANCE", "finished"]

_ROUNDING = 1e-15

TOLERANCE = 1e-9
"""Largest relative gap between the cost of an exact plan and its dual value."""


def finished(
    problem: Problem,
    entries: tuple[Array, Array, Array],
    dual: tuple[Array, Array] | None,
    *,
    costs: Array | None = None,
    approximate: bool = False,
) -> Plan:
    """The plan as a value, checked.

    Parameters
    ----------
    problem : Problem
        What it solves.
    entries : tuple of numpy.ndarray
        Rows, columns and whole units of the entries, each `(k,)`.
    dual : tuple of numpy.ndarray, optional
        A feasible pair `(n,)`, `(m,)`, in scaled units.
    costs : numpy.ndarray, optional
        Cost of each entry, in scaled units; the problem's where None.
    approximate : bool
        Whether the plan may cost more than the dual value.

    Returns
    -------
    Plan
        `info.residual` is the gap over `cost + sum a |f| + sum b |g|`, of an approximate plan only where it costs less
        than the dual value. As the pair is feasible, whatever an engine's own potentials violated is in the gap.
        `SolveError` where the mass does not add up, or the residual is above `TOLERANCE`.
    """
    rows, cols, units = entries
    left = np.bincount(rows, units, len(problem.x)) - problem.a
    right = np.bincount(cols, units, len(problem.y)) - problem.b
    wrong = np.abs(left).sum() + np.abs(right).sum()
    if wrong or units.min() < 0:
        raise SolveError(
            f"the plan's marginals must be the measures, they differ by {wrong / problem.total:.1e} of the mass",
            hint="report it: no input should do this",
        )
    mass = units / problem.total
    cost = math.fsum(mass * (problem.costs(rows, cols) if costs is None else costs))
    value, residual = None, 0.0
    if dual is not None:
        a, b = problem.a / problem.total, problem.b / problem.total
        value = math.fsum(np.concatenate([a * dual[0], b * dual[1]]))
        size = cost + math.fsum(a * np.abs(dual[0])) + math.fsum(b * np.abs(dual[1]))
        error = max(0.0 if approximate else cost - value, value - cost)
        # differences of places are rounded as the places are, however near to each other those are
        rounding = _ROUNDING * max(float(np.abs(places).max()) for places in (problem.x, problem.y)) ** problem.p
        residual = (error - rounding) / size if error > rounding else 0.0
        if not residual <= TOLERANCE:
            raise SolveError(
                f"the plan costs {cost:.9g}, its dual value is {value:.9g}, in units of "
                f"2^{problem.exponent * problem.p:g}: a relative gap of {residual:.1e}, wanted at most {TOLERANCE:.0e}",
                hint="distances or masses differ by more orders of magnitude than float64 can tell: leave outliers out",
            )
    device = problem.source.points.device
    kept = units > 0

    def there(part: Array) -> torch.Tensor:
        return torch.from_numpy(part).to(device)

    return Plan(
        float(problem.unscaled(cost)),
        SolveInfo(0, True, residual),
        there(rows[kept].astype(np.int64)),
        there(cols[kept].astype(np.int64)),
        there(mass[kept]),
        problem.source,
        problem.target,
        None if value is None else float(problem.unscaled(value)),
        None if dual is None else there(problem.unscaled(dual[0])),
        None if dual is None else there(problem.unscaled(dual[1])),
    )
