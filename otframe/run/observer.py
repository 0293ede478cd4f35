"""Observers see a run go by: progress bars, `run.json`, the report, a host's own. None may change a value."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from otframe.errors import OtframeError
from otframe.graph import Graph
from otframe.io.source import Source
from otframe.run.measuring import Spent
from otframe.run.plan import Plan

__all__ = ["Observer", "Observers", "RunInfo", "RunResult", "WrittenFile"]


@dataclass(frozen=True)
class RunInfo:
    """What is about to run: the checked graph, its plan, the sources with their keys, and the settings.

    `found` names the nodes whose values an earlier run left, so that they, and what only they need, are not computed.
    """

    graph: Graph
    plan: Plan
    sources: Mapping[str, Source]
    keys: Mapping[str, tuple[str, ...]]
    seed: int
    device: str
    executor: str
    out: Path | None
    plugins: Mapping[str, str]
    found: frozenset[str] = frozenset()


@dataclass(frozen=True)
class WrittenFile:
    """A file that was written: of which output, for which item, and what had to be said about it.

    `found` says that an earlier run wrote it, of just what this run would write it of. `digests` are the sha256 of what
    was written, for both files of a table.
    """

    output: str
    key: str
    path: Path
    notes: tuple[str, ...] = ()
    found: bool = False
    digests: tuple[str, ...] = ()


@dataclass
class RunResult:
    """How a run ended.

    Parameters
    ----------
    values : dict
        Outputs by name where no folder was given: a value, or a dict of values by key for a stream.
    files : list
        Files written, where a folder was given.
    failures : list
        Items left out, each with its error.
    notes : list
        What could not be kept for later runs, and why.
    seconds : dict
        Time spent in each node, over all items.
    measured : dict
        Of nodes that a `matrix` compares, what one call took.
    wall : float
        Seconds from start to end.
    """

    values: dict[str, Any] = field(default_factory=dict)
    files: list[WrittenFile] = field(default_factory=list)
    failures: list[OtframeError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    measured: dict[str, Spent] = field(default_factory=dict)
    wall: float = 0.0


class Observer:
    """Base of observers: override what you want to see.

    Calls never overlap. All come from the thread that started the run, but for `progress`, which comes from the thread
    of the item, or from one thread for all items that other processes compute.
    """

    def run_started(self, info: RunInfo) -> None:
        """The plan is made; nothing has been computed."""

    def pass_started(self, label: str, keys: tuple[str, ...]) -> None:
        """A walk over the keys of a stream begins."""

    def node_finished(self, node: str, key: str, seconds: float) -> None:
        """A node was computed, for an item (or with an empty key for a single value)."""

    def node_measured(self, node: str, spent: Spent) -> None:
        """A node that a `matrix` compares was measured; `node_finished` follows, with all the time that this took."""

    def progress(self, node: str, key: str, fraction: float, note: str) -> None:
        """A long call tells how far it is, from 0 to 1."""

    def item_finished(self, key: str) -> None:
        """An item of the pass is done, whether or not parts of it failed."""

    def item_failed(self, error: OtframeError) -> None:
        """A node failed for an item; the error knows node and key."""

    def output_written(self, file: WrittenFile) -> None:
        """A result is on disk under its final name. Those that an earlier run left come first."""

    def run_finished(self, result: RunResult) -> None:
        """All done, with or without failed items."""

    def run_failed(self, error: BaseException) -> None:
        """The run stopped early."""


class Observers(Observer):
    """Several observers as one. One that raises is told of by a warning and does not disturb the run."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._all = list(observers)
        self._one_at_a_time = threading.RLock()
        for name in [name for name in vars(Observer) if not name.startswith("_")]:
            setattr(self, name, self._fan(name))

    def _fan(self, name: str) -> Any:
        def tell(*args: Any) -> None:
            with self._one_at_a_time:
                for observer in self._all:
                    try:
                        getattr(observer, name)(*args)
                    except Exception as error:
                        told = str(error) if isinstance(error, OtframeError) else repr(error)
                        warnings.warn(f"observer {type(observer).__name__}.{name} failed: {told}", stacklevel=2)

        return tell
