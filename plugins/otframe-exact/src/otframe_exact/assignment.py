"""`exact.assignment`: the optimal permutation between as many points of equal weight."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field as Parameter
from scipy.optimize import linear_sum_assignment

from otframe.errors import DataError, SolveError
from otframe.interfaces import Solver
from otframe.values import Plan, PointCloud
from otframe_exact.certificate import finished
from otframe_exact.problem import posed
from otframe_exact.simplex import simplex

__all__ = ["Assignment"]


class Assignment(Solver):
    r"""The permutation of least cost between as many points of equal weight.

    .. math:: \min_{\sigma} \frac{1}{n} \sum_i |x_i - y_{\sigma(i)}|^p

    It is an optimal plan too: no splitting of mass costs less (Proposition 2.1 of [peyre2019computational]_). SciPy's
    shortest augmenting paths [crouse2016implementing]_ find it, and give no dual functions; these come from the network
    simplex [bonneel2011displacement]_, so that two engines have to agree on the cost. Holds the n x n costs.
    """

    references: ClassVar[tuple[str, ...]] = (
        "crouse2016implementing",
        "peyre2019computational",
        "bonneel2011displacement",
    )
    promises: ClassVar[tuple[str, ...]] = (
        *("identity", "permutation", "translation", "sorting", "assignment"),
        *("symmetry", "scaling", "gradient"),
    )

    p: float = Parameter(default=2.0, ge=1.0, le=16.0)
    """The cost of moving a point is the Euclidean distance to this power."""

    dense_limit: int = Parameter(default=100_000_000, ge=1)
    """Up to so many pairs of points, n^2, the problem is taken on, some 40 bytes each."""

    max_iter: int = Parameter(default=100_000_000, ge=1, le=1_000_000_000)
    """Pivots of the network simplex after which the dual functions count as not reached."""

    def solve(self, source: PointCloud, target: PointCloud) -> Plan:
        """Find the permutation.

        Parameters
        ----------
        source, target : PointCloud
            n points each, in one dimension and of equal weights; `DataError` otherwise.

        Returns
        -------
        Plan
            n entries of mass 1 / n: `rows` is 0 to n - 1, `cols` the permutation. `cost` is in the units of the points
            to the power p, `info.residual` the relative gap to the dual value.
        """
        problem = posed(source, target, self.p)
        n = len(problem.a)
        if n != len(problem.b):
            raise DataError(
                f"an assignment is between as many points, got {n} and {len(problem.b)}", hint="use exact.network"
            )
        if problem.a.min() < problem.a.max() or problem.b.min() < problem.b.max():
            raise DataError("an assignment is between points of equal weights", hint="use exact.network")
        if n * n > self.dense_limit:
            raise SolveError(
                f"{n} x {n} costs would be held as a matrix, which is over dense_limit = {self.dense_limit}",
                hint="use exact.network, which needs no matrix, or raise dense_limit",
            )
        _, order = linear_sum_assignment(problem.block(slice(None), slice(None)))
        _, dual = simplex(problem, dense_limit=n * n, max_iter=self.max_iter)
        return finished(problem, (np.arange(n), order, problem.a), dual)
