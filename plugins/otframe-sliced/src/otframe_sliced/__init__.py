"""Sliced optimal transport of point clouds, as an otframe plugin."""

from __future__ import annotations

from otframe.plugin import Entry, hookimpl

__all__ = ["otframe_components"]


@hookimpl
def otframe_components() -> list[Entry]:
    """Distance, map and barycentre."""
    return [
        Entry(
            "sliced.distance",
            "otframe_sliced.distance:SlicedDistance",
            "transform",
            "sliced Wasserstein distance of two clouds, with its standard error",
        ),
        Entry(
            "sliced.transport",
            "otframe_sliced.transport:SlicedTransport",
            "solver",
            "projection flow of one cloud onto another",
        ),
        Entry(
            "sliced.barycenter",
            "otframe_sliced.barycenter:SlicedBarycenter",
            "solver",
            "sliced barycentre of clouds, with exact polishing",
        ),
    ]
