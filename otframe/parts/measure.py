"""`transport.measure`: what there is to say of a transport in numbers."""

from __future__ import annotations

from typing import ClassVar

import torch

from otframe.errors import DataError
from otframe.interfaces import Transform
from otframe.parts.flow import landed, places
from otframe.parts.landing import least_distance
from otframe.values import Coupling, Density, PointCloud, Table, Transport

__all__ = ["Measure"]

_COLUMNS = {
    "cost": "",
    "gap": "",
    "gap (%)": "",
    "duality gap": "",
    "marginal error": "lower",
    "map error": "lower",
    "residual": "",
    "converged": "",
    "iterations": "",
}


class Measure(Transform):
    """The cost of a transport, how far that is from a reference, and how well it keeps to its two clouds, as one row.

    - `cost`: as the solver tells it, in squared units of length;
    - `gap`, `gap (%)`: how much more that is than the reference costs. Below 0 where a bound, such as a Gaussian map's,
      or a map that misses the target costs less;
    - `duality gap`: how much more than a feasible dual pair, which nothing goes under; of solvers that give one;
    - `marginal error`: of a plan, `sum |row sums - a| + sum |column sums - b|`, where the mass of both clouds is 1;
    - `map error`: how far the map, or a plan's barycentric map, leaves the source from the target, in units of length:
      the sliced Wasserstein-2 distance [bonneel2015sliced]_ times the root of the dimension, which is no more than the
      true distance;
    - `residual`, `converged`, `iterations`: as the solver tells them; each has a residual of its own kind.

    A cell is empty where there is nothing to tell.
    """

    references: ClassVar[tuple[str, ...]] = ("bonneel2015sliced",)

    title: str = "Transport"
    """Caption of the table."""

    def __call__(
        self, transport: Transport, source: PointCloud, target: PointCloud, reference: Transport | None = None
    ) -> Table:
        """Measure it.

        Parameters
        ----------
        transport : Transport
            A plan or a map, in the dimension of the clouds.
        source, target : PointCloud
            What it moves, and onto what.
        reference : Transport, optional
            What its cost is compared to: of an exact solver.

        Returns
        -------
        Table
            One row. `DataError` where the transport is of another dimension, or something is not finite.
        """
        if source.dim != target.dim:
            raise DataError(f"the source has dimension {source.dim}, the target {target.dim}")
        (_, a), (y, b) = places(source), places(target)
        gap = None if reference is None else transport.cost - reference.cost
        relative = None if gap is None or reference is None or not reference.cost else 100 * gap / reference.cost
        ends = landed(transport, source)
        if ends.shape[1] != y.shape[1]:
            raise DataError(f"the transport moves points to dimension {ends.shape[1]}, the target has {y.shape[1]}")
        cells = (
            transport.cost,
            gap,
            relative,
            getattr(transport, "gap", None),
            _marginal_error(transport, (source, a), (target, b)) if isinstance(transport, Coupling) else None,
            least_distance(ends, a, y, b),
            transport.info.residual,
            "yes" if transport.info.converged else "no",
            transport.info.iterations,
        )
        return Table(tuple(_COLUMNS), (cells,), self.title, tuple(_COLUMNS.values()))


def _marginal_error(plan: Coupling, *sides: tuple[PointCloud, torch.Tensor]) -> float | None:
    """The error of both marginals in L1; None for a plan between other points."""
    error = 0.0
    for (cloud, wanted), found, name in zip(sides, plan.marginals(), ("source", "target"), strict=True):
        mass = found.detach().to("cpu", torch.float64).reshape(-1)
        if not bool(torch.isfinite(mass).all()):
            raise DataError("the plan's marginals are not finite", port="transport")
        own = getattr(plan, name, None)
        held = torch.ones(len(mass), dtype=torch.bool)
        if isinstance(own, Density):
            held, own = own.mass.detach().cpu().reshape(-1) > 0, own.cloud()
        if not isinstance(own, PointCloud) or not _same(own.points, cloud.points):
            return None
        error += float((mass[held] - wanted).abs().sum() + mass[~held].abs().sum())
    return error


def _same(points: torch.Tensor, others: torch.Tensor) -> bool:
    if points.shape != others.shape:
        return False
    return torch.equal(points.detach().to("cpu", torch.float64), others.detach().to("cpu", torch.float64))
