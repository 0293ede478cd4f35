"""`GridPotentials`: an entropic plan between densities on one grid, by its potentials; it is never formed."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from otframe.values import Coupling, Density, PointMap, SolveInfo
from otframe_sinkhorn.derivatives import by_mass
from otframe_sinkhorn.grids.kernel import GridKernel
from otframe_sinkhorn.grids.solve import Problem
from otframe_sinkhorn.logarithms import logarithm

__all__ = ["GridPotentials", "dual_value", "plan_cost", "potentials"]


@dataclass(frozen=True, eq=False)
class GridPotentials(Coupling):
    r"""The plan `exp((f(x) + g(y) - c(x, y)) / eps) a(x) b(y)` [peyre2019computational]_.

    Parameters
    ----------
    cost : float
        `sum plan(x, y) c(x, y)`: the squared distance for the squared cost.
    info : SolveInfo
        `residual` is the error of the second marginal in L1, relative to its mass; the first is exact to rounding.
    f, g : torch.Tensor
        Potentials, of the grid's shape, float64, in units of the cost.
    source, target : Density
        The masses; of sum 1 where the transport is balanced.
    blur : float
        In units of the grid's spacing.
    kind : str
        The cost, `squared` or `absolute`.
    reach : float, optional
        Where mass may be made or destroyed.
    dual : float
        The value of the regularised problem: `cost + eps KL(plan | a b)` at convergence, and the price of mass that was
        made or destroyed.
    """

    f: torch.Tensor
    g: torch.Tensor
    source: Density
    target: Density
    blur: float
    kind: str
    reach: float | None
    dual: float

    @property
    def eps(self) -> float:
        """Regularisation in units of the cost."""
        return self._problem().eps

    def apply(self, values: torch.Tensor) -> torch.Tensor:
        """`sum_y plan(x, y) values(y)`, `(..., *shape)` to the same, float64."""
        return self._carried(values, self.f, self.g, self.source.mass, self.target.mass)

    def apply_transposed(self, values: torch.Tensor) -> torch.Tensor:
        """`sum_x plan(x, y) values(x)`, `(..., *shape)` to the same, float64."""
        return self._carried(values, self.g, self.f, self.target.mass, self.source.mass)

    def marginals(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The mass that leaves each cell and that arrives there, of the grid's shape."""
        ones = torch.ones_like(self.f)
        return self.apply(ones), self.apply_transposed(ones)

    def barycentric(self) -> torch.Tensor:
        """The mean place where the mass of each cell goes, `(*shape, d)`; where it has none, where it would go."""
        kernel, eps = self._kernel(), self.eps
        places = self.target.positions().movedim(-1, 0)
        weights = self.g / eps + logarithm(self.target.mass)
        moved = kernel(torch.cat([weights[None], weights + logarithm(places)]))
        return torch.exp(moved[1:] - moved[:1]).movedim(0, -1)

    def gradient(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The derivatives of `dual` in the masses of the source and of the target, of the grid's shape, float64.

        They are right also where there is no mass. Where transport is balanced they are given up to a constant, which
        masses of sum 1 do not see: so that their means over the masses are 0. `sinkhorn.divergence` has those of the
        loss without bias.
        """
        problem = self._problem()
        eps, rho, scale = problem.eps, problem.rho, problem.damping * problem.eps
        g = problem.kernel(self.f[None] / eps + logarithm(problem.a))[0].mul_(-scale)
        f = problem.kernel(g[None] / eps + logarithm(problem.b))[0].mul_(-scale)
        price = None if self.reach is None else rho
        a, b = self.source, self.target
        return by_mass(f, a.mass, b.total, eps, price), by_mass(g, b.mass, a.total, eps, price)

    def as_map(self) -> PointMap:
        """The barycentric map of the cells that have mass; elsewhere as at the nearest of them."""
        held = self.source.mass > 0
        return PointMap(self.cost, self.info, self.source.positions()[held], self.barycentric()[held])

    def _problem(self) -> Problem:
        mass = self.source.mass.double()[None], self.target.mass.double()[None]
        return Problem(*mass, self.source.spacing, self.blur, self.kind, self.reach)  # type: ignore[arg-type]

    def _kernel(self) -> GridKernel:
        return self._problem().kernel

    def _carried(
        self, values: torch.Tensor, near: torch.Tensor, far: torch.Tensor, mass: torch.Tensor, other: torch.Tensor
    ) -> torch.Tensor:
        eps = self.eps
        flat = values.double().reshape(-1, *self.f.shape)
        kernel, here, there = self._kernel(), near / eps + logarithm(mass), far / eps + logarithm(other)
        made = torch.exp(here + kernel(there + logarithm(flat.clamp(min=0))))
        if bool((flat < 0).any()):
            made = made - torch.exp(here + kernel(there + logarithm(-flat.clamp(max=0))))
        return made.reshape(values.shape)


def plan_cost(problem: Problem, f: torch.Tensor, g: torch.Tensor) -> list[float]:
    """`sum plan(x, y) c(x, y)` for each problem of a batch, without the plan."""
    eps, kernel, axes = problem.eps, problem.kernel, tuple(range(1, f.ndim))
    left, right = f / eps + logarithm(problem.a), g / eps + logarithm(problem.b)
    if problem.cost == "absolute":
        return _numbers(torch.exp(left + kernel.costs(right)).sum(axes))
    total = torch.zeros(len(f), dtype=torch.float64, device=f.device)
    rows = torch.exp(left + kernel(right))
    cols = torch.exp(right + kernel(left))
    for number, (n, step) in enumerate(zip(f.shape[1:], problem.spacing, strict=True)):
        shape = [n if k == number else 1 for k in range(f.ndim - 1)]
        places = (torch.arange(n, dtype=torch.float64, device=f.device) * step).reshape(shape)
        met = torch.exp(left + kernel(right + logarithm(places)))
        total += (rows * places**2 + cols * places**2).sum(axes) - 2 * (met * places).sum(axes)
    return _numbers(total.clamp(min=0))


def dual_value(problem: Problem, f: torch.Tensor, g: torch.Tensor) -> list[float]:
    """The value of the regularised dual problem for each problem of a batch [peyre2019computational]_."""
    axes = tuple(range(1, f.ndim))
    a, b, eps, rho = problem.a, problem.b, problem.eps, problem.rho
    plan = torch.exp(f / eps + logarithm(a) + problem.kernel(g / eps + logarithm(b))).sum(axes)
    entropy = eps * (plan - a.sum(axes) * b.sum(axes))
    if problem.reach is None:
        return _numbers((a * f).sum(axes) + (b * g).sum(axes) - entropy)
    kept = torch.exp(logarithm(a) - f / rho).sum(axes) + torch.exp(logarithm(b) - g / rho).sum(axes)
    made = rho * (a.sum(axes) + b.sum(axes) - kept)
    return _numbers(made - entropy)


def potentials(
    problem: Problem, f: torch.Tensor, g: torch.Tensor, source: Density, target: Density, info: SolveInfo
) -> GridPotentials:
    """The value of a problem that is the only one of its batch."""
    (cost,), (dual,) = plan_cost(problem, f, g), dual_value(problem, f, g)
    return GridPotentials(cost, info, f[0], g[0], source, target, problem.blur, problem.cost, problem.reach, dual)


def _numbers(values: torch.Tensor) -> list[float]:
    return [float(value) for value in values]
