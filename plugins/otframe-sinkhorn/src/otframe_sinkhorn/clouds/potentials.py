"""`PointPotentials`: an entropic plan between clouds, by its potentials; and a map of any point."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch

from otframe.errors import DataError
from otframe.values import Coupling, PointCloud, PointMap, SolveInfo
from otframe_sinkhorn.clouds.map import entropic_map
from otframe_sinkhorn.clouds.pose import Posed, masses
from otframe_sinkhorn.clouds.values import dual_value, plan_cost
from otframe_sinkhorn.derivatives import by_mass
from otframe_sinkhorn.logarithms import logarithm

__all__ = ["PointPotentials", "potentials"]


@dataclass(frozen=True, eq=False)
class PointPotentials(Coupling):
    r"""The plan `exp((f(x) + g(y) - c(x, y)) / eps) a(x) b(y)` [peyre2019computational]_, which is not formed.

    Its means are a map of every point, of the source or not: the entropic map [pooladian2021entropic]_

    .. math:: T(x) = \frac{\sum_y y \, e^{(g(y) - c(x, y)) / \varepsilon}\, b(y)}
                          {\sum_y e^{(g(y) - c(x, y)) / \varepsilon}\, b(y)}

    Called on points, it moves them by it, and gradients pass. At the source's points it is the barycentric map.

    Parameters
    ----------
    cost : float
        `sum plan(x, y) c(x, y)`: the squared distance for the squared cost.
    info : SolveInfo
        `residual` is the error of the second marginal in L1, relative to its mass; the first is exact to rounding.
    f, g : torch.Tensor
        Potentials, shapes `(n,)` and `(m,)`, float64, in units of the cost.
    source, target : PointCloud
        The clouds, with weights; of sum 1 where the transport is balanced.
    blur : float
        In the units of the points; of the costs, where they are given.
    kind : str
        The cost, `squared`, `absolute`, `distance`, or `custom`.
    reach : float, optional
        Where mass may be made or destroyed.
    dual : float
        The value of the regularised problem: `cost + eps KL(plan | a b)` at convergence, and the price of mass that was
        made or destroyed.
    costs : torch.Tensor, optional
        Shape `(n, m)`: what a pair costs, where the cost is a custom one.
    """

    f: torch.Tensor
    g: torch.Tensor
    source: PointCloud
    target: PointCloud
    blur: float
    kind: str
    reach: float | None
    dual: float
    costs: torch.Tensor | None = None

    @property
    def eps(self) -> float:
        """Regularisation in units of the cost."""
        return self._posed.problem.eps * self._posed.unit

    def apply(self, values: torch.Tensor) -> torch.Tensor:
        """`sum_y plan(x, y) values(y)`, `(..., m)` to `(..., n)`, float64."""
        return self._carried(values, across=False)

    def apply_transposed(self, values: torch.Tensor) -> torch.Tensor:
        """`sum_x plan(x, y) values(x)`, `(..., n)` to `(..., m)`, float64."""
        return self._carried(values, across=True)

    def marginals(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The mass that leaves each source point, `(n,)`, and that arrives at each target point, `(m,)`."""
        return self._marginal(across=False), self._marginal(across=True)

    def barycentric(self) -> torch.Tensor:
        """The mean place where the mass of each source point goes, `(n, d)`, float64; where it has none, would go."""
        kernel, places = self._posed.problem.kernels[0], self._posed.problem.y[0]
        return self._posed.outside(kernel.means(self._exponents(across=False), places, across=False))

    def gradient(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The derivatives of `dual` in the weights of the source, `(n,)`, and of the target, `(m,)`, float64.

        They are right also where there is no weight. Where transport is balanced they are given up to a constant, which
        weights of sum 1 do not see: so that their means over the weights are 0.
        """
        problem, unit = self._posed.problem, self._posed.unit
        kernel, scale = problem.kernels[0], problem.damping * self.eps
        a, b = masses(self.source), masses(self.target)
        g = kernel.to_target(self._exponents(across=True)).mul_(-scale)
        f = kernel.to_source(g / self.eps + logarithm(b)).mul_(-scale)
        price = None if self.reach is None else problem.rho * unit
        return (
            by_mass(f, a, float(b.sum()), self.eps, price),
            by_mass(g, b, float(a.sum()), self.eps, price),
        )

    def as_map(self) -> PointMap:
        """The barycentric map of the source's points that have mass; elsewhere as at the nearest of them."""
        held = masses(self.source) > 0
        points = self.source.points[held]
        return PointMap(self.cost, self.info, points, self.barycentric()[held].to(points))

    def displace(self, points: torch.Tensor, t: float) -> torch.Tensor:
        """The points `(n, d)` at time t of the entropic map's displacement: `x + t (T(x) - x)`.

        Gradients pass. Custom costs are known at the source's points alone: others move as the nearest of these.
        """
        if points.ndim != 2 or points.shape[1] != self.source.dim:
            raise DataError(f"the map moves points of shape (n, {self.source.dim}), got {tuple(points.shape)}")
        if self.costs is not None:
            return self.as_map().displace(points, t)
        moved = entropic_map(self._posed, self._exponents(across=False), points)
        return moved if t == 1 else torch.lerp(points, moved, t)

    @cached_property
    def _posed(self) -> Posed:
        return Posed(self.source, self.target, self.blur, self.kind, self.reach, self.costs)

    def _exponents(self, across: bool) -> torch.Tensor:
        """Those of the far side, `(m,)`, or `(n,)` where it goes across."""
        potential, cloud = (self.f, self.source) if across else (self.g, self.target)
        return potential / self.eps + logarithm(masses(cloud))

    def _marginal(self, across: bool) -> torch.Tensor:
        kernel, far = self._posed.problem.kernels[0], self._exponents(across)
        met = kernel.to_target(far) if across else kernel.to_source(far)
        return torch.exp(self._exponents(not across) + met)

    def _carried(self, values: torch.Tensor, across: bool) -> torch.Tensor:
        far = self.source if across else self.target
        if values.shape[-1:] != (far.count,):
            raise DataError(f"a function of {far.count} points has shape (..., {far.count}), got {tuple(values.shape)}")
        flat = values.double().reshape(-1, far.count).T
        made = self._posed.problem.kernels[0].means(self._exponents(across), flat, across)
        return (made * self._marginal(across)[:, None]).T.reshape(*values.shape[:-1], len(made))


def potentials(posed: Posed, f: torch.Tensor, g: torch.Tensor, info: SolveInfo) -> PointPotentials:
    """The value of potentials `(1, n)` and `(1, m)` of a posed problem, which are in its units."""
    (cost,), (dual,) = plan_cost(posed.problem, f, g), dual_value(posed.problem, f, g)
    unit, given = posed.unit, (posed.source, posed.target, posed.blur, posed.kind, posed.reach)
    return PointPotentials(cost * unit, info, f[0] * unit, g[0] * unit, *given, dual * unit, posed.costs)
