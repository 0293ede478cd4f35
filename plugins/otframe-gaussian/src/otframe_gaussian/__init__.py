"""Optimal transport of Gaussian laws, as an otframe plugin."""

from __future__ import annotations

from otframe.plugin import Entry, hookimpl

__all__ = ["otframe_components", "otframe_values"]


@hookimpl
def otframe_components() -> list[Entry]:
    """Statistics, map and barycentre."""
    return [
        Entry(
            "gaussian.statistics",
            "otframe_gaussian.statistics:Statistics",
            "accumulator",
            "mean and covariance of patches or points",
        ),
        Entry(
            "gaussian.transport",
            "otframe_gaussian.transport:GaussianTransport",
            "solver",
            "optimal affine map between two Gaussian laws",
        ),
        Entry(
            "gaussian.barycenter",
            "otframe_gaussian.barycenter:GaussianBarycenter",
            "solver",
            "Wasserstein barycentre of Gaussian laws",
        ),
    ]


@hookimpl
def otframe_values() -> list[Entry]:
    """The state of the statistics, which crosses processes."""
    return [
        Entry("SampleMoments", "otframe_gaussian.state:SampleMoments", "value", "count, mean and scatter of samples"),
    ]
