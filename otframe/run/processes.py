"""The executor `processes`: items in worker processes, each with its own registry, graph and models.

A worker reads the run once and each pass once, from files in a folder of the run; a task is the number of a pass and a
key. How far a call is comes back by way of a file for each item. A worker that dies takes no item with it: what was in
flight is computed again, one after the other, so that an item that kills a second worker is known for sure and
reported.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures import Future, InvalidStateError, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from otframe.errors import CancelledError, ComponentError, PluginError
from otframe.graph import compile_graph
from otframe.interfaces import ModelPool
from otframe.run.call import Caller
from otframe.run.executors import RemoteExecutor
from otframe.run.item import ItemResult, PassWork, run_item
from otframe.run.pipeline import Pipeline
from otframe.run.plan import Pass
from otframe.run.relay import Pen, Relay
from otframe.run.shipping import (
    Recipe,
    known,
    pack_recipe,
    pack_result,
    pack_work,
    unpack,
    unpack_recipe,
    unpack_result,
)

__all__ = ["ProcessExecutor", "processes"]

_MOST = 61 if os.name == "nt" else None
"""Windows can wait for no more processes at once."""

_GRACE = 0.4
"""Seconds that a worker is given to remove what it half wrote when the run is stopped."""


def processes(workers: int = 1) -> ProcessExecutor:
    """Items in several processes, each with models of its own."""
    return ProcessExecutor(workers)


@dataclass(eq=False)
class _Task:
    """One item on its way."""

    number: int
    key: str
    work: PassWork
    future: Future[ItemResult] = field(default_factory=Future)
    pool: ProcessPoolExecutor | None = None
    deaths: int = 0


class ProcessExecutor(RemoteExecutor):
    """Worker processes, started afresh (spawn) when the first items come.

    A script that uses it needs `if __name__ == "__main__":` around what it runs, as for every use of spawn. Observers
    are told of `progress` within an item some ten times a second, and of how it ended, from a thread of its own.

    Parameters
    ----------
    workers : int
        How many processes at most.
    """

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers if _MOST is None else min(workers, _MOST)
        self._folder = tempfile.TemporaryDirectory(prefix="otframe-", ignore_cleanup_errors=True)
        self._lock = threading.RLock()
        self._recipe: Recipe | None = None
        self._pool: ProcessPoolExecutor | None = None
        self._relay = Relay()
        self._passes, self._sent = 0, 0
        self._open: set[_Task] = set()
        self._suspects: deque[_Task] = deque()
        """In flight when a worker died: computed again one at a time."""
        self._held: deque[_Task] = deque()
        """To be sent once no suspect is left."""
        self._alone: _Task | None = None
        self._closed = False

    def begin(self, recipe: Recipe) -> None:
        """Lay down what the workers make the graph from."""
        self._recipe = recipe
        (self._path / "run").write_bytes(pack_recipe(recipe))

    def prepare(self, work: PassWork) -> Callable[[str], Future[ItemResult]]:
        """Lay down a pass, and give what computes one of its items."""
        assert self._recipe is not None
        self._passes += 1
        (self._path / f"pass-{self._passes}").write_bytes(pack_work(work, self._recipe.registry))
        return partial(self._submit, self._passes, work)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers: at once where items are still in flight, which nobody waits for any more."""
        del wait, cancel_futures
        with self._lock:
            self._closed = True
            pool, busy = self._pool, bool(self._open)
        if pool is not None:
            running = list((getattr(pool, "_processes", None) or {}).values()) if busy else []
            for process in running:
                process.terminate()
            end = time.monotonic() + _GRACE
            for process in running:
                process.join(max(0.0, end - time.monotonic()))
                if process.is_alive():
                    process.kill()
                    process.join()
            if running:
                _end_of_results(pool)
            pool.shutdown(wait=True, cancel_futures=True)
        self._relay.close()
        self._folder.cleanup()

    @property
    def _path(self) -> Path:
        return Path(self._folder.name)

    def _submit(self, number: int, work: PassWork, key: str) -> Future[ItemResult]:
        task = _Task(number, key, work)
        with self._lock:
            self._open.add(task)
            self._held.append(task)
            self._next()
        return task.future

    def _next(self) -> None:
        """Send what may be sent now."""
        if self._alone is None and self._suspects:
            self._alone = self._suspects.popleft()
            self._send(self._alone)
        while self._alone is None and self._held:
            self._send(self._held.popleft())

    def _send(self, task: _Task) -> None:
        self._sent += 1
        told = self._path / f"told-{self._sent}"
        while True:
            if self._pool is None:
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(self.workers, context, _start, (self._folder.name,))
            try:
                inner = self._pool.submit(_run, task.number, task.key, told.name)
            except BrokenProcessPool:
                self._pool = None
                continue
            break
        task.pool = self._pool
        self._relay.follow(told, task.work.caller.on_progress)
        inner.add_done_callback(partial(self._done, task, told))

    def _done(self, task: _Task, told: Path, inner: Future[bytes]) -> None:
        """An item came back, or its worker died. Called by the pool's own thread."""
        assert self._recipe is not None
        made: ItemResult | BaseException | None
        try:
            made = unpack_result(inner.result(), task.work, self._recipe.registry)
        except BrokenProcessPool:
            made = self._died(task)
        except FutureCancelled:
            made = CancelledError("the run was stopped")
        except BaseException as error:  # belongs to whoever waits for the item
            made = error
        with self._lock:
            if made is not None:
                self._open.discard(task)
            if self._alone is task:
                self._alone = None
            if not self._closed:
                self._next()
        self._relay.finish(told, partial(_settle, task.future, made))

    def _died(self, task: _Task) -> ItemResult | BaseException | None:
        """What becomes of an item whose worker died; None where it is tried again."""
        with self._lock:
            if self._closed:
                return CancelledError("the run was stopped")
            if self._pool is task.pool:
                self._pool = None
            if not (self._path / "started").exists():
                return PluginError(
                    "no worker process could be started",
                    hint='a script lies in a file, and runs pipelines under `if __name__ == "__main__":`',
                )
            task.deaths += 1
            if task.deaths == 1:
                self._suspects.append(task)
                return None
        error = ComponentError(
            "the worker process died, twice",
            hint="it ran out of memory or a library crashed: take fewer workers, or see with the executor 'serial'",
            key=task.key,
        )
        return ItemResult(task.key, missing=dict.fromkeys(range(len(task.work.plan.sinks)), error))


