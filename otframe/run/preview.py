"""`Preview`: what a run would compute, and what of it is there already, told before anything is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from otframe.run.keeping import Kept, fitted, kept_items
from otframe.run.setup import Setup, own_store

__all__ = ["Preview", "State", "preview"]

Word = Literal["hit", "stale", "new"]
"""Not computed, since what is wanted of it is there; computed again, since an earlier run made it of something else;
computed, since nothing is kept of it."""


@dataclass(frozen=True)
class State:
    """A node or an output in a run that has not begun.

    Parameters
    ----------
    name : str
        The node or output.
    word : str
        `hit`, `stale` or `new`.
    items, there : int
        How many items it has, and how many of them need not be computed; 1 for a single value.
    why : str
        What has changed, or why it is not kept.
    """

    name: str
    word: Word
    items: int
    there: int
    why: str = ""


@dataclass(frozen=True)
class Preview:
    """What a run would do: its inputs and nodes in order, and its outputs."""

    nodes: tuple[State, ...]
    outputs: tuple[State, ...]

    def __iter__(self) -> Iterator[State]:
        yield from (*self.nodes, *self.outputs)


def preview(setup: Setup, store: str | Path | None, resume: bool) -> Preview:
    """Look at what earlier runs left, without changing anything."""
    place = Path(store) if store is not None else None
    if place is None:
        place = own_store(setup.folder) if setup.folder is not None else Path()
    kept = setup.kept(place, resume)
    kept.look()
    return _Look(setup, kept).preview()


class _Look:
    def __init__(self, setup: Setup, kept: Kept) -> None:
        self.setup, self.kept, self.graph = setup, kept, setup.graph
        self.before: Mapping[str, Mapping[str, str]] = {} if kept.ledger is None else kept.ledger.parts
        self.now = {name: kept.addresses.parts(name) for name in self.graph.needed(shown=False)}
        self.counts = _computed(kept)

    def preview(self) -> Preview:
        nodes = [self._node(name) for name in self.graph.nodes if name in self.now]
        return Preview(tuple(nodes), tuple(self._output(name) for name in (o.name for o in self.graph.outputs)))

    def _node(self, name: str) -> State:
        items = len(self.kept.addresses.walked(name))
        left = self.counts.get(name, 0)
        if left == 0:
            kept = name in self.kept.held or name in kept_items(self.graph)
            return State(name, "hit", items, items, "kept" if kept else "not needed")
        changed = self._changed(name)
        if name in self.before and changed:
            return State(name, "stale", items, items - left, changed)
        keeps = fitted(self.graph, name) or name in kept_items(self.graph)
        given = self.graph.nodes[name].arrow in ("input", "model")
        return State(name, "new", items, items - left, "" if keeps or given or name not in self.before else "not kept")

    def _output(self, name: str) -> State:
        output = next(o for o in self.graph.outputs if o.name == name)
        paths = self.kept.paths.get(name, {})
        items = max(1, len(paths))
        there = len(self.kept.done.get(name, ()))
        if there == items:
            return State(name, "hit", items, there, "as it was written")
        known = self.kept.ledger is not None and any(self.kept.ledger.known(path) for path in paths.values())
        changed = self._changed(output.source.node)
        if known and changed:
            return State(name, "stale", items, there, changed)
        if known and self.kept.resume:
            return State(name, "new" if there else "stale", items, there, "files are missing or were changed")
        return State(name, "new", items, there, "written again; --resume leaves what is there" if known else "")

    def _changed(self, name: str) -> str:
        """What has changed since the last run in what a value is made of: its own parts, then what lies behind."""
        waiting, seen = [name], set()
        while waiting:
            current = waiting.pop(0)
            if current in seen:
                continue
            seen.add(current)
            told = self._differs(current)
            if told:
                return told if current == name else f"'{current}': {told}"
            waiting.extend(dict.fromkeys(ref.node for ref in self.graph.nodes[current].reads()))
        return ""

    def _differs(self, name: str) -> str:
        old, new = self.before.get(name), self.now[name]
        if old is None:
            return "it was not there" if self.before else ""
        parts = [part for part in dict.fromkeys((*old, *new)) if old.get(part) != new.get(part)]
        return ", ".join(_change(part, old.get(part), new.get(part)) for part in parts)


def _change(part: str, old: str | None, new: str | None) -> str:
    if part == "content":
        return "other content"
    if part.startswith(("code of ", "files of ")):
        return f"the {part} changed"
    return f"{part} {'default' if old is None else old} -> {'default' if new is None else new}"


def _computed(kept: Kept) -> dict[str, int]:
    """How many items of each node a run would compute."""
    graph, addresses = kept.graph, kept.addresses
    shelf = kept.shelf()
    todo: set[tuple[str, str]] = set()
    waiting = [
        (output.source.node, key)
        for output in graph.outputs
        for key in addresses.walked(output.source.node)
        if key not in kept.done.get(output.name, ())
    ]
    while waiting:
        at = waiting.pop()
        if at in todo or at[0] in kept.held:
            continue
        if shelf is not None and at in shelf.addresses and shelf.store.has(shelf.addresses[at]):
            continue
        todo.add(at)
        waiting.extend(addresses.reads(*at))
    counts: dict[str, int] = {}
    for name, _ in todo:
        counts[name] = counts.get(name, 0) + 1
    return counts
