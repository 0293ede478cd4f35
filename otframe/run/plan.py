"""`Plan`: which streams are walked when. A pass walks the keys of one stream once; all that can share a walk does.

What folds or gathers a stream is a *sink*, and so is an output that is a stream. A sink's rank counts the folds that
must be finished before it. Sinks whose result is not awaited by another are moved to a later walk of the same keys, so
that what they have in common with it is computed once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from otframe.graph import Graph, Output, Ref, refs
from otframe.run.reads import closure, computed, folds, gathered_refs, gathering, item_reads, once_reads

__all__ = ["Pass", "Plan", "Sink", "make_plan"]


@dataclass(frozen=True)
class Sink:
    """Where the items of a stream end: a node that folds them, a gathered list, or an output."""

    kind: Literal["reduce", "gather", "output"]
    node: str
    ref: Ref
    output: Output | None = None

    def inputs(self, graph: Graph) -> tuple[Ref, ...]:
        """The values it reads of each item, and the single values beside them."""
        return item_reads(graph, self.node) if self.kind == "reduce" else (self.ref,)


@dataclass(frozen=True)
class Pass:
    """One walk over the keys of a stream.

    Parameters
    ----------
    origin : str
        The input whose keys are walked.
    nodes : tuple of str
        What is computed for each item, every node after those it reads.
    once : frozenset of Ref
        What is read on the way and is the same for all items: single values, and streams gathered earlier.
    """

    rank: int
    origin: str
    sinks: tuple[Sink, ...]
    nodes: tuple[str, ...]
    once: frozenset[Ref]

    @property
    def label(self) -> str:
        """What the walk is for, for people."""
        return ", ".join(dict.fromkeys(s.output.name if s.output else s.node for s in self.sinks))


@dataclass(frozen=True)
class Plan:
    """The passes in order, and the key set that each streaming input belongs to."""

    passes: tuple[Pass, ...]
    classes: Mapping[str, str]


def make_plan(graph: Graph, classes: Mapping[str, str] | None = None) -> Plan:
    """Cut a graph into passes. `classes` are its key sets, where they are known already."""
    classes = graph.classes() if classes is None else classes
    needed = computed(graph)
    values = _ranks(graph)
    sinks = _sinks(graph, needed)

    def earliest(sink: Sink) -> int:
        return values[sink.node] - 1 if sink.kind == "reduce" else values[sink.ref.node]

    def origin(sink: Sink) -> str:
        node = graph.nodes[sink.node if sink.kind == "reduce" else sink.ref.node]
        return classes[min(graph.item_origins(node) if sink.kind == "reduce" else node.origins)]

    walks = {(origin(sink), earliest(sink)) for sink in sinks}
    above = {sink: _above(graph, sink) for sink in sinks}
    placed: dict[Sink, int] = {}
    for sink in sorted(sinks, key=earliest, reverse=True):
        readers = _readers(graph, sink)
        latest = min(
            (placed[other] - 1 for other in placed if readers & above[other]), default=max(values.values()) + 1
        )
        placed[sink] = max(rank for o, rank in walks if o == origin(sink) and earliest(sink) <= rank <= latest)
    passes = []
    for rank, start in sorted({(placed[sink], origin(sink)) for sink in sinks}):
        members = tuple(sink for sink in sinks if placed[sink] == rank and origin(sink) == start)
        passes.append(_pass(graph, rank, start, members))
    return Plan(tuple(passes), classes)


def _ranks(graph: Graph) -> dict[str, int]:
    """For each node the number of folds that must be finished before its value can be had."""
    ranks: dict[str, int] = {}
    for name, node in graph.nodes.items():
        rank = ranks[node.model.node] if node.model else 0
        for port, wire in node.wires.items():
            lazy = node.signature is not None and (p := node.signature.port(port)) is not None and p.gather == "stream"
            for ref in refs(wire):
                gathered = port in node.whole and not lazy and graph.nodes[ref.node].streams
                rank = max(rank, ranks[ref.node] + gathered)
        ranks[name] = rank + folds(graph, name)
    return ranks


def _sinks(graph: Graph, needed: frozenset[str]) -> list[Sink]:
    found: dict[Sink, None] = {}
    for name in (name for name in graph.nodes if name in needed):
        if folds(graph, name):
            found[Sink("reduce", name, Ref(name))] = None
        for ref in gathered_refs(graph, name):
            found[Sink("gather", ref.node, ref)] = None
    for output in graph.outputs:
        if output.origins:
            found[Sink("output", output.source.node, output.source, output)] = None
    return list(found)


def _readers(graph: Graph, sink: Sink) -> set[str]:
    """The nodes that cannot be computed before a sink is done."""
    if sink.kind == "output":
        return set()
    if sink.kind == "reduce":
        return {sink.node}
    return set(gathering(graph, sink.ref))


def _above(graph: Graph, sink: Sink) -> set[str]:
    """All nodes that a sink's walk depends on."""
    found: set[str] = set()
    open_ids = [ref.node for ref in (graph.nodes[sink.node].reads() if sink.kind == "reduce" else (sink.ref,))]
    if sink.kind == "reduce" and gathered_refs(graph, sink.node):
        found.add(sink.node)
    while open_ids:
        name = open_ids.pop()
        if name not in found:
            found.add(name)
            open_ids.extend(ref.node for ref in graph.nodes[name].reads())
    return found


def _pass(graph: Graph, rank: int, origin: str, sinks: tuple[Sink, ...]) -> Pass:
    items, once = closure(graph, [ref for sink in sinks for ref in sink.inputs(graph)])
    taken = (once_reads(graph, sink.node) for sink in sinks if sink.kind == "reduce")
    return Pass(rank, origin, sinks, items, once.union(*taken))
