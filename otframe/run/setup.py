"""`Setup`: a request, checked as a whole: the graph, its sources and keys, and where every output goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_origin

import torch

from otframe.errors import OtframeError, ParameterError, RequestError
from otframe.graph import Document, Graph, compile_graph
from otframe.interfaces import ModelPool
from otframe.io import open_source
from otframe.io.source import Source
from otframe.registry import Registry
from otframe.run.keeping import Keeping, Kept, Scratch, kept_items
from otframe.run.keys import input_keys
from otframe.run.observer import RunInfo
from otframe.run.partial import completed
from otframe.run.paths import FOLDER, check_folder, output_paths
from otframe.run.plan import Plan
from otframe.run.shipping import Recipe
from otframe.store import Addresses, Ledger, Settings, Store

__all__ = ["Setup", "own_store", "set_up", "usable_device"]

_DEVICES = "cpu always works; cuda and cuda:1 need a GPU of NVIDIA or AMD, mps one of Apple"


@dataclass(frozen=True)
class Setup:
    """A request that can be run.

    Parameters
    ----------
    document : Document
        The pipeline, swept values written out.
    given, params, only
        What compiling it took: names of given inputs, values of parameters, the one output wanted.
    classes, keys : mapping
        For each streaming input the representative of its key set; for each of these its keys, in order.
    paths : mapping
        For each output that is written: the path for each key (key '' for a single value).
    """

    document: Document
    registry: Registry
    given: tuple[str, ...]
    params: Mapping[str, Any]
    only: str | None
    graph: Graph
    sources: Mapping[str, Source]
    classes: Mapping[str, str]
    keys: Mapping[str, tuple[str, ...]]
    paths: Mapping[str, Mapping[str, Path]]
    seed: int
    pool: ModelPool
    folder: Path | None

    def keeping(self, store: str | Path | None, resume: bool) -> Keeping:
        """What the run takes from earlier ones and leaves to later ones."""
        if resume and self.folder is None:
            raise ParameterError("there is nothing to resume without an output folder", hint="give `out`")
        if store is not None:
            return self.kept(Path(store), resume)
        if resume and self.folder is not None:
            return self.kept(own_store(self.folder), resume)
        marked = kept_items(self.graph)
        if marked:
            walks = {name: self.keys[self.classes[min(self.graph.nodes[name].origins)]] for name in marked}
            return Scratch(self.graph, registry=self.registry, keys=walks)
        return Keeping(self.graph)

    def kept(self, store: Path, resume: bool) -> Kept:
        """The same with a store."""
        settings = Settings(self.seed, str(self.pool.device), str(self.pool.dtype))
        addresses = Addresses(self.graph, self.classes, self.keys, self.sources, settings, self.registry)
        folder = self.folder
        ledger = None if folder is None else Ledger(folder / FOLDER / "ledger.jsonl", folder)
        return Kept(
            self.graph,
            addresses=addresses,
            store=Store(store, self.registry),
            ledger=ledger,
            paths=self.paths,
            resume=resume,
        )

    def info(self, plan: Plan, keeping: Keeping, executor: str) -> RunInfo:
        """What observers are told when the run starts."""
        plugins = {plugin.name: plugin.version for plugin in self.registry.plugins if not plugin.failure}
        found = frozenset(keeping.held)
        device = str(self.pool.device)
        return RunInfo(
            self.graph, plan, self.sources, self.keys, self.seed, device, executor, self.folder, plugins, found
        )

    def recipe(self) -> Recipe:
        """What a worker process makes the same from."""
        return Recipe(
            self.document,
            self.given,
            self.params,
            self.only,
            self.sources,
            self.seed,
            str(self.pool.device),
            self.pool.dtype,
            self.folder,
            self.registry,
        )


def own_store(folder: Path) -> Path:
    """The store that an output folder has of its own."""
    return folder / FOLDER / "values"


def set_up(
    document: Document,
    registry: Registry,
    inputs: Mapping[str, Any],
    params: Mapping[str, Any],
    seed: int,
    pool: ModelPool,
    out: str | Path | None,
    only: str | None,
    on_error: Literal["stop", "skip"] = "stop",
) -> Setup:
    """Check a request: the pipeline's names, types and devices, the inputs' keys, the outputs' paths.

    Keys that some joined inputs lack are an error, or with `skip` items that will fail.
    """
    graph = compile_graph(document, registry, given=list(inputs), overrides=params)
    if only is not None:
        graph = graph.only(only)
    for node in graph.nodes.values():
        try:
            usable_device(node.options.get("device", "cpu"))
        except ParameterError as error:
            raise error.at(node=node.id, where=node.where) from error.__cause__
    folder = None if out is None else Path(out)
    if out is not None:
        check_folder(out)
    sources = {name: _open(document, graph, registry, name, inputs.get(name, uri)) for name, uri in _used(graph)}
    classes = graph.classes()
    if on_error == "skip":
        needed = graph.needed()
        sources = completed(sources, {name: first for name, first in classes.items() if name in needed})
    keys = input_keys(graph, classes, sources)
    paths = {} if folder is None else output_paths(graph, classes, keys, sources, folder, registry)
    return Setup(
        document,
        registry,
        tuple(inputs),
        dict(params),
        only,
        graph,
        sources,
        classes,
        keys,
        paths,
        seed,
        pool,
        folder,
    )


def usable_device(name: str) -> str:
    """The device's full name; `ParameterError` where nothing can be computed on it."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()  # `meta` has no values to compute with
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        if reason.startswith("Expected one of"):  # a list of twenty, most of which no build has
            reason = "there is no such device type"
        raise ParameterError(f"device '{name}' cannot be used: {reason}", hint=_DEVICES) from error
    return str(device)


def _used(graph: Graph) -> list[tuple[str, str | None]]:
    needed = graph.needed()
    return [(name, uri) for name, uri in graph.sources.items() if name in needed]


def _open(document: Document, graph: Graph, registry: Registry, name: str, given: Any) -> Source:
    node = graph.nodes[name]
    base = get_origin(node.type) or node.type
    if isinstance(given, str) and graph.sources[name] is not None:
        given = _beside(document, given)
    try:
        return open_source(given, registry, base)
    except OtframeError as error:
        if isinstance(error, RequestError):
            raise error.at(node=name) from None
        raise error.at(node=name) from error.__cause__


def _beside(document: Document, default: str) -> str:
    """A default path is meant beside the pipeline file."""
    if ":" in default or not document.file or Path(default).is_absolute():
        return default
    return str(Path(document.file).parent / default)
