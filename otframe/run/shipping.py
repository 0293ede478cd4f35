"""What crosses to another process, and how it is put together again there.

Names and plain data are pickled; values and tensors go as the bytes of the codec, and what both sides have (the graph,
its components, the registry) goes by name only. A worker makes its own registry, graph and models from a `Recipe`.
"""

from __future__ import annotations

import io
import pickle
import sys
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from types import MappingProxyType
from typing import Any

import safetensors.torch
import torch

from otframe.errors import ComponentError, DataError, OtframeError, PluginError
from otframe.graph import Document, Graph
from otframe.interfaces import Component
from otframe.io.source import Source
from otframe.registry import Registry
from otframe.run.item import ItemResult, PassWork
from otframe.values import Value, exact

__all__ = [
    "Recipe",
    "RegistrySpec",
    "Threads",
    "known",
    "pack",
    "pack_recipe",
    "pack_result",
    "pack_work",
    "unpack",
    "unpack_recipe",
    "unpack_result",
]

_HINT = "run with the executor 'serial' or 'threads', which keep everything in one process"


@dataclass(frozen=True)
class RegistrySpec:
    """A registry by names: the plugins it may load, and its own entry points where it has any."""

    allow: tuple[str, ...] | None
    points: tuple[tuple[str, str, str], ...] | None
    loaded: tuple[str, ...]

    @classmethod
    def of(cls, registry: Registry) -> RegistrySpec:
        """The names of a registry."""
        allow = None if registry.allow is None else tuple(registry.allow)
        points = None if registry.points is None else tuple((p.name, p.value, p.group) for p in registry.points)
        return cls(allow, points, tuple(plugin.name for plugin in registry.plugins if not plugin.failure))

    def build(self) -> Registry:
        """The same registry in this process; `PluginError` where a plugin cannot be imported here."""
        points = None if self.points is None else [EntryPoint(*point) for point in self.points]
        registry = Registry(self.allow, points)
        here = {plugin.name: plugin.failure for plugin in registry.plugins}
        for name in self.loaded:
            failure = here.get(name, "it is not installed")
            if failure:
                raise PluginError(
                    f"plugin '{name}' cannot be loaded in a worker process: {failure}",
                    hint=f"a worker finds plugins by import: install it, put it on PYTHONPATH, or {_HINT}",
                )
        return registry


@dataclass(frozen=True)
class Threads:
    """How many threads one task may use in torch and in OpenCV (None: OpenCV's own choice)."""

    torch: int
    opencv: int | None

    @classmethod
    def here(cls) -> Threads:
        """The numbers of this process."""
        opencv = sys.modules.get("cv2")
        return cls(torch.get_num_threads(), None if opencv is None else opencv.getNumThreads())

    def apply(self) -> None:
        """Use these numbers in this process."""
        torch.set_num_threads(self.torch)
        if self.opencv is not None:
            import cv2

            cv2.setNumThreads(self.opencv)


@dataclass(frozen=True)
class Recipe:
    """What a worker makes the graph and its surroundings from.

    Parameters
    ----------
    document : Document
        The pipeline, swept values written out.
    given, params, only
        What compiling it took: names of given inputs, values of parameters, the one output wanted.
    sources : mapping
        The inputs' sources; values given from Python cross whole.
    """

    document: Document
    given: tuple[str, ...]
    params: Mapping[str, Any]
    only: str | None
    sources: Mapping[str, Source]
    seed: int
    device: str
    dtype: torch.dtype
    workdir: Path | None
    registry: Registry
    threads: Threads = field(default_factory=Threads.here)


def known(work: PassWork) -> dict[Any, Any]:
    """What both sides of a pass have, by a name that crosses instead of it."""
    found: dict[Any, Any] = {
        "graph": work.graph,
        "sources": work.sources,
        "caller": work.caller,
        "write": work.write,
        "kept": work.kept,
    }
    found.update(_parts(work.graph))
    return found


