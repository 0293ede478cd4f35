"""The engine: walks the passes of a plan, folds in key order, and asks an executor to compute the items."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from otframe.errors import CancelledError, DataError, OtframeError
from otframe.graph import Graph, Node, Ref
from otframe.interfaces import Stream
from otframe.io.source import Source
from otframe.run.call import Caller
from otframe.run.executors import SerialExecutor
from otframe.run.item import ItemResult, PassWork, Write, compute_item, run_item
from otframe.run.observer import Observer, RunResult, WrittenFile
from otframe.run.plan import Pass, Plan, closure, gathered_refs

__all__ = ["Engine"]


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
        Writes a value to a path and gives the path with notes.
    on_error : str
        `stop` at the first failed item, or `skip` it and list it.
    window : int
        Items in flight at most.
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
    result: RunResult = field(default_factory=RunResult, init=False)
    _singles: dict[str, Any] = field(default_factory=dict, init=False)
    _gathered: dict[Ref, dict[str, Any]] = field(default_factory=dict, init=False)
    _left: Counter[str] = field(default_factory=Counter, init=False)
    _kept: dict[tuple[str, str], Any] = field(default_factory=dict, init=False)

    def run(self) -> RunResult:
        """Run all passes, then what is left of single values; `RunResult` says what was made and what failed."""
        start = time.perf_counter()
        self._left = self._readers()
        for plan in self.plan.passes:
            self._walk(plan)
        for output in self.graph.outputs:
            if not output.origins:
                self._ensure(output.source.node)
                self._give(output.name, "", self._single(output.source))
                self._release([output.source])
        self.result.wall = time.perf_counter() - start
        return self.result

    # --- single values -----------------------------------------------------------------------------------------

    def _readers(self) -> Counter[str]:
        """How often each single value will be read, so that it can be dropped after the last time."""
        left: Counter[str] = Counter()
        for name in self.graph.needed():
            node = self.graph.nodes[name]
            if not node.streams and not self._folds(node):
                left.update({ref.node for ref in self._single_reads(node)})
        for plan in self.plan.passes:
            left.update({ref.node for ref in self._constants(plan)})
        left.update(output.source.node for output in self.graph.outputs if not output.origins)
        return left

    def _folds(self, node: Node) -> bool:
        return node.arrow == "reduce" and bool(self.graph.item_origins(node))

    def _single_reads(self, node: Node) -> set[Ref]:
        reads = {ref for ref in node.reads() if not self.graph.nodes[ref.node].streams}
        for ref in node.reads():
            if self.graph.nodes[ref.node].streams and ref not in gathered_refs(self.graph, node.id):
                reads |= closure(self.graph, [ref])[1]
        return reads

    def _constants(self, plan: Pass) -> set[Ref]:
        reads = set(plan.constants)
        for name in (*plan.nodes, *(sink.node for sink in plan.sinks if sink.kind == "reduce")):
            node = self.graph.nodes[name]
            if node.whole:
                reads |= self._single_reads(node)
        return reads

    def _release(self, reads: Iterable[Ref]) -> None:
        for ref in {ref.node: ref for ref in reads}.values():
            self._left[ref.node] -= 1
            if self._left[ref.node] <= 0:
                self._singles.pop(ref.node, None)

    def _single(self, ref: Ref) -> Any:
        value = self._singles[ref.node]
        return getattr(value, ref.field) if ref.field else value

    def _ensure(self, name: str) -> None:
        """Compute a single value, and first what it reads."""
        if name in self._singles:
            return
        node = self.graph.nodes[name]
        start = time.perf_counter()
        if node.arrow == "input":
            (key,) = self.sources[name].keys()
            try:
                self._singles[name] = self.sources[name].load(key)
            except OtframeError as error:
                raise error.at(node=name, key=key) from error.__cause__
        else:
            reads = self._single_reads(node)
            for ref in reads:
                self._ensure(ref.node)
            start = time.perf_counter()
            self._singles[name] = self.caller.call(node, "", self._single, self._whole(node))
            self._release(reads)
        self._spent(name, "", time.perf_counter() - start)

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
            if self.graph.nodes[ref.node].streams:
                items = self._gathered[ref]
            else:
                self._ensure(ref.node)
                items = {ref.node: self._single(ref)}
            found[port] = list(items.values()) if spec.gather == "sequence" else dict(items)
        return found

    def _view(self, ref: Ref) -> Stream[Any]:
        nodes, constants = closure(self.graph, [ref])
        for constant in constants:
            self._ensure(constant.node)
        origins = self.graph.nodes[ref.node].origins
        origin = self.plan.classes[min(origins)] if origins else ""
        work = self._work(Pass(0, origin, (), nodes, constants))
        return _View(work, ref, self.keys[origin] if origin else ("",))

    # --- passes ------------------------------------------------------------------------------------------------

    def _work(self, plan: Pass) -> PassWork:
        names = (*plan.nodes, *(sink.node for sink in plan.sinks if sink.kind == "reduce"))
        whole = {name: self._whole(self.graph.nodes[name]) for name in names if self.graph.nodes[name].whole}
        constants = {ref: self._single(ref) for ref in plan.constants}
        return PassWork(
            self.graph, plan, self.sources, constants, whole, self.paths, self.caller, self.write, self._kept
        )

    def _walk(self, plan: Pass) -> None:
        reads = self._constants(plan)
        for ref in sorted(reads, key=str):
            self._ensure(ref.node)
        keys = self.keys[plan.origin]
        self.observer.pass_started(plan.label, keys)
        folds = [self.graph.nodes[sink.node] for sink in plan.sinks if sink.kind == "reduce"]
        states: dict[str, Any] = {}
        collected: dict[Ref, dict[str, Any]] = {sink.ref: {} for sink in plan.sinks if sink.kind != "reduce"}
        for item in self._items(self._work(plan), keys):
            self._account(item, folds)
            for node in folds:
                if node.id in item.states:
                    new = item.states[node.id]
                    states[node.id] = self.caller.merge(node, states[node.id], new) if node.id in states else new
            for ref, value in item.values.items():
                collected[ref][item.key] = value
            self.observer.item_finished(item.key)
        for node in folds:
            if node.id not in states:
                raise DataError("every item failed: nothing is left to fold", node=node.id, where=node.where)
            self._singles[node.id] = self.caller.finish(node, states.pop(node.id))
        for sink in plan.sinks:
            if sink.kind == "gather":
                self._gathered[sink.ref] = collected[sink.ref]
            elif sink.output is not None and sink.output.name not in self.paths:
                self.result.values[sink.output.name] = collected[sink.ref]
        self._release(reads)

    def _items(self, work: PassWork, keys: tuple[str, ...]) -> Iterator[ItemResult]:
        """The items' results in key order, at most `window` in flight."""
        waiting: deque[Future[ItemResult]] = deque()
        todo = iter(keys)
        try:
            for key in todo:
                self._check_cancelled()
                waiting.append(self.executor.submit(run_item, work, key))
                if len(waiting) >= self.window:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def _account(self, item: ItemResult, folds: list[Node]) -> None:
        """Tell the observers of an item, and stop the run where its failure must not be passed over."""
        for name, seconds in item.seconds.items():
            self._spent(name, item.key, seconds)
        for name, path, notes in item.written:
            self._written(WrittenFile(name, item.key, path, notes))
        for error in item.errors():
            self.observer.item_failed(error)
            if self.on_error == "stop":
                raise error
            self.result.failures.append(error)
        for node in folds:
            if node.id not in item.states and not node.options.get("skip", False):
                error = next(iter(item.errors()))
                error.hint = f"'{node.id}' folds all items; say `skip: true` there to fold those that are left"
                raise error

    def _spent(self, name: str, key: str, seconds: float) -> None:
        self.result.seconds[name] = self.result.seconds.get(name, 0.0) + seconds
        self.observer.node_finished(name, key, seconds)

    def _give(self, name: str, key: str, value: Any) -> None:
        if name not in self.paths:
            self.result.values[name] = value
            return
        path, notes = self.write(value, self.paths[name][key])
        self._written(WrittenFile(name, key, path, notes))

    def _written(self, file: WrittenFile) -> None:
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
        if not self._keys or self._keys == ("",):
            value = self._work.constants[self._ref]
        else:
            value = compute_item(self._work, self._ref.node, key)
        return getattr(value, self._ref.field) if self._ref.field and self._keys != ("",) else value
