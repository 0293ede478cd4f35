"""What a `matrix` compares: where a swept parameter names nodes, these are measured, and a table tells of it."""

from __future__ import annotations

from otframe.graph import Graph

__all__ = ["compared", "compared_in"]

_STACK = "table.stack"


def compared(graph: Graph) -> frozenset[str]:
    """The nodes that the rows of stacked tables are named by."""
    found = (compared_in(graph, output.name) for output in graph.outputs)
    return frozenset(node for axis in found if axis is not None for node in axis[1].values())


def compared_in(graph: Graph, output: str) -> tuple[str, dict[str, str]] | None:
    """Of a table output whose axis goes over nodes: the axis, and for each of its values the node that is computed.

    None where no axis does.
    """
    source = next((found.source.node for found in graph.outputs if found.name == output), "")
    node = graph.nodes.get(source)
    if node is None or node.use != _STACK:
        return None
    axes, values = (getattr(node.component, name, ()) for name in ("axes", "values"))
    for number, axis in enumerate(axes):
        names = {row[number]: graph.aliases.get(row[number], row[number]) for row in values if _is_name(row[number])}
        computed = all(name in graph.nodes and graph.nodes[name].arrow == "once" for name in names.values())
        if names and computed and len(names) == len({row[number] for row in values}):
            return axis, names
    return None


def _is_name(value: object) -> bool:
    return isinstance(value, str)
