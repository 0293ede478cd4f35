"""The barycentre of densities on one grid, as `sinkhorn.barycenter` gives it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from otframe.errors import DataError
from otframe.values import Density, SolveInfo
from otframe_sinkhorn.barycenters.iteration import BarycenterProblem
from otframe_sinkhorn.barycenters.solve import solve_barycenter
from otframe_sinkhorn.barycenters.value import GridBarycenter
from otframe_sinkhorn.grids.kernel import Cost

__all__ = ["SMALLEST", "grid_barycenter"]

SMALLEST = 1e-6
"""The least blur as a part of the longest side: below it potentials have no digits left."""


def grid_barycenter(
    densities: Sequence[tuple[float, Density]],
    blur: float,
    cost: Cost,
    debiased: bool,
    tol: float,
    iterations: int,
    tell: Callable[[float], None],
) -> GridBarycenter:
    """The barycentre of densities with weights of sum 1; `blur` is in units of the grid's spacing.

    Whether it converged is said by its `info`. `DataError` where the grids differ, or the blur is under 1e-6 of the
    longest side.
    """
    first = densities[0][1]
    for _, other in densities:
        if other.shape != first.shape or other.spacing != first.spacing:
            raise DataError(
                f"wanted densities on one grid, got {first.shape} with spacing {first.spacing} and {other.shape} with "
                f"spacing {other.spacing}",
                hint="resample them, or take the barycentre of their clouds (`density.cloud`)",
            )
    if blur < SMALLEST * first.side:
        raise DataError(
            f"wanted a blur of at least {SMALLEST:g} of the longest side, got {blur / first.side:.3g}",
            hint="a blur of a tenth of a cell (`unit: cell`) is as sharp as the grid",
        )
    counted = [(weight, _measured(density, first.mass.device)) for weight, density in densities if weight > 0.0]
    masses = torch.stack([mass for _, mass in counted])
    if debiased and bool((masses == masses[:1]).all()):
        # the divergence is zero between equal measures alone
        return GridBarycenter(masses[0], first.spacing, SolveInfo())
    weights = torch.tensor([weight for weight, _ in counted], dtype=torch.float64).to(masses.device)
    problem = BarycenterProblem(masses, weights, first.spacing, blur, cost, debiased)
    found = solve_barycenter(problem, tol, iterations, tell)
    info = SolveInfo(found.iterations, found.residual < tol, found.residual)
    return GridBarycenter(found.mass, first.spacing, info)


def _measured(density: Density, device: torch.device) -> torch.Tensor:
    """The masses as they are transported: float64, of sum 1."""
    mass = density.mass.to(device).double()
    mass = mass / mass.max()
    return mass / mass.sum()
