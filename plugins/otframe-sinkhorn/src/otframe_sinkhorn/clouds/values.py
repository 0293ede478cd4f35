"""What a plan between points costs, and the value of its dual problem, from the potentials."""

from __future__ import annotations

import torch

from otframe_sinkhorn.clouds.problem import PointProblem
from otframe_sinkhorn.logarithms import logarithm

__all__ = ["dual_value", "plan_cost"]


def plan_cost(problem: PointProblem, f: torch.Tensor, g: torch.Tensor) -> list[float]:
    """`sum plan(x, y) c(x, y)` for each problem of a batch, of potentials `(B, n)` and `(B, m)`, without the plan."""
    weights = g / problem.eps + logarithm(problem.b)
    left = _left(problem, f, weights)
    means = [kernel.mean_costs(row, across=False) for kernel, row in zip(problem.kernels, weights, strict=True)]
    return [float(value) * problem.eps for value in (left * torch.stack(means)).sum(1)]


def dual_value(problem: PointProblem, f: torch.Tensor, g: torch.Tensor) -> list[float]:
    """The value of the regularised dual problem for each problem of a batch [peyre2019computational]_."""
    a, b, eps, rho = problem.a, problem.b, problem.eps, problem.rho
    plan = _left(problem, f, g / eps + logarithm(b)).sum(1)
    entropy = eps * (plan - a.sum(1) * b.sum(1))
    if problem.reach is None:
        gained = (a * f).sum(1) + (b * g).sum(1)
    else:
        gained = -rho * (_made(a, -f / rho).sum(1) + _made(b, -g / rho).sum(1))
    return [float(value) for value in gained - entropy]


def _made(mass: torch.Tensor, exponents: torch.Tensor) -> torch.Tensor:
    """`mass (exp(exponents) - 1)`, to all digits of small exponents; without mass nothing, however large they are."""
    far = torch.exp(logarithm(mass) + exponents) - mass
    return torch.where(exponents > 1, far, mass * torch.expm1(exponents.clamp(max=1)))


def _left(problem: PointProblem, f: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The mass that leaves each point, `(B, n)`."""
    met = problem.to_source(weights, range(len(f)))
    return torch.exp(f / problem.eps + logarithm(problem.a) + met)
