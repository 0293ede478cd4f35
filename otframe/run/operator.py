"""`Operator`: a fitted pipeline. It runs as any pipeline does, is saved to one file, and is called on arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from otframe.errors import InputError, OtframeError, RequestError
from otframe.graph import Document, compile_graph, freeze, parse_document, to_yaml
from otframe.io import open_source
from otframe.io.write import atomic
from otframe.registry import Registry
from otframe.run.observer import RunResult
from otframe.run.pipeline import Pipeline
from otframe.run.signature import Signature, signature_of
from otframe.values import Image, codec
from otframe.values.stored import StoredOperator
from otframe.version import __version__

__all__ = ["Operator", "fit", "load"]


class Operator(Pipeline):
    """What is left of a pipeline once some of its inputs are bound: the same nodes, with fitted values for the rest.

    Parameters
    ----------
    document : Document
        The pipeline that is left.
    constants : mapping
        Values of the inputs that stand for what was fitted.
    seed : int
        The seed of the fit, which applying starts from too: fit-then-apply gives the bits of one full run.
    """

    def __init__(
        self, document: Document, constants: Mapping[str, Any], registry: Registry | None = None, *, seed: int = 0
    ) -> None:
        super().__init__(document, registry, seed=seed)
        self.constants = dict(constants)

    @property
    def open(self) -> tuple[str, ...]:
        """The inputs that a caller may give, in order."""
        return tuple(name for name in self.document.inputs if name not in self.constants)

    def run(self, inputs: Mapping[str, Any] | None = None, **options: Any) -> RunResult:
        """Apply the operator; as `Pipeline.run`, and fitted values cannot be given anew."""
        given = dict(inputs or {})
        fixed = sorted(set(given) & set(self.constants))
        if fixed:
            raise InputError(
                f"'{fixed[0]}' is fitted and part of the operator", hint=f"its inputs: {', '.join(self.open)}"
            )
        return super().run({**self.constants, **given}, **options)

    def __call__(self, *arrays: Any, **inputs: Any) -> Any:
        """Apply to values or paths by name, as a pipeline; or to one array, which gives the first output as an array.

        `operator(image)` takes what `Image.from_numpy` takes and gives `(H, W, C)` float32.
        """
        return self.call(arrays, inputs)

    def call(self, arrays: tuple[Any, ...], inputs: Mapping[str, Any], **options: Any) -> Any:
        """What calling the operator gives, with options of `run`."""
        if not arrays:
            return super().call((), inputs, **options)
        if len(arrays) > len(self.open):
            raise InputError(f"got {len(arrays)} values, the operator takes {', '.join(self.open) or 'none'}")
        bound = {name: _one(value) for name, value in zip(self.open, arrays, strict=False)}
        first = next(iter(self.document.outputs))
        made = next(iter(self.run({**bound, **inputs}, only=first, **options).values.values()))
        if isinstance(made, dict):
            made = next(iter(made.values()))
        return made.numpy() if isinstance(made, Image) and isinstance(arrays[0], np.ndarray) else made

    @property
    def signature(self) -> Signature:
        """What the operator takes and gives; what was fitted is no input."""
        return signature_of(self.document, self.check(), frozenset(self.constants))

    def save(self, path: str | Path) -> None:
        """Write the operator to one file: it appears whole, or not at all."""
        used = _plugins_used(self.document, self.registry)
        known = {plugin.name: (plugin.distribution, plugin.version) for plugin in self.registry.plugins}
        stored = StoredOperator(
            to_yaml(self.document), self.constants, self.seed, __version__, {name: known[name] for name in sorted(used)}
        )
        with atomic(Path(path)) as temporary:
            temporary.write_bytes(codec.to_bytes(stored, self.registry))


def fit(
    pipeline: Pipeline, inputs: Mapping[str, Any], params: Mapping[str, Any] | None = None, **options: Any
) -> Operator:
    """Freeze what the given inputs decide, compute it, and give the operator that is left.

    Raises `WiringError` where nothing depends on the inputs, nothing is left, or a stream would have to be kept.
    """
    frozen = freeze(pipeline.document, pipeline.registry, list(inputs), params)
    names = {spec.source: name for name, spec in frozen.fit.outputs.items()}
    seed = options.pop("seed", None)
    seed = pipeline.seed if seed is None else seed
    computed = [
        spec.source for spec in frozen.fit.outputs.values() if spec.source.partition(".")[0] in frozen.fit.nodes
    ]
    constants: dict[str, Any] = {}
    if computed:
        wanted = {name: spec for name, spec in frozen.fit.outputs.items() if spec.source in computed}
        part = Pipeline(dataclasses.replace(frozen.fit, outputs=wanted), pipeline.registry, seed=seed)
        constants.update(part.run(inputs, params=params, **options).values)
    for source, name in names.items():
        if source not in computed:  # an input of one value that what is left reads too
            type_ = compile_graph(frozen.rest, pipeline.registry).nodes[name].type
            constants[name] = _only(source, inputs[source], type_, pipeline.registry)
    return Operator(frozen.rest, constants, pipeline.registry, seed=seed)


def load(path: str | Path, registry: Registry | None = None) -> Operator:
    """Read an operator's file.

    Raises
    ------
    RequestError
        The file is no operator, or was made by versions that this installation cannot stand in for.
    """
    registry = registry or Registry.installed()
    try:
        stored = codec.load(path, registry)
    except OtframeError as error:
        raise RequestError(f"{path} is not an operator: {error.message}", hint="make one with `otframe fit`") from error
    if not isinstance(stored, StoredOperator):
        raise RequestError(
            f"{path} holds a {type(stored).__name__}, not an operator", hint="make one with `otframe fit`"
        )
    _check_versions(stored, str(path), registry)
    return Operator(parse_document(stored.pipeline, str(path)), stored.constants, registry, seed=stored.seed)


def _only(name: str, given: Any, type_: Any, registry: Registry) -> Any:
    """The one value that an input is given."""
    try:
        source = open_source(given, registry, type_)
        keys = source.keys()
        if len(keys) != 1:
            told = f"it takes one value, got {len(keys)}: {', '.join(keys[:5])}"
            raise InputError(told, hint="give one file, or declare the input as a stream with []")
        return source.load(keys[0])
    except OtframeError as error:
        raise error.at(node=name) from error.__cause__


def _one(value: Any) -> Any:
    """A single array or value is a stream of one."""
    return [value] if isinstance(value, np.ndarray) else value


def _plugins_used(document: Document, registry: Registry) -> set[str]:
    owners = {entry.name: plugin for entry, plugin in registry.entries()}
    owners.update({entry.name: plugin for entry, plugin in registry.entries("value")})
    found: set[str] = set()
    for spec in document.nodes.values():
        for link in spec.links:
            found |= {owners[text] for text in _texts([link.use, dict(link.params)]) if text in owners}
    for spec_in in document.inputs.values():
        found |= {owners[name] for name in spec_in.type.replace("]", "[").split("[") if name in owners}
    return found - {"otframe"}


def _texts(data: Any) -> list[str]:
    if isinstance(data, Mapping):
        return [text for value in data.values() for text in _texts(value)]
    if isinstance(data, list | tuple):
        return [text for value in data for text in _texts(value)]
    return [data] if isinstance(data, str) else []


def _check_versions(stored: StoredOperator, path: str, registry: Registry) -> None:
    installed = {plugin.name: plugin for plugin in registry.plugins}
    if not stands_in(__version__, stored.otframe):
        raise RequestError(
            f"{path} was made by otframe {stored.otframe}, this is {__version__}",
            hint=f'pip install "otframe=={stored.otframe}", or fit the operator again',
        )
    for name, (distribution, version) in stored.plugins.items():
        there = installed.get(name)
        if there is None or there.failure:
            why = f": {there.failure}" if there is not None else ""
            raise RequestError(
                f"{path} needs plugin '{name}' ({distribution} {version}), which is not here{why}",
                hint=f'pip install "{distribution}=={version}"',
            )
        if not stands_in(there.version, version):
            raise RequestError(
                f"{path} was made with {distribution} {version}, {there.version} is installed",
                hint=f'pip install "{distribution}=={version}", or fit the operator again',
            )


def stands_in(installed: str, made: str) -> bool:
    """Whether a version may apply what another made: not older, and no breaking release between them."""

    def numbers(version: str) -> tuple[int, ...]:
        parts = (*version.split("+")[0].split("."), "0", "0")[:3]
        return tuple(int("".join(c for c in part if c.isdigit()) or 0) for part in parts)

    here, there = numbers(installed), numbers(made)
    same = here[:2] == there[:2] if there[0] == 0 else here[0] == there[0]
    return same and here >= there
