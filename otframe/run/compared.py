"""What a `matrix` compares: where a swept parameter names nodes, these are measured, and a table tells of it."""

from __future__ import annotations

from collections.abc import Mapping

from otframe.graph import Graph

__all__ = ["Compared", "compared", "compared_in"]

Compared = tuple[tuple[str, ...], Mapping[tuple[str, ...], str]]
"""Axes of a table, and for each of their settings, as texts, the node that is computed."""

_STACK = "table.stack"


def compared(graph: Graph) -> frozenset[str]:
    """The nodes that the rows of stacked tables are named by."""
    found = (compared_in(graph, output.name) for output in graph.outputs)
    return frozenset(node for axes in found if axes is not None for node in axes[1].values())


def compared_in(graph: Graph, output: str) -> Compared | None:
    """Of a table output one of whose axes goes over nodes: all axes, and for each setting the node that is computed.

    None where no axis does. Where other axes vary what these nodes do, each setting has a copy of its own.
    """
    source = next((found.source.node for found in graph.outputs if found.name == output), "")
    node = graph.nodes.get(source)
    if node is None or node.use != _STACK:
        return None
    axes, values = (getattr(node.component, name, ()) for name in ("axes", "values"))
    for number in range(len(axes)):
        names = [_computed(graph, row[number], copy) for copy, row in enumerate(values)]
        if names and all(names):
            return tuple(axes), {tuple(map(str, row)): name for row, name in zip(values, names, strict=True)}
    return None


def _computed(graph: Graph, value: object, copy: int) -> str:
    """The node that a setting names: its copy where it varies; empty where it is none that is called once."""
    if not isinstance(value, str):
        return ""
    found = (graph.aliases.get(name, name) for name in (f"{value}__{copy}", value))
    return next((name for name in found if name in graph.nodes and graph.nodes[name].arrow == "once"), "")
