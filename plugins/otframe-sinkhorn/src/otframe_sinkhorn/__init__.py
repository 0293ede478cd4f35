"""Entropic optimal transport, as an otframe plugin."""

from __future__ import annotations

from otframe.plugin import Entry, hookimpl

__all__ = ["otframe_components", "otframe_samples", "otframe_values"]


@hookimpl
def otframe_components() -> list[Entry]:
    """Solvers on grids and between points."""
    return [
        Entry(
            "sinkhorn.grid",
            "otframe_sinkhorn.grid:SinkhornGrid",
            "solver",
            "entropic transport between densities on a grid",
        ),
        Entry(
            "sinkhorn.points",
            "otframe_sinkhorn.points:SinkhornPoints",
            "solver",
            "entropic transport between weighted points, many or few",
        ),
        Entry(
            "sinkhorn.divergence",
            "otframe_sinkhorn.divergence:SinkhornDivergence",
            "transform",
            "debiased entropic loss between densities or clouds, with exact gradients",
        ),
        Entry(
            "sinkhorn.barycenter",
            "otframe_sinkhorn.barycenter:SinkhornBarycenter",
            "solver",
            "entropic barycentre of densities or clouds, plain or debiased",
        ),
    ]


@hookimpl
def otframe_values() -> list[Entry]:
    """What the solvers give."""
    return [
        Entry(
            "GridPotentials", "otframe_sinkhorn.grids.potentials:GridPotentials", "value", "an entropic plan on a grid"
        ),
        Entry(
            "PointPotentials",
            "otframe_sinkhorn.clouds.potentials:PointPotentials",
            "value",
            "an entropic plan between clouds",
        ),
        Entry(
            "GridBarycenter",
            "otframe_sinkhorn.barycenters.value:GridBarycenter",
            "value",
            "a barycentre of densities on a grid",
        ),
        Entry(
            "CloudBarycenter",
            "otframe_sinkhorn.barycenters.value:CloudBarycenter",
            "value",
            "a barycentre of clouds",
        ),
    ]


@hookimpl
def otframe_samples() -> list[Entry]:
    """Small examples of the values, for the conformance kit."""
    return [
        Entry("PointPotentials", "otframe_sinkhorn.clouds.samples:point_potentials", "sample", "a plan between clouds"),
    ]