def _parts(graph: Graph) -> dict[Any, Any]:
    outputs = {("output", output.name): output for output in graph.outputs}
    nodes = {("component", name): node.component for name, node in graph.nodes.items() if node.component is not None}
    return {**outputs, **nodes}


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, registry: Registry, shared: Mapping[Any, Any]) -> None:
        super().__init__(file, protocol=5)
        self.registry = registry
        self.names = {id(thing): name for name, thing in shared.items()}

    def persistent_id(self, obj: Any) -> Any:
        if id(obj) in self.names:
            return ("known", self.names[id(obj)])
        if obj is self.registry:
            return ("registry",)
        if isinstance(obj, Value):
            return ("value", exact.to_bytes(obj, self.registry))
        if isinstance(obj, torch.Tensor):
            if type(obj) is not torch.Tensor or obj.layout is not torch.strided:
                raise DataError(f"a {type(obj).__name__} ({obj.layout}) cannot go to another process", hint=_HINT)
            plain = obj.detach().cpu().clone(memory_format=torch.contiguous_format)
            return ("tensor", safetensors.torch.save({"": plain}), exact.layout(obj))
        if isinstance(obj, Component):
            raise DataError(f"a component ({type(obj).__name__}) cannot go to another process", hint=_HINT)
        return None

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, MappingProxyType):
            return MappingProxyType, (dict(obj),)
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, registry: Registry, shared: Mapping[Any, Any]) -> None:
        super().__init__(file)
        self.registry, self.shared = registry, shared

    def persistent_load(self, pid: Any) -> Any:
        kind, *rest = pid
        if kind == "known":
            return self.shared[rest[0]]
        if kind == "registry":
            return self.registry
        if kind == "tensor":
            return exact.laid(safetensors.torch.load(rest[0])[""], rest[1])
        return exact.from_bytes(rest[0], self.registry)


def pack(thing: Any, registry: Registry, shared: Mapping[Any, Any] | None = None) -> bytes:
    """The bytes of something that is to cross; `DataError` where it cannot."""
    file = io.BytesIO()
    try:
        _Pickler(file, registry, shared or {}).dump(thing)
    except OtframeError:
        raise
    except Exception as error:
        raise DataError(f"it cannot go to another process: {type(error).__name__}: {error}", hint=_HINT) from error
    return file.getvalue()


def unpack(data: bytes, registry: Registry, shared: Mapping[Any, Any] | None = None) -> Any:
    """What `pack` was given; `DataError` where it cannot be made here."""
    try:
        return _Unpickler(io.BytesIO(data), registry, shared or {}).load()
    except OtframeError:
        raise
    except Exception as error:
        told = f"it came from another process and cannot be read: {type(error).__name__}: {error}"
        raise DataError(told, hint=_HINT) from error


def pack_recipe(recipe: Recipe) -> bytes:
    """The bytes of a recipe; `DataError` with the input that cannot cross."""
    try:
        body = pack(recipe, recipe.registry)
    except OtframeError as error:
        for name, source in recipe.sources.items():
            try:
                pack(source, recipe.registry)
            except OtframeError as found:
                raise found.at(node=name) from error
        raise
    return pickle.dumps((RegistrySpec.of(recipe.registry), body))


def unpack_recipe(data: bytes) -> Recipe:
    """The recipe that `pack_recipe` was given, with a registry of this process."""
    spec, body = pickle.loads(data)
    recipe = unpack(body, spec.build())
    assert isinstance(recipe, Recipe)
    return recipe


def pack_work(work: PassWork, registry: Registry) -> bytes:
    """The bytes of a pass; `ComponentError` with the node whose value cannot cross."""
    shared = known(work)
    try:
        return pack(work, registry, shared)
    except OtframeError as error:
        parts = [(ref.node, value) for ref, value in work.constants.items()] + list(work.whole.items())
        raise _blamed(error, parts, work, registry, shared) from error


def pack_result(result: ItemResult, work: PassWork, registry: Registry) -> bytes:
    """The bytes of an item's result; `ComponentError` with the node whose value cannot cross."""
    shared = known(work)
    causes = [_trace(error) for error in result.errors()]
    try:
        return pack((result, causes), registry, shared)
    except OtframeError as error:
        parts = [*result.states.items(), *((ref.node, value) for ref, value in result.values.items())]
        raise _blamed(error, parts, work, registry, shared).at(key=result.key) from error


def unpack_result(data: bytes, work: PassWork, registry: Registry) -> ItemResult:
    """The result that `pack_result` was given; its errors tell what they came from."""
    result, causes = unpack(data, registry, known(work))
    assert isinstance(result, ItemResult)
    for error, cause in zip(result.errors(), causes, strict=True):
        if cause:
            error.__cause__ = RuntimeError(f"in a worker process:\n{cause}")
    return result


def _blamed(
    error: OtframeError, parts: Iterable[tuple[str, Any]], work: PassWork, registry: Registry, shared: Mapping[Any, Any]
) -> OtframeError:
    """The error of what cannot cross, with the node that it belongs to."""
    for name, part in parts:
        try:
            pack(part, registry, shared)
        except OtframeError as found:
            node = work.graph.nodes[name]
            told = f"what '{node.use}' gives cannot go to another process: {found.message}"
            return ComponentError(told, hint=_HINT, node=name, where=node.where)
    return error


def _trace(error: OtframeError) -> str:
    return "".join(traceback.format_exception(error.__cause__)) if error.__cause__ is not None else ""
