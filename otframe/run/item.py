"""One item of a pass: compute what its sinks need, drop each value after its last reader, write the results."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from otframe.errors import CancelledError, OtframeError
from otframe.graph import Graph, Node, Ref
from otframe.io.source import Source
from otframe.run.call import Caller
from otframe.run.plan import Pass, item_reads

__all__ = ["ItemResult", "PassWork", "Write", "compute_item", "run_item"]

Write = Callable[[Any, Path], tuple[Path, tuple[str, ...]]]


@dataclass
class PassWork:
    """Everything the items of a pass have in common.

    Parameters
    ----------
    constants : mapping
        Single values that are read on the way.
    whole : mapping
        For each node, its ports that take a stream whole, with what they get.
    paths : mapping
        For each output that is written: the path for each key.
    kept : dict
        Values of nodes marked `keep`, by node and key.
    """

    graph: Graph
    plan: Pass
    sources: Mapping[str, Source]
    constants: Mapping[Ref, Any]
    whole: Mapping[str, Mapping[str, Any]]
    paths: Mapping[str, Mapping[str, Path]]
    caller: Caller
    write: Write
    kept: dict[tuple[str, str], Any] = field(default_factory=dict)


@dataclass
class ItemResult:
    """What one item gave: folded states, gathered and collected values, files, and what failed."""

    key: str
    states: dict[str, Any] = field(default_factory=dict)
    values: dict[Ref, Any] = field(default_factory=dict)
    written: list[tuple[str, Path, tuple[str, ...]]] = field(default_factory=list)
    failed: dict[str, OtframeError] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def errors(self) -> list[OtframeError]:
        """Each failure once, though several nodes may depend on it."""
        return list({id(error): error for error in self.failed.values()}.values())


def run_item(work: PassWork, key: str) -> ItemResult:
    """Compute one item for all sinks of the pass. Failures are recorded, and only what depends on them is left out."""
    result = ItemResult(key)
    graph, plan = work.graph, work.plan
    left = Counter(ref.node for name in plan.nodes for ref in item_reads(graph, name))
    left.update(ref.node for sink in plan.sinks for ref in sink.inputs(graph))
    values: dict[str, Any] = {}

    def lookup(ref: Ref) -> Any:
        return _field(values[ref.node], ref) if ref.node in values else work.constants[ref]

    def release(reads: tuple[Ref, ...]) -> None:
        for ref in reads:
            left[ref.node] -= 1
            if left[ref.node] <= 0:
                values.pop(ref.node, None)

    for name in plan.nodes:
        reads = item_reads(graph, name)
        cause = next((result.failed[ref.node] for ref in reads if ref.node in result.failed), None)
        if cause is None:
            start = time.perf_counter()
            try:
                values[name] = _value(work, graph.nodes[name], key, lookup)
            except CancelledError:
                raise
            except OtframeError as error:
                cause = error
            result.seconds[name] = time.perf_counter() - start
        if cause is not None:
            result.failed[name] = cause
        release(reads)
    for number, sink in enumerate(plan.sinks):
        reads = sink.inputs(graph)
        cause = next((result.failed[ref.node] for ref in reads if ref.node in result.failed), None)
        if cause is None:
            start = time.perf_counter()
            try:
                if sink.kind == "reduce":
                    node = graph.nodes[sink.node]
                    result.states[sink.node] = work.caller.lift(node, key, lookup, work.whole.get(sink.node, {}))
                elif sink.output is not None and sink.output.name in work.paths:
                    path, notes = work.write(lookup(sink.ref), work.paths[sink.output.name][key])
                    result.written.append((sink.output.name, path, notes))
                else:
                    result.values[sink.ref] = lookup(sink.ref)
            except CancelledError:
                raise
            except OtframeError as error:
                cause = error.at(node=sink.output.name if sink.output else sink.node, key=key)
            spent = time.perf_counter() - start
            label = sink.node if sink.kind == "reduce" else "write" if sink.output else ""
            if label:
                result.seconds[label] = result.seconds.get(label, 0.0) + spent
        if cause is not None:
            result.failed[f"{sink.kind}:{number}:{sink.node}"] = cause
        release(reads)
    return result


def compute_item(work: PassWork, node: str, key: str) -> Any:
    """One node's value for one item, for lazy views: raises what fails."""
    values: dict[str, Any] = {}

    def lookup(ref: Ref) -> Any:
        return _field(values[ref.node], ref) if ref.node in values else work.constants[ref]

    for name in work.plan.nodes:
        values[name] = _value(work, work.graph.nodes[name], key, lookup)
    return values[node]


def _value(work: PassWork, node: Node, key: str, lookup: Callable[[Ref], Any]) -> Any:
    if node.arrow == "input":
        try:
            return work.sources[node.id].load(key)
        except OtframeError as error:
            raise error.at(node=node.id, key=key) from error.__cause__
    kept = (node.id, key)
    if kept in work.kept:
        return work.kept[kept]
    value = work.caller.call(node, key, lookup, work.whole.get(node.id, {}))
    if "keep" in node.options:
        work.kept[kept] = value
    return value


def _field(value: Any, ref: Ref) -> Any:
    return getattr(value, ref.field) if ref.field else value
