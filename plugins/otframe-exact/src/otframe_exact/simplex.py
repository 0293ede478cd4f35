"""The network simplex of POT: plan and potentials, with the costs as a matrix or computed from the points as needed."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from otframe.errors import SolveError
from otframe_exact.duality import repaired
from otframe_exact.problem import Array, Problem

__all__ = ["simplex"]

_METRICS = {1.0: "euclidean", 2.0: "sqeuclidean"}
_OPTIMAL, _STOPPED = 1, 3


def simplex(
    problem: Problem, *, dense_limit: int, max_iter: int
) -> tuple[tuple[Array, Array, Array], tuple[Array, Array]]:
    """An optimal plan and a feasible pair of dual functions [bonneel2011displacement]_, [flamary2021pot]_.

    Parameters
    ----------
    problem : Problem
        The measures; points without mass are left out and get the best values of the pair.
    dense_limit : int
        Up to so many pairs of points the costs are held as a matrix.
    max_iter : int
        Pivots after which it counts as not reached.

    Returns
    -------
    entries : tuple of numpy.ndarray
        Rows, columns and whole units, each `(k,)`, k below the number of points.
    dual : tuple of numpy.ndarray
        The pair `(n,)`, `(m,)`, in scaled units; `f` has mean 0 under the source.
    """
    rows, cols = np.flatnonzero(problem.a), np.flatnonzero(problem.b)
    a, b = problem.a[rows].astype(np.float64), problem.b[cols].astype(np.float64)
    if len(rows) * len(cols) <= dense_limit:
        sources, targets, units, log = _dense(problem.block(rows, cols), a, b, max_iter)
    elif problem.p in _METRICS:
        sources, targets, units, log = _lazy(problem, rows, cols, a, b, max_iter)
    else:
        raise SolveError(
            f"{len(rows)} x {len(cols)} costs |x - y|^{problem.p:g} would be held as a matrix, which is over "
            f"dense_limit = {dense_limit}",
            hint="raise dense_limit (some 40 bytes a pair), or take p = 1 or 2, which need no matrix",
        )
    if log["result_code"] == _STOPPED:
        raise SolveError(f"no optimal plan within {max_iter} pivots", hint="raise max_iter, or give fewer points")
    if log["result_code"] != _OPTIMAL:
        raise SolveError(f"the network simplex broke down: {log['warning']}", hint="leave outliers out")
    entries = rows[sources], cols[targets], units
    return entries, repaired(problem, *_refined(problem, entries, log["u"], rows))


def _dense(costs: Array, a: Array, b: Array, max_iter: int) -> tuple[Array, Array, Array, dict[str, Any]]:
    import ot  # type: ignore[import-untyped]

    with warnings.catch_warnings():  # how it ended is looked at
        warnings.simplefilter("ignore", UserWarning)
        plan, log = ot.emd(a, b, costs, max_iter, log=True, center_dual=False, check_marginals=False)
    sources, targets = np.nonzero(plan)
    return sources, targets, plan[sources, targets], log


def _lazy(
    problem: Problem, rows: Array, cols: Array, a: Array, b: Array, max_iter: int
) -> tuple[Array, Array, Array, dict[str, Any]]:
    import ot

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        _, log = ot.emd2_lazy(
            problem.x[rows], problem.y[cols], a, b, _METRICS[problem.p], max_iter,
            log=True, return_matrix=True, center_dual=False, check_marginals=False,
        )  # fmt: skip
    plan = log["G"]
    held = plan.data > 0
    return plan.row[held], plan.col[held], plan.data[held], log


def _refined(problem: Problem, entries: tuple[Array, Array, Array], u: Array, rows: Array) -> tuple[Array, Array]:
    """The engine's potentials `u` of the source points `rows`, sharper, and those of the target; NaN without mass.

    By `f_i + g_j = c_ij` along the plan's entries, which are a forest, from the heaviest source point of each tree: the
    engine's own carry the rounding of the largest cost everywhere. `f` has mean 0 under the source.
    """
    sources, targets, _ = entries
    n, m = len(problem.x), len(problem.y)
    f, g = np.full(n, np.nan), np.full(m, np.nan)
    graph = coo_array((np.ones(len(sources)), (sources, targets + n)), shape=(n + m, n + m))
    _, trees = connected_components(graph, directed=False)
    heavy = rows[np.argsort(-problem.a[rows], kind="stable")]
    roots = heavy[np.unique(trees[heavy], return_index=True)[1]]
    f[roots] = u[np.searchsorted(rows, roots)] - u[np.searchsorted(rows, heavy[0])]
    costs = problem.costs(sources, targets)
    unseen = np.arange(len(sources))
    while len(unseen):
        i, j = sources[unseen], targets[unseen]
        down = ~np.isnan(f[i])
        g[j[down]] = costs[unseen[down]] - f[i[down]]
        up = ~np.isnan(g[j]) & ~down
        f[i[up]] = costs[unseen[up]] - g[j[up]]
        if not (down | up).any():
            raise SolveError("the network simplex gave no potentials", hint="leave outliers out")
        unseen = unseen[~(down | up)]
    mean = np.average(f[rows], weights=problem.a[rows])
    return f - mean, g + mean