def _end_of_results(pool: ProcessPoolExecutor) -> None:
    """Let the pool's thread see that no worker writes any more: one that was ended while it wrote left half a message.

    The thread would wait for the rest for ever, as this process holds the pipe open too.
    """
    writer = getattr(getattr(pool, "_result_queue", None), "_writer", None)
    if writer is not None:
        writer.close()


def _settle(future: Future[ItemResult], made: ItemResult | BaseException | None) -> None:
    """Give a future its outcome, where there is one and somebody still waits for it."""
    if made is None:
        return
    with contextlib.suppress(InvalidStateError):
        if isinstance(made, BaseException):
            future.set_exception(made)
        else:
            future.set_result(made)


# --- in the worker ---------------------------------------------------------------------------------------------


class _Worker:
    """One worker's side of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recipe = recipe = unpack_recipe((folder / "run").read_bytes())
        recipe.threads.apply()
        self.registry = recipe.registry
        graph = compile_graph(recipe.document, self.registry, given=recipe.given, overrides=recipe.params)
        self.graph = graph if recipe.only is None else graph.only(recipe.only)
        self.pen = Pen()
        self.caller = Caller(recipe.seed, ModelPool(recipe.device, recipe.dtype), recipe.workdir, self.pen)
        self.write = Pipeline(recipe.document, self.registry)._write
        self.kept: dict[tuple[str, str], Any] = {}
        self.number, self.work = 0, self.bare()

    def bare(self) -> PassWork:
        """A pass of nothing, which names what both sides have."""
        none = Pass(0, "", (), (), frozenset())
        return PassWork(self.graph, none, self.recipe.sources, {}, {}, {}, self.caller, self.write, self.kept)

    def run(self, number: int, key: str, told: str) -> bytes:
        if number != self.number:
            data = (self.folder / f"pass-{number}").read_bytes()
            self.number, self.work = number, unpack(data, self.registry, known(self.bare()))
        self.pen.begin(self.folder / told)
        try:
            return pack_result(run_item(self.work, key), self.work, self.registry)
        finally:
            self.pen.end()


_folder = Path()
_worker: _Worker | None = None


def _start(folder: str) -> None:
    """Begin a worker. What can go wrong with telling is left to the first task."""
    global _folder
    _folder = Path(folder)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run decides when its workers end
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_follow, daemon=True).start()
    (_folder / "started").touch()


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(number)


def _follow() -> None:
    """End with the process that started this one, however it ends."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run(number: int, key: str, told: str) -> bytes:
    global _worker
    try:
        if _worker is None:
            _worker = _Worker(_folder)
        return _worker.run(number, key, told)
    except SystemExit:
        os._exit(1)  # the pool would catch it and go on with the next item
