"""One item of a pass: compute what its sinks need, drop each value after its last reader, write the results."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from otframe.errors import CancelledError, OtframeError
from otframe.graph import Graph, Ref
from otframe.io.source import Source
from otframe.run.call import Caller, guarded
from otframe.run.plan import Pass, Sink
from otframe.run.reads import item_reads
from otframe.store import Shelf, rebuilt

__all__ = ["ItemResult", "PassWork", "Write", "compute_item", "run_item"]

Write = Callable[[Any, Path], tuple[Path, tuple[str, ...], tuple[str, ...]]]
"""Gives the path, notes, and the digest of each file."""


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
        Values of nodes marked `keep: memory`, by node and key.
    shelf : Shelf, optional
        Values of nodes marked `keep: disk`.
    done : mapping
        For each output the keys whose files are there already.
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
    shelf: Shelf | None = None
    done: Mapping[str, frozenset[str]] = field(default_factory=dict)
    reads: Mapping[str, tuple[Ref, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self.reads = {name: item_reads(self.graph, name) for name in self.plan.nodes}

    def wants(self, sink: Sink, key: str) -> bool:
        """Whether a sink takes the item, or has it already."""
        return sink.output is None or key not in self.done.get(sink.output.name, ())


@dataclass
class ItemResult:
    """What one item gave: folded states, gathered and collected values, files, and what failed.

    `missing` tells for the number of a sink why it got nothing.
    """

    key: str
    states: dict[str, Any] = field(default_factory=dict)
    values: dict[Ref, Any] = field(default_factory=dict)
    written: list[tuple[str, Path, tuple[str, ...], tuple[str, ...]]] = field(default_factory=list)
    failed: dict[str, OtframeError] = field(default_factory=dict)
    missing: dict[int, OtframeError] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def errors(self) -> list[OtframeError]:
        """Each failure once, though several nodes may depend on it."""
        return list({id(error): error for error in (*self.failed.values(), *self.missing.values())}.values())

    def cause(self, reads: Iterable[Ref]) -> OtframeError | None:
        """Why one of these values is not there."""
        return next((self.failed[ref.node] for ref in reads if ref.node in self.failed), None)

    def spent(self, name: str, start: float) -> None:
        """Add the time since `start`."""
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


class _Values:
    """The values of one item: computed on the way to `ends`, dropped after their last reader.

    `steps` are the nodes to compute, in order, with what each reads; nothing behind a kept value is computed again.
    """

    def __init__(self, work: PassWork, key: str, ends: Iterable[Ref]) -> None:
        self.work, self.key = work, key
        ends = list(ends)
        wanted = {ref.node for ref in ends}
        found: dict[str, tuple[Ref, ...]] = {}
        self._ready: dict[str, Any] = {}
        for name in reversed(work.plan.nodes):
            if name in wanted:
                found[name] = () if self._has(name) else work.reads[name]
                wanted.update(ref.node for ref in found[name])
        self.steps = dict(reversed(found.items()))
        self._left = Counter(ref.node for reads in (*self.steps.values(), ends) for ref in reads)
        self._values: dict[str, Any] = {}

    def __call__(self, ref: Ref) -> Any:
        if ref.node not in self._values:
            return self.work.constants[ref]
        value = self._values[ref.node]
        return getattr(value, ref.field) if ref.field else value

    def _has(self, name: str) -> bool:
        """Whether a value is kept; it is taken out now, so that it cannot be gone later."""
        if (name, self.key) in self.work.kept:
            self._ready[name] = self.work.kept[name, self.key]
        elif self.work.shelf is not None and (hit := self.work.shelf.get(name, self.key)) is not None:
            self._ready[name] = rebuilt(hit.value, self.work.graph.nodes[name])
        return name in self._ready

    def compute(self, name: str) -> None:
        work, node = self.work, self.work.graph.nodes[name]
        if name in self._ready:
            self._values[name] = self._ready.pop(name)
            return
        if node.arrow == "input":
            value = work.caller.read(node, work.sources[name], self.key)
        else:
            value = work.caller.call(node, self.key, self, work.whole.get(name, {}))
        self._values[name] = value
        keep = node.options.get("keep")
        if keep == "memory":
            work.kept[name, self.key] = value
        elif keep == "disk" and work.shelf is not None:
            with guarded("the store", node=name, key=self.key, where=node.where):
                work.shelf.put(name, self.key, value)

    def release(self, reads: Iterable[Ref]) -> None:
        for ref in reads:
            self._left[ref.node] -= 1
            if self._left[ref.node] <= 0:
                self._values.pop(ref.node, None)


def run_item(work: PassWork, key: str) -> ItemResult:
    """Compute one item for all sinks of the pass. Failures are recorded, and only what depends on them is left out."""
    result = ItemResult(key)
    sinks = {n: (sink, sink.inputs(work.graph)) for n, sink in enumerate(work.plan.sinks) if work.wants(sink, key)}
    values = _Values(work, key, [ref for _, reads in sinks.values() for ref in reads])
    for name, reads in values.steps.items():
        cause = result.cause(reads)
        if cause is None:
            start = time.perf_counter()
            try:
                values.compute(name)
            except CancelledError:
                raise
            except OtframeError as error:
                cause = error
            result.spent(name, start)
        if cause is not None:
            result.failed[name] = cause
        values.release(reads)
    for number, (sink, reads) in sinks.items():
        cause = result.cause(reads)
        if cause is None:
            start = time.perf_counter()
            try:
                _end(work, sink, values, result)
            except CancelledError:
                raise
            except OtframeError as error:
                cause = error
            if sink.kind == "reduce" or (sink.output is not None and sink.output.name in work.paths):
                result.spent(sink.node if sink.kind == "reduce" else "write", start)
        if cause is not None:
            result.missing[number] = cause
        values.release(reads)
    return result


def _end(work: PassWork, sink: Sink, values: _Values, result: ItemResult) -> None:
    """Hand an item's value to the sink."""
    key = values.key
    if sink.kind == "reduce":
        node = work.graph.nodes[sink.node]
        result.states[sink.node] = work.caller.lift(node, key, values, work.whole.get(sink.node, {}))
    elif sink.output is not None and sink.output.name in work.paths:
        path = work.paths[sink.output.name][key]
        with guarded(f"the writer of {path}", node=sink.output.name, key=key, where=sink.output.where):
            written = work.write(values(sink.ref), path)
        result.written.append((sink.output.name, *written))
    else:
        result.values[sink.ref] = values(sink.ref)


def compute_item(work: PassWork, ref: Ref, key: str) -> Any:
    """One value of one item, for lazy views: raises what fails."""
    values = _Values(work, key, [ref])
    for name, reads in values.steps.items():
        values.compute(name)
        values.release(reads)
    return values(ref)
