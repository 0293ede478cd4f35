"""`sinkhorn.points`: entropic transport between two clouds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from pydantic import Field as Parameter
from pydantic import field_validator

from otframe.interfaces import Component, Context, Solver, Transform
from otframe.values import PointCloud, SolveInfo
from otframe_sinkhorn.clouds.costs import PointCost
from otframe_sinkhorn.clouds.custom import Function, held_costs
from otframe_sinkhorn.clouds.pose import Posed, checked, side_of
from otframe_sinkhorn.clouds.potentials import PointPotentials, potentials
from otframe_sinkhorn.clouds.problem import HELD
from otframe_sinkhorn.clouds.solve import solve_points
from otframe_sinkhorn.missed import missed

__all__ = ["SinkhornPoints"]


class SinkhornPoints(Solver):
    r"""Entropic transport between two clouds of points, in any dimension.

    .. math:: \min_\pi \sum c(x, y)\, \pi(x, y) + \varepsilon\, \mathrm{KL}(\pi \mid a \otimes b)

    over the plans with marginals a and b [cuturi2013sinkhorn]_, with `eps = 2 blur^2` for the squared distance and
    `eps = blur` for the others. Iterations run from large blurs and few points to what is asked
    [schmitzer2019stabilized]_, over-relaxed as their rate allows [lehmann2022overrelaxation]_, in float64. Of many
    points no matrix of all pairs is held. With a `reach` mass may be made and destroyed, at a price of `2 reach^2`
    (`reach` for the other costs) times the KL divergence [chizat2018scaling]_.
    """

    references: ClassVar[tuple[str, ...]] = (
        "cuturi2013sinkhorn",
        "schmitzer2019stabilized",
        "lehmann2022overrelaxation",
        "chizat2018scaling",
        "sejourne2022faster",
        "pooladian2021entropic",
        "peyre2019computational",
    )
    promises: ClassVar[tuple[str, ...]] = ("dirac", "symmetry~1e-3", "scaling")

    blur: float = Parameter(default=0.05, gt=0.0)
    """Below this length nothing is told apart; in the unit that `unit` says."""

    unit: Literal["side", "length"] = "side"
    """What lengths are measured in: `side`, the longest side of the box around the points of both clouds; or `length`,
    the units of the points themselves."""

    cost: PointCost = "squared"
    """`squared`: `|x - y|^2`; `absolute`: the sum of `|x_k - y_k|`; `distance`: `|x - y|`."""

    costs: Transform | Callable[..., Any] | None = None
    """Other costs in place of `cost`: a component, or from Python a function, that takes points `(n, d)` and `(m, d)`
    and gives the costs `(n, m)`. All are held, so that there may be no more pairs than `held`; `blur` and `reach` are
    then in units of the cost, whatever the unit: they are eps and the price of a unit of mass."""

    reach: float | None = Parameter(default=None, gt=0.0)
    """Beyond this length mass is rather made and destroyed than moved; nothing is where it is not given."""

    tol: float = Parameter(default=1e-3, gt=0.0, lt=1.0)
    """The error of the second marginal, in L1 and relative to its mass, at which to stop. The first one is exact."""

    iterations: int = Parameter(default=10_000, ge=1)
    """The most iterations with all points."""

    held: int = Parameter(default=HELD, ge=0)
    """Up to so many pairs of points, n m, a matrix of all pairs is held, some 16 bytes each; above, none is."""

    @field_validator("costs", mode="before")
    @classmethod
    def _told(cls, costs: Any) -> Any:
        return Function(costs) if callable(costs) and not isinstance(costs, Component | Function) else costs

    @classmethod
    def examples(cls) -> list[Component]:
        """What the conformance kit runs."""
        return [cls(blur=0.2), cls(blur=0.2, reach=0.5, cost="absolute"), cls(blur=0.2, held=0, cost="distance")]

    def solve(self, source: PointCloud, target: PointCloud, *, ctx: Context) -> PointPotentials:
        """Find the potentials.

        Parameters
        ----------
        source, target : PointCloud
            n and m points in one dimension, any weights that are not negative. Without a reach, both are brought to
            sum 1; with one, weights count as they are.

        Returns
        -------
        PointPotentials
            `cost` is that of the plan, `dual` the value of the regularised problem.

        Raises
        ------
        DataError
            The dimensions differ, points or weights are not finite, or a cloud has no mass.
        ConvergenceError
            The iterations were used up; its `state` holds what was reached.
        """
        source, target = checked(source, target, self.reach is None)
        costs = None if self.costs is None else held_costs(self.costs, source, target, self.held)
        unit = side_of(source, target) if self.unit == "side" and costs is None else 1.0
        blur, reach = self.blur * unit, None if self.reach is None else self.reach * unit
        posed = Posed(source, target, blur, self.cost if costs is None else "custom", reach, costs, self.held)
        found = solve_points(posed.problem, self.tol, self.iterations, ctx.progress)
        info = SolveInfo(found.iterations[0], found.residuals[0] < self.tol, found.residuals[0])
        made = potentials(posed, found.f, found.g, info)
        if not made.info.converged:
            raise missed(made.info, self.tol).reached(made)
        return made
