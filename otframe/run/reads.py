"""What nodes read: item by item, as single values, and as streams taken whole."""

from __future__ import annotations

from collections.abc import Iterable

from otframe.graph import Graph, Ref, refs

__all__ = ["closure", "computed", "folds", "gathered_refs", "gathering", "item_reads", "once_reads"]


def computed(graph: Graph) -> frozenset[str]:
    """The nodes that some output is made of. What an output is merely shown beside is none of them."""
    return graph.needed(shown=False)


def folds(graph: Graph, name: str) -> bool:
    """Whether a node folds a stream; an accumulator of a single value is called like any other node."""
    node = graph.nodes[name]
    return node.arrow == "reduce" and bool(graph.item_origins(node))


def item_reads(graph: Graph, name: str) -> tuple[Ref, ...]:
    """What a node reads apart from streams taken whole."""
    node = graph.nodes[name]
    found = [ref for port, wire in node.wires.items() if port not in node.whole for ref in refs(wire)]
    return (*found, node.model) if node.model is not None else tuple(found)


def gathered_refs(graph: Graph, name: str) -> list[Ref]:
    """The streams that a node wants as a list or a mapping."""
    node = graph.nodes[name]
    found = []
    for port in node.whole:
        spec = node.signature.port(port) if node.signature else None
        wire = node.wires[port]
        if spec and spec.gather != "stream" and isinstance(wire, Ref) and graph.nodes[wire.node].streams:
            found.append(wire)
    return found


def gathering(graph: Graph, ref: Ref) -> list[str]:
    """The nodes that gather a stream."""
    return [name for name in graph.nodes if ref in gathered_refs(graph, name)]


def once_reads(graph: Graph, name: str) -> frozenset[Ref]:
    """What must be there before a node is called, however often: single values, and the lists it gathers.

    A lazy view needs what its items need.
    """
    gathered = gathered_refs(graph, name)
    open_refs = [ref for ref in graph.nodes[name].reads() if ref not in gathered]
    return closure(graph, open_refs)[1] | frozenset(gathered)


def closure(graph: Graph, ends: Iterable[Ref]) -> tuple[tuple[str, ...], frozenset[Ref]]:
    """The item nodes behind some values, in order, and all that they need once: single values and gathered lists."""
    items: set[str] = set()
    once: set[Ref] = set()
    open_refs = list(ends)
    while open_refs:
        ref = open_refs.pop()
        if not graph.nodes[ref.node].streams:
            once.add(ref)
        elif ref.node not in items:
            items.add(ref.node)
            reads = item_reads(graph, ref.node)
            open_refs.extend(reads)
            if graph.nodes[ref.node].whole:
                once |= once_reads(graph, ref.node)
    return tuple(name for name in graph.nodes if name in items), frozenset(once)
