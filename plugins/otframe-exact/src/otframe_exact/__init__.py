"""Exact optimal transport between weighted points, as an otframe plugin."""

from __future__ import annotations

from otframe.plugin import Entry, hookimpl

__all__ = ["otframe_components"]


@hookimpl
def otframe_components() -> list[Entry]:
    """Four solvers that give a plan: on a line or circle, as a permutation, by the network simplex, approximately."""
    return [
        Entry("exact.line", "otframe_exact.line:LineTransport", "solver", "exact transport on a line or a circle"),
        Entry(
            "exact.assignment",
            "otframe_exact.assignment:Assignment",
            "solver",
            "exact permutation between as many points of equal weight",
        ),
        Entry(
            "exact.network",
            "otframe_exact.network:NetworkTransport",
            "solver",
            "exact transport between weighted points, by the network simplex",
        ),
        Entry(
            "exact.approximate",
            "otframe_exact.approximate:ApproximateTransport",
            "solver",
            "quick plan between many points, with a bound of what it costs too much",
        ),
    ]
