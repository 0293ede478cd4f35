"""Entropic optimal transport, as an otframe plugin."""

from __future__ import annotations

from otframe.plugin import Entry, hookimpl

__all__ = ["otframe_components", "otframe_values"]


@hookimpl
def otframe_components() -> list[Entry]:
    """Solvers on grids."""
    return [
        Entry(
            "sinkhorn.grid",
            "otframe_sinkhorn.grid:SinkhornGrid",
            "solver",
            "entropic transport between densities on a grid",
        ),
    ]


@hookimpl
def otframe_values() -> list[Entry]:
    """What the solvers give."""
    return [
        Entry("GridPotentials", "otframe_sinkhorn.potentials:GridPotentials", "value", "an entropic plan on a grid"),
    ]
