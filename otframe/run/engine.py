"""The engine: walks the passes of a plan, folds in key order, and asks an executor to compute the items."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from otframe.errors import CancelledError, DataError
from otframe.graph import Graph, Node, Ref
from otframe.interfaces import Stream
from otframe.io.source import Source
from otframe.run.call import Caller, guarded
from otframe.run.compared import compared
from otframe.run.executors import RemoteExecutor, SerialExecutor
from otframe.run.item import ItemResult, PassWork, Write, compute_item, run_item
from otframe.run.keeping import Keeping
from otframe.run.measuring import measured
from otframe.run.observer import Observer, RunResult, WrittenFile
from otframe.run.plan import Pass, Plan, Sink
from otframe.run.reads import closure, computed, folds, gathering, once_reads

__all__ = ["Engine"]

_POLL = 0.1
"""Seconds between two questions whether the run is cancelled, while items are computed."""


@dataclass
class Engine:
    """Runs one plan.

    Parameters
    ----------
    sources, keys : mapping
        Of each input that is read from outside: its source; for each key set its keys, in order.
    paths : mapping
        For each output that is written: the path of each item's file (key '' for a single value).
    write : callable
        Writes a value to a path and gives the path, notes, and the digest of each file.
    on_error : str
        `stop` at the first failed item, or `skip` it and list it.
    window : int
        Items in flight at most.
    keeping : Keeping, optional
        What is taken from earlier runs and left to later ones; its graph is the one that is run.
    """

    graph: Graph
    plan: Plan
    sources: Mapping[str, Source]
    keys: Mapping[str, tuple[str, ...]]
    paths: Mapping[str, Mapping[str, Path]]
    write: Write
    caller: Caller
    observer: Observer = field(default_factory=Observer)
    executor: Executor = field(default_factory=SerialExecutor)
    on_error: Literal["stop", "skip"] = "stop"
    window: int = 1
    keeping: Keeping | None = None
    result: RunResult = field(default_factory=RunResult, init=False)
    _held: dict[Ref, Any] = field(default_factory=dict, init=False)
    """Single values, and gathered streams as dicts by key."""
    _left: Counter[Ref] = field(default_factory=Counter, init=False)
    """How often each of them will still be read."""
    _kept: dict[tuple[str, str], Any] = field(default_factory=dict, init=False)
    _compared: frozenset[str] = field(default=frozenset(), init=False)

    def run(self) -> RunResult:
        """Run all passes, then what is left of single values; `RunResult` says what was made and what failed."""
        start = time.perf_counter()
        for file in self.keeping.files() if self.keeping is not None else ():
            self._written(file)
        self._left, self._compared = self._readers(), compared(self.graph)
        self._held.update({Ref(name): value for name, value in self.keeping.held.items()} if self.keeping else {})
        for plan in self.plan.passes:
            self._walk(plan)
        for output in self.graph.outputs:
            if not output.origins:
                self._ensure([output.source])
                self._give(output.name, "", self._single(output.source))
                self._release([output.source])
        self.result.wall = time.perf_counter() - start
        return self.result

    # --- single values -----------------------------------------------------------------------------------------

    def _readers(self) -> Counter[Ref]:
        """How often each single value and gathered stream will be read: it is dropped after the last time."""
        left: Counter[Ref] = Counter()
        for name in computed(self.graph):
            if not self.graph.nodes[name].streams and not folds(self.graph, name):
                left.update(self._names(once_reads(self.graph, name)))
        for plan in self.plan.passes:
            left.update(self._names(plan.once))
        left.update(Ref(output.source.node) for output in self.graph.outputs if not output.origins)
        return left

    def _names(self, reads: Iterable[Ref]) -> list[Ref]:
        """What holds the values that are read, in a fixed order: a node for all of its fields."""
        found = {ref if self.graph.nodes[ref.node].streams else Ref(ref.node) for ref in reads}
        return sorted(found, key=str)

    def _release(self, reads: Iterable[Ref]) -> None:
        for name in self._names(reads):
            self._left[name] -= 1
            if self._left[name] <= 0:
                self._held.pop(name, None)

    def _single(self, ref: Ref) -> Any:
        value = self._held[Ref(ref.node)]
        return getattr(value, ref.field) if ref.field else value

    def _ensure(self, reads: Iterable[Ref]) -> None:
        """Compute the single values among what is read; what is gathered was gathered by an earlier pass."""
        for name in self._names(reads):
            if name not in self._held:
                self._compute(self.graph.nodes[name.node])

    def _compute(self, node: Node) -> None:
        """Compute a single value, and first what it reads."""
        reads = once_reads(self.graph, node.id)
        self._ensure(reads)
        start = time.perf_counter()
        if node.arrow == "input":
            (key,) = self.sources[node.id].keys()
            value = self.caller.read(node, self.sources[node.id], key)
        else:
            value = self._called(node)
            self._keep(node, value)
        self._held[Ref(node.id)] = value
        self._release(reads)
        self._spent(node.id, "", time.perf_counter() - start)

    def _called(self, node: Node) -> Any:
        """The value of a node; those that a table compares are measured meanwhile."""
        whole = self._whole(node)
        if node.id not in self._compared:
            return self.caller.call(node, "", self._single, whole)
        value, spent = measured(lambda: self.caller.call(node, "", self._single, whole))
        self.result.measured[node.id] = spent
        self.observer.node_measured(node.id, spent)
        return value

    def _keep(self, node: Node, value: Any) -> None:
        """Leave a fitted value to later runs."""
        if self.keeping is not None:
            note = self.keeping.keep(node, value)
            self.result.notes.extend([note] if note else [])

    def _whole(self, node: Node) -> dict[str, Any]:
        """What the ports get that take a stream whole."""
        found: dict[str, Any] = {}
        for port in node.whole:
            spec = node.signature.port(port) if node.signature else None
            ref = node.wires[port]
            assert spec is not None
            assert isinstance(ref, Ref)
            if spec.gather == "stream":
                found[port] = self._view(ref)
                continue
            items = self._held[ref] if self.graph.nodes[ref.node].streams else {ref.node: self._single(ref)}
            found[port] = list(items.values()) if spec.gather == "sequence" else dict(items)
        return found

    def _view(self, ref: Ref) -> Stream[Any]:
        nodes, once = closure(self.graph, [ref])
        origins = self.graph.nodes[ref.node].origins
        origin = self.plan.classes[min(origins)] if origins else ""
        work = self._work(Pass(0, origin, (), nodes, once))
        return _View(work, ref, self.keys[origin] if origin else ("",))

    # --- passes ------------------------------------------------------------------------------------------------

    def _work(self, plan: Pass) -> PassWork:
        names = (*plan.nodes, *(sink.node for sink in plan.sinks if sink.kind == "reduce"))
        whole = {name: self._whole(self.graph.nodes[name]) for name in names if self.graph.nodes[name].whole}
        constants = {ref: self._single(ref) for ref in plan.once if not self.graph.nodes[ref.node].streams}
        work = PassWork(
            self.graph, plan, self.sources, constants, whole, self.paths, self.caller, self.write, self._kept
        )
        if self.keeping is not None:
            work.shelf, work.done = self.keeping.shelf(), self.keeping.done
        return work

    def _walk(self, plan: Pass) -> None:
        self._ensure(plan.once)
        work = self._work(plan)
        keys = tuple(key for key in self.keys[plan.origin] if any(work.wants(sink, key) for sink in plan.sinks))
        self.observer.pass_started(plan.label, keys)
        folding = [self.graph.nodes[sink.node] for sink in plan.sinks if sink.kind == "reduce"]
        states: dict[str, Any] = {}
        collected: dict[Ref, dict[str, Any]] = {sink.ref: {} for sink in plan.sinks if sink.kind != "reduce"}
        for item in self._items(work, keys):
            self._account(item, plan)
            for node in folding:
                if node.id in item.states:
                    new = item.states[node.id]
                    states[node.id] = self.caller.merge(node, states[node.id], new) if node.id in states else new
            for ref, value in item.values.items():
                collected[ref][item.key] = value
            self.observer.item_finished(item.key)
        for node in folding:
            if node.id not in states:
                raise DataError("every item failed: nothing is left to fold", node=node.id, where=node.where)
            start = time.perf_counter()
            value = self._held[Ref(node.id)] = self.caller.finish(node, states.pop(node.id))
            self._keep(node, value)
            self._spent(node.id, "", time.perf_counter() - start)
        for sink in plan.sinks:
            if sink.kind == "gather":
                if not collected[sink.ref]:
                    raise DataError("every item failed: nothing is left to gather", node=sink.node)
                self._held[sink.ref] = collected[sink.ref]
            elif sink.output is not None and sink.output.name not in self.paths:
                self.result.values[sink.output.name] = dict(collected[sink.ref])
        self._release(plan.once)

    def _items(self, work: PassWork, keys: tuple[str, ...]) -> Iterator[ItemResult]:
        """The items' results in key order, at most `window` in flight."""
        waiting: deque[Future[ItemResult]] = deque()
        todo = iter(keys)
        submit = self._submitter(work)
        try:
            for key in todo:
                self._check_cancelled()
                waiting.append(submit(key))
                if len(waiting) >= self.window:
                    yield self._outcome(waiting.popleft())
            while waiting:
                yield self._outcome(waiting.popleft())
        finally:
            for future in waiting:
                future.cancel()

    def _submitter(self, work: PassWork) -> Callable[[str], Future[ItemResult]]:
        """What computes the item of a key."""
        if isinstance(self.executor, RemoteExecutor):
            return self.executor.prepare(work)
        return lambda key: self.executor.submit(run_item, work, key)

    def _outcome(self, future: Future[ItemResult]) -> ItemResult:
        """An item's result, once it is there; the run may be cancelled meanwhile."""
        while self.caller.is_cancelled is not None and not wait([future], _POLL).done:
            self._check_cancelled()
        return future.result()

    def _account(self, item: ItemResult, plan: Pass) -> None:
        """Tell the observers of an item, and stop the run where its failure must not be passed over."""
        for name, seconds in item.seconds.items():
            self._spent(name, item.key, seconds)
        for name, path, notes, digests in item.written:
            self._written(WrittenFile(name, item.key, path, notes, digests=digests))
        for error in item.errors():
            if any((error.node, error.key) == (told.node, told.key) for told in self.result.failures):
                continue  # it failed in an earlier pass too
            self.observer.item_failed(error)
            if self.on_error == "stop":
                raise error
            self.result.failures.append(error)
        for number, error in item.missing.items():
            needy = self._needy(plan.sinks[number])
            if needy:
                hint = f"'{needy}' needs all items; say `skip: true` there to go on with those that are left"
                error.hint = "\n".join(filter(None, (error.hint, hint)))
                raise error
            if self.keeping is not None:
                for name in self._takers(plan.sinks[number]):
                    self.keeping.lost(name)

    def _needy(self, sink: Sink) -> str:
        """A node that a sink must not lose an item for; empty where there is none."""
        readers = self._takers(sink)
        return next((name for name in readers if not self.graph.nodes[name].options.get("skip", False)), "")

    def _takers(self, sink: Sink) -> list[str]:
        """The nodes that take all items of a sink together."""
        if sink.kind == "output":
            return []
        return [sink.node] if sink.kind == "reduce" else gathering(self.graph, sink.ref)

    def _spent(self, name: str, key: str, seconds: float) -> None:
        self.result.seconds[name] = self.result.seconds.get(name, 0.0) + seconds
        self.observer.node_finished(name, key, seconds)

    def _give(self, name: str, key: str, value: Any) -> None:
        if name not in self.paths:
            self.result.values[name] = value
            return
        path = self.paths[name][key]
        with guarded(f"the writer of {path}", node=name, key=key):
            path, notes, digests = self.write(value, path)
        self._written(WrittenFile(name, key, path, notes, digests=digests))

    def _written(self, file: WrittenFile) -> None:
        if self.keeping is not None and not file.found:
            self.keeping.wrote(file)
        self.result.files.append(file)
        self.observer.output_written(file)

    def _check_cancelled(self) -> None:
        if self.caller.is_cancelled is not None and self.caller.is_cancelled():
            raise CancelledError("the run was cancelled")


class _View(Stream[Any]):
    """A stream whose items are computed when they are asked for."""

    def __init__(self, work: PassWork, ref: Ref, keys: tuple[str, ...]) -> None:
        self._work, self._ref, self._keys = work, ref, keys

    def keys(self) -> tuple[str, ...]:
        return self._keys

    def __getitem__(self, key: str) -> Any:
        return compute_item(self._work, self._ref, key)
