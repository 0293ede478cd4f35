"""`sinkhorn.grid`: entropic transport between two densities on one grid."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Context, Solver
from otframe.values import Density, SolveInfo
from otframe_sinkhorn.grids.kernel import Cost
from otframe_sinkhorn.grids.potentials import GridPotentials, potentials
from otframe_sinkhorn.grids.solve import Problem, solve
from otframe_sinkhorn.missed import missed

__all__ = ["SinkhornGrid", "grid_problem"]


class SinkhornGrid(Solver):
    r"""Entropic transport between two densities on one grid.

    .. math:: \min_\pi \sum c(x, y)\, \pi(x, y) + \varepsilon\, \mathrm{KL}(\pi \mid a \otimes b)

    over the plans with marginals a and b [cuturi2013sinkhorn]_, with `eps = 2 blur^2` for the squared distance and
    `eps = blur` for the absolute one. Iterations run from coarse to fine, in the logarithmic domain, without a kernel
    of all pairs [solomon2015convolutional]_, over-relaxed as their rate allows [lehmann2022overrelaxation]_, in
    float64. With a `reach` mass may be made and destroyed, at a price of `2 reach^2` (`reach` for the absolute cost)
    times the KL divergence [chizat2018scaling]_.
    """

    references: ClassVar[tuple[str, ...]] = (
        "cuturi2013sinkhorn",
        "solomon2015convolutional",
        "lehmann2022overrelaxation",
        "chizat2018scaling",
        "sejourne2022faster",
        "peyre2019computational",
    )

    blur: float = Parameter(default=0.01, gt=0.0)
    """Below this length nothing is told apart; in the unit that `unit` says."""

    unit: Literal["side", "cell", "length"] = "side"
    """What lengths are measured in: the longest side of the grid, the distance of neighbours, or the grid's spacing."""

    cost: Cost = "squared"
    """`squared`: `|x - y|^2`; `absolute`: the sum of `|x_k - y_k|` over the axes."""

    reach: float | None = Parameter(default=None, gt=0.0)
    """Beyond this length mass is rather made and destroyed than moved; nothing is where it is not given."""

    tol: float = Parameter(default=1e-3, gt=0.0, lt=1.0)
    """The error of the second marginal, in L1 and relative to its mass, at which to stop. The first one is exact."""

    iterations: int = Parameter(default=10_000, ge=1)
    """The most iterations on the finest grid."""

    def solve(self, source: Density, target: Density, *, ctx: Context) -> GridPotentials:
        """Find the potentials.

        Parameters
        ----------
        source, target : Density
            On one grid. Without a reach, both are brought to sum 1.

        Returns
        -------
        GridPotentials
            `cost` is that of the plan, `dual` the value of the regularised problem.

        Raises
        ------
        DataError
            The grids differ.
        ConvergenceError
            The iterations were used up; its `state` holds what was reached.
        """
        source, target = (self._measured(density) for density in (source, target))
        problem = grid_problem(source, target, self.blur, self.unit, self.cost, self.reach)
        found = solve(problem, self.tol, self.iterations, ctx.progress)
        info = SolveInfo(found.iterations[0], found.residuals[0] < self.tol, found.residuals[0])
        made = potentials(problem, found.f, found.g, source, target, info)
        if not info.converged:
            raise missed(info, self.tol).reached(made)
        return made

    def _measured(self, density: Density) -> Density:
        """The density as it is transported: of sum 1, unless there is a reach."""
        mass = density.mass.double()
        return density.with_mass(mass if self.reach is not None else mass / mass.sum())


def grid_problem(
    source: Density,
    target: Density,
    blur: float,
    unit: Literal["side", "cell", "length"],
    cost: Cost,
    reach: float | None,
) -> Problem:
    """The problem between two densities, its lengths in units of the spacing; `DataError` where the grids differ."""
    if source.shape != target.shape or source.spacing != target.spacing:
        raise DataError(
            f"wanted two densities on one grid, got {source.shape} with spacing {source.spacing} and "
            f"{target.shape} with spacing {target.spacing}",
            hint="resample one of them, or use `sinkhorn.points` on their clouds",
        )
    length = {"side": source.side, "cell": max(source.spacing), "length": 1.0}[unit]
    masses = source.mass.double()[None], target.mass.double().to(source.mass.device)[None]
    return Problem(*masses, source.spacing, blur * length, cost, None if reach is None else reach * length)
