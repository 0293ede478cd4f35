"""Writing a `Document` as YAML: nothing that a pipeline is gets lost on the way there and back."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from otframe.graph.document import Document, InputSpec, LinkSpec, NodeSpec, OutputSpec
from otframe.graph.parse import VERSION

__all__ = ["to_data", "to_yaml"]


def to_yaml(doc: Document) -> str:
    """The YAML text of a document; reading it gives an equal document."""
    yaml = YAML()
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump(_styled(to_data(doc), 0), stream)
    return stream.getvalue()


def to_data(doc: Document) -> dict[str, Any]:
    """The document as plain data."""
    data: dict[str, Any] = {"otframe": VERSION, "title": doc.title}
    if doc.description:
        data["description"] = doc.description
    if doc.params:
        data["params"] = dict(doc.params)
    if doc.inputs:
        data["inputs"] = {name: _input(spec) for name, spec in doc.inputs.items()}
    data["nodes"] = {name: _node(spec) for name, spec in doc.nodes.items()}
    data["outputs"] = {name: _output(spec) for name, spec in doc.outputs.items()}
    return data


def _input(spec: InputSpec) -> Any:
    default = {"from": spec.default_from} if spec.default_from else spec.default
    found = {"type": spec.type, "default": default, "optional": spec.optional, "unless": spec.unless[0] if len(spec.unless) == 1 else list(spec.unless), "doc": spec.doc}
    kept = {key: value for key, value in found.items() if value}
    return kept if len(kept) > 1 else spec.type


def _output(spec: OutputSpec) -> Any:
    found = {"from": spec.source, "to": spec.to, "before": spec.before, "doc": spec.doc}
    kept = {key: value for key, value in found.items() if value}
    return kept if len(kept) > 1 else spec.source


def _node(spec: NodeSpec) -> Any:
    if not spec.stepwise:
        return _link(spec.links[0])
    shared = {
        key: value
        for key, value in spec.links[0].options.items()
        if all(key in link.options and link.options[key] == value for link in spec.links)
    }
    first, *rest = spec.links
    data: dict[str, Any] = {"in": _wires(first.wires)} if first.wires else {}
    bare = LinkSpec(first.use, {}, first.params, first.options, first.path)
    data["steps"] = [_step(link, shared) for link in (bare, *rest)]
    return {**data, **shared}


def _step(link: LinkSpec, shared: Mapping[str, Any]) -> Any:
    own = {key: value for key, value in link.options.items() if key not in shared}
    if not link.wires and not own:
        return {link.use: dict(link.params)} if link.params else link.use
    return _link(LinkSpec(link.use, link.wires, link.params, own, link.path))


def _link(link: LinkSpec) -> dict[str, Any]:
    data: dict[str, Any] = {"use": link.use}
    if link.wires:
        data["in"] = _wires(link.wires)
    if link.params:
        data["with"] = dict(link.params)
    return {**data, **link.options}


def _wires(wires: Mapping[str, Any]) -> Any:
    return wires[""] if set(wires) == {""} and not isinstance(wires[""], dict) else dict(wires)


def _styled(data: Any, depth: int) -> Any:
    """Sections and nodes on lines of their own, everything deeper in braces: as people write pipelines."""
    if isinstance(data, Mapping):
        styled = CommentedMap((key, _styled(value, depth + 1)) for key, value in data.items())
        if depth >= 2 or (depth == 1 and not any(isinstance(v, Mapping) for v in data.values())):
            styled.fa.set_flow_style()
        return styled
    if isinstance(data, list | tuple):
        items = CommentedSeq(_styled(value, depth + 1) for value in data)
        items.fa.set_flow_style()
        return items
    return data
