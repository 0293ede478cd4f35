"""`Keeping`: what a run takes from earlier runs, and what it leaves to later ones."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from otframe.errors import DataError
from otframe.graph import Graph, Node, Ref
from otframe.io.write import is_temporary
from otframe.registry import Registry
from otframe.run.observer import WrittenFile
from otframe.run.paths import files_of
from otframe.store import Addresses, Ledger, Lock, Shelf, Store, rebuilt

__all__ = ["Keeping", "Kept", "Scratch", "fitted", "kept_items"]


@dataclass
class Keeping:
    """Nothing is kept: every value is computed, and values marked `keep: disk` are computed again where needed.

    Parameters
    ----------
    graph : Graph
        What is left to compute: fitted values that are there stand in it as they are.
    held : mapping
        Those values.
    done : mapping
        For each output the keys whose files are there.
    """

    graph: Graph
    held: Mapping[str, Any] = field(default_factory=dict)
    done: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def files(self) -> Iterable[WrittenFile]:
        """The files that are there already."""
        return ()

    def shelf(self) -> Shelf | None:
        """Where values of items are kept."""
        return None

    def keep(self, node: Node, value: Any) -> str:
        """Keep a fitted value, if it is one; says why it could not be."""
        del node, value
        return ""

    def wrote(self, file: WrittenFile) -> None:
        """A file was written."""

    def lost(self, name: str) -> None:
        """A node folds or gathers a stream, and some of its items failed."""


@dataclass
class Scratch(Keeping):
    """Values marked `keep: disk` lie in a folder of this run, for its own later passes."""

    registry: Registry = field(default_factory=Registry.installed)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="otframe-", ignore_cleanup_errors=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def shelf(self) -> Shelf | None:
        """Addresses that are names, since nobody else reads them."""
        names = {(name, key): f"{name}/{key}" for name, keys in self.keys.items() for key in keys}
        return Shelf(Store(Path(self._folder.name), self.registry), names)


@dataclass
class Kept(Keeping):
    """Fitted values and what is marked `keep: disk` lie in a store; a ledger says what was written from what.

    Parameters
    ----------
    paths : mapping
        For each output that is written: the path for each key.
    resume : bool
        Whether files that are there as they were written need not be written again.
    """

    addresses: Addresses = field(kw_only=True)
    store: Store = field(kw_only=True)
    ledger: Ledger | None = field(kw_only=True)
    paths: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)
    resume: bool = False

    def look(self) -> None:
        """Find what is there: first the files, then the fitted values that the rest is made of."""
        self.full = self.graph
        self._outputs = {output.name: output for output in self.full.outputs}
        self.done = {name: self._there(name) for name in self.paths} if self.resume else {}
        left = tuple(o for o in self.full.outputs if len(self.done.get(o.name, ())) < len(self.paths.get(o.name, "-")))
        graph = replace(self.full, outputs=left)
        held: dict[str, Any] = {}
        waiting = [output.source.node for output in left]
        seen: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            hit = self._found(name)
            if hit is None:
                waiting.extend(ref.node for ref in graph.nodes[name].reads())
            else:
                held[name] = hit[0]
        self.held, self.graph = held, _with(graph, held)

    def __enter__(self) -> Self:
        """Lock the folders, tidy up after runs that were killed, and look for what is there."""
        folders = [self.store.folder] if self.ledger is None else [self.store.folder, self.ledger.path.parent]
        with contextlib.ExitStack() as locks:  # let go of them again where the run cannot begin
            for folder in folders:
                lock = locks.enter_context(Lock(folder))
                if lock.alone():
                    self._tidy(folder)
                lock.share()
            self.look()
            if self.ledger is not None:
                needed = self.full.needed(shown=False)
                self.ledger.began({name: self.addresses.parts(name) for name in self.full.nodes if name in needed})
            self._open = locks.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def files(self) -> Iterable[WrittenFile]:
        """The files that are there."""
        for name, keys in self.done.items():
            for key in self.paths[name]:
                if key in keys:
                    yield WrittenFile(name, key, self.paths[name][key], found=True)

    def shelf(self) -> Shelf | None:
        """The values of items that are marked, as far as their addresses are known."""
        marked = kept_items(self.full)
        found = {
            (name, key): self.addresses.of(Ref(name), key) for name in marked for key in self.addresses.walked(name)
        }
        known = {place: address for place, address in found.items() if address is not None}
        return Shelf(self.store, known) if known else None

    def keep(self, node: Node, value: Any) -> str:
        """Keep a fitted value, if it is one; says why it could not be."""
        if not fitted(self.full, node.id):
            return ""
        address = self.addresses.of(Ref(node.id))
        if address is None:
            return ""
        try:
            self.store.put(address, value, node=node.id)
        except DataError as error:
            return f"'{node.id}' is computed by every run: {error.message}"
        return ""

    def wrote(self, file: WrittenFile) -> None:
        """A file was written: say so in the ledger, where it can be told what it was made of."""
        address = self._address(file.output, file.key)
        if self.ledger is not None and address is not None:
            paths = files_of(file.path, self._outputs[file.output])
            for path, digest in zip(paths, file.digests, strict=True):
                self.ledger.wrote(path, address, digest, output=file.output, key=file.key)

    def lost(self, name: str) -> None:
        """What is made of fewer items than there are is not what its address says."""
        self.addresses.void(name)

    def _there(self, name: str) -> frozenset[str]:
        """The keys whose files are there, made of just what they would be made of."""
        found = set()
        for key, path in self.paths[name].items():
            address = self._address(name, key)
            paths = files_of(path, self._outputs[name])
            if self.ledger is not None and address is not None and self.ledger.holds(paths, address):
                found.add(key)
        return frozenset(found)

    def _address(self, output: str, key: str) -> str | None:
        found = self._outputs[output]
        return self.addresses.written(found.source, key, self.paths[output][key].suffix)

    def _found(self, name: str) -> tuple[Any] | None:
        """A fitted value, if it is one and there."""
        address = self.addresses.of(Ref(name)) if fitted(self.full, name) else None
        hit = None if address is None else self.store.get(address)
        return None if hit is None else (rebuilt(hit.value, self.full.nodes[name]),)

    def _tidy(self, folder: Path) -> None:
        """Remove what runs that were killed half wrote; no other run uses the folder now."""
        if self.ledger is not None and folder == self.ledger.path.parent:
            self.ledger.tidy()
            places = {path.parent for paths in self.paths.values() for path in paths.values()}
            places |= {self.ledger.out, folder}
        else:
            places = {folder, *folder.glob("??")}
        for place in places:
            for path in place.glob(".*.part*"):
                if is_temporary(path.name):
                    with contextlib.suppress(OSError):  # whether the folder can be used is seen where it is used
                        path.unlink()


def fitted(graph: Graph, name: str) -> bool:
    """Whether a value is one that is kept: single, computed, and made of a stream or marked."""
    node = graph.nodes[name]
    if node.streams or node.arrow in ("input", "model"):
        return False
    return node.options.get("keep") == "disk" or _of_stream(graph, name)


def kept_items(graph: Graph) -> list[str]:
    """The streams that are marked `keep: disk` and needed."""
    needed = graph.needed(shown=False)
    nodes = {name: node for name, node in graph.nodes.items() if name in needed}
    return [name for name, node in nodes.items() if node.streams and node.options.get("keep") == "disk"]


def _of_stream(graph: Graph, name: str) -> bool:
    waiting, seen = [name], set()
    while waiting:
        current = waiting.pop()
        if graph.nodes[current].streams:
            return True
        if current not in seen:
            seen.add(current)
            waiting.extend(ref.node for ref in graph.nodes[current].reads())
    return False


def _with(graph: Graph, held: Mapping[str, Any]) -> Graph:
    """The graph in which these values are read from nothing."""
    bare = {
        name: replace(graph.nodes[name], arrow="once", wires={}, constants={}, whole=frozenset(), model=None)
        for name in held
    }
    return replace(graph, nodes={**graph.nodes, **bare})
