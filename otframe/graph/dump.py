"""Writing a `Document` as YAML: nothing that a pipeline is gets lost on the way there and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from otframe.graph.document import Document, InputSpec, LinkSpec, NodeSpec, OutputSpec
from otframe.graph.emit import emit
from otframe.graph.parse import OPTIONS, VERSION

__all__ = ["to_data", "to_yaml"]


def to_yaml(doc: Document) -> str:
    """The YAML text of a document; reading it gives an equal document."""
    return emit(to_data(doc), sections=("inputs", "nodes", "outputs"))


def to_data(doc: Document) -> dict[str, Any]:
    """The document as plain data."""
    data: dict[str, Any] = {"otframe": VERSION, "title": doc.title}
    if doc.description:
        data["description"] = doc.description
    if doc.params:
        data["params"] = dict(doc.params)
    if doc.matrix:
        data["matrix"] = {name: list(values) for name, values in doc.matrix.items()}
    if doc.inputs:
        data["inputs"] = {name: _input(spec) for name, spec in doc.inputs.items()}
    data["nodes"] = {name: _node(spec) for name, spec in doc.nodes.items()}
    data["outputs"] = {name: _output(spec) for name, spec in doc.outputs.items()}
    return data


def _input(spec: InputSpec) -> Any:
    unless = spec.unless[0] if len(spec.unless) == 1 else list(spec.unless)
    default = {"from": spec.default_from} if spec.default_from else spec.default
    found = {"type": spec.type, "default": default, "optional": spec.optional, "unless": unless, "doc": spec.doc}
    kept = {key: value for key, value in found.items() if value}
    return kept if len(kept) > 1 else spec.type


def _output(spec: OutputSpec) -> Any:
    found = {"from": spec.source, "to": spec.to, "before": spec.before, "doc": spec.doc}
    kept = {key: value for key, value in found.items() if value}
    return kept if len(kept) > 1 else spec.source


def _node(spec: NodeSpec) -> Any:
    if not spec.stepwise:
        return _link(spec.links[0])
    first, *rest = spec.links
    data: dict[str, Any] = {"in": _wires(first.wires)} if first.wires else {}
    data["steps"] = [_step(link) for link in (replace(first, wires={}), *rest)]
    return {**data, **_options(spec.options)}


def _step(link: LinkSpec) -> Any:
    if not link.wires and not link.options:
        return {link.use: dict(link.params)} if link.params else link.use
    return _link(link)


def _link(link: LinkSpec) -> dict[str, Any]:
    data: dict[str, Any] = {"use": link.use}
    if link.wires:
        data["in"] = _wires(link.wires)
    if link.params:
        data["with"] = dict(link.params)
    return {**data, **_options(link.options)}


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: options[key] for key in OPTIONS if key in options}


def _wires(wires: Mapping[str, Any]) -> Any:
    return wires[""] if set(wires) == {""} and not isinstance(wires[""], dict) else dict(wires)
