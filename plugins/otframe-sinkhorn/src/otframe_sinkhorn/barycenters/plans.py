"""`Plans`: entropic plans from points that move to clouds that do not, each solved from where it last was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from otframe_sinkhorn.clouds.problem import PointProblem
from otframe_sinkhorn.clouds.solve import solve_points
from otframe_sinkhorn.logarithms import logarithm
from otframe_sinkhorn.symmetric import symmetric

__all__ = ["Masses", "Plans"]


@dataclass(frozen=True)
class Masses:
    """Points `(n, d)` and their masses `(n,)` of sum 1, float64."""

    points: torch.Tensor
    masses: torch.Tensor


class Plans:
    """The plans to some clouds.

    Parameters
    ----------
    clouds : sequence of (float, Masses)
        With their weights, of sum 1.
    blur : float
        In the units of the points.
    most : int
        Iterations that a plan may take.
    """

    def __init__(self, clouds: Sequence[tuple[float, Masses]], blur: float, most: int) -> None:
        self.clouds, self.blur, self.most = clouds, blur, most
        self._starts: list[tuple[torch.Tensor, torch.Tensor] | None] = [None] * len(clouds)

    def mean(self, x: Masses, tol: float) -> tuple[torch.Tensor, float]:
        """Where the plans take the points in the weighted mean, `(n, d)`, and the largest marginal error."""
        goal, worst = torch.zeros_like(x.points), 0.0
        for number, (weight, cloud) in enumerate(self.clouds):
            if torch.equal(cloud.points, x.points) and torch.allclose(cloud.masses, x.masses, rtol=1e-12, atol=0):
                own, wrong = self.of_itself(x, tol)
                goal, worst = goal + weight * own, max(worst, wrong)
                continue
            problem = self._problem(x, cloud)
            found = solve_points(problem, tol, self.most, _nobody, self._starts[number])
            self._starts[number] = found.f, found.g
            goal += weight * _means(problem, found.g, cloud)
            worst = max(worst, found.residuals[0])
        return goal, worst

    def of_itself(self, x: Masses, tol: float) -> tuple[torch.Tensor, float]:
        """Where the plan of the points with themselves takes them, `(n, d)`, and its marginal error."""
        problem = self._problem(x, x)
        found = symmetric(problem, tol)
        return _means(problem, found.p, x), found.residuals[0]

    def _problem(self, x: Masses, y: Masses) -> PointProblem:
        return PointProblem(x.points[None], y.points[None], x.masses[None], y.masses[None], self.blur)


_nobody: Any = None
"""Whom a plan tells how far it is: the steps do."""


def _means(problem: PointProblem, g: torch.Tensor, y: Masses) -> torch.Tensor:
    """The barycentric map of a plan's potentials `(1, m)` at the cloud."""
    weights = g[0] / problem.eps + logarithm(y.masses)
    return problem.kernels[0].means(weights, y.points, across=False)
