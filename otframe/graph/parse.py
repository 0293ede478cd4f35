"""From plain data to a `Document`: the structure of a pipeline file, checked key by key."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from otframe.errors import PipelineError
from otframe.graph.document import UNTITLED, Document, InputSpec, LinkSpec, NodeSpec, OutputSpec, Path
from otframe.graph.yaml import read_text, read_yaml
from otframe.registry import suggest

__all__ = ["NAME", "OPTIONS", "VERSION", "parse_document", "read_document"]

VERSION = 1
_TOP = ("otframe", "title", "description", "params", "matrix", "inputs", "nodes", "outputs")
_INPUT = ("type", "default", "optional", "unless", "doc")
_OUTPUT = ("from", "to", "before", "doc")
OPTIONS: dict[str, type | tuple[str, ...]] = {
    "device": str,
    "dtype": ("float32", "float64", "bfloat16", "float16"),
    "each": bool,
    "join": ("key",),
    "keep": ("memory", "disk"),
    "rng": str,
    "skip": bool,
}
"""What a node may say besides `use`, `in`, `with` and `steps`, and what each takes."""
_LINK = ("use", "in", "with", *OPTIONS)
_NODE = (*_LINK, "steps")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def parse_document(text: str, file: str = "<text>") -> Document:
    """The document of a pipeline file; `PipelineError` with file, line and column of what is wrong."""
    data, places = read_yaml(text, file)
    return _Parser(Document(file=file, places=places)).document(data)


def read_document(path: str | os.PathLike[str]) -> Document:
    """The document of a pipeline file on disk; `PipelineError` where it cannot be read, or as `parse_document`."""
    return parse_document(read_text(path), os.fspath(path))


class _Parser:
    def __init__(self, doc: Document) -> None:
        self.doc = doc

    def fail(self, message: str, path: Path, hint: str) -> PipelineError:
        return PipelineError(message, hint=hint, where=self.doc.where(*path))

    def mapping(self, data: Any, path: Path, what: str, allowed: tuple[str, ...] = ()) -> dict[str, Any]:
        if data is None:
            data = {}
        if not isinstance(data, dict):
            raise self.fail(f"{what} must be a mapping, got {_kind(data)}", path, "write `key: value` lines under it")
        for key in data:
            if allowed and key not in allowed:
                raise self.fail(f"{what} has no key '{key}'", (*path, key), suggest(key, allowed, "allowed"))
        return data

    def text(self, data: Any, path: Path, what: str, *, empty: bool = False) -> str:
        if not isinstance(data, str) or not (data or empty):
            hint = "quote it" if isinstance(data, int | float) else "write a text after the colon"
            raise self.fail(f"{what} must be a text, got {_kind(data)}", path, hint)
        return data

    def texts(self, data: Any, path: Path, what: str) -> tuple[str, ...]:
        """One text or a list of texts."""
        if isinstance(data, list):
            return tuple(self.text(item, (*path, i), what) for i, item in enumerate(data))
        return (self.text(data, path, what),)

    def flag(self, data: Any, path: Path, what: str) -> bool:
        if not isinstance(data, bool):
            raise self.fail(f"{what} must be true or false, got {_kind(data)}", path, "write true or false, unquoted")
        return data

    def document(self, data: Any) -> Document:
        top = self.mapping(data, (), "a pipeline", _TOP)
        if "otframe" not in top:
            raise self.fail("the file does not say `otframe: 1`", (), "a pipeline file starts with `otframe: 1`")
        if type(top["otframe"]) is not int or top["otframe"] != VERSION:
            raise self.fail(
                f"this otframe reads pipeline format {VERSION}, the file is {top['otframe']!r}",
                ("otframe",),
                "upgrade otframe, or write `otframe: 1`",
            )
        params = self.mapping(top.get("params"), ("params",), "params")
        self.names(params, "params", "a parameter")
        inputs = self.mapping(top.get("inputs"), ("inputs",), "inputs")
        self.names(inputs, "inputs", "an input")
        nodes = self.mapping(top.get("nodes"), ("nodes",), "nodes")
        self.names(nodes, "nodes", "a node")
        if not nodes:
            raise self.fail("the pipeline has no nodes", ("nodes",), "add `nodes:` with at least one component")
        for name in nodes:
            if name in inputs:
                raise self.fail(f"'{name}' is both an input and a node", ("nodes", name), "rename one of them")
        outputs = self.mapping(top.get("outputs"), ("outputs",), "outputs")
        self.names(outputs, "outputs", "an output")
        if not outputs:
            raise self.fail("the pipeline has no outputs", ("outputs",), "name what to keep: `outputs: {result: node}`")
        return Document(
            title=self.text(top.get("title", UNTITLED), ("title",), "title", empty=True),
            description=self.text(top.get("description", ""), ("description",), "description", empty=True),
            params=params,
            inputs={name: self.input(spec, ("inputs", name)) for name, spec in inputs.items()},
            nodes={name: self.node(spec, ("nodes", name)) for name, spec in nodes.items()},
            outputs={name: self.output(spec, ("outputs", name)) for name, spec in outputs.items()},
            matrix=self.matrix(top.get("matrix"), params),
            file=self.doc.file,
            places=self.doc.places,
        )

    def names(self, found: Mapping[str, Any], section: str, what: str) -> None:
        for name in found:
            if not NAME.match(name):
                raise self.fail(
                    f"'{name}' cannot name {what}", (section, name), "use letters, digits and _, not a digit first"
                )

    def matrix(self, data: Any, params: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters with a list of values each."""
        found = self.mapping(data, ("matrix",), "matrix")
        for name, values in found.items():
            if name not in params:
                raise self.fail(
                    f"matrix names no parameter: '{name}'", ("matrix", name), suggest(name, params, "the parameters")
                )
            if not isinstance(values, list) or not values:
                raise self.fail(
                    f"'{name}' takes a list of values, got {_kind(values)}", ("matrix", name), f"write `{name}: [0, 1]`"
                )
        return found

    def input(self, data: Any, path: Path) -> InputSpec:
        if isinstance(data, str):
            return InputSpec(data)
        spec = self.mapping(data, path, "an input", _INPUT)
        if "type" not in spec:
            raise self.fail("an input needs a type", path, 'write `name: Image[]` or `name: {type: "Image[]", ...}`')
        default, default_from = spec.get("default"), None
        if isinstance(default, dict):
            source = self.mapping(default, (*path, "default"), "a default", ("from",))
            if "from" not in source:
                raise self.fail(
                    "a default names a path, or a node by `from`", (*path, "default"), "write `default: {from: node}`"
                )
            default, default_from = None, self.text(source["from"], (*path, "default", "from"), "from")
        elif default is not None:
            default = self.text(default, (*path, "default"), "a default")
        return InputSpec(
            type=self.text(spec["type"], (*path, "type"), "type"),
            default=default,
            default_from=default_from,
            optional=self.flag(spec.get("optional", False), (*path, "optional"), "optional"),
            unless=self.texts(spec["unless"], (*path, "unless"), "unless") if "unless" in spec else (),
            doc=self.text(spec.get("doc", ""), (*path, "doc"), "doc", empty=True),
        )

    def output(self, data: Any, path: Path) -> OutputSpec:
        if isinstance(data, str):
            return OutputSpec(data)
        spec = self.mapping(data, path, "an output", _OUTPUT)
        if "from" not in spec:
            raise self.fail("an output needs the node it comes from", path, "write `name: {from: node}`")
        return OutputSpec(
            source=self.text(spec["from"], (*path, "from"), "from"),
            to=self.text(spec["to"], (*path, "to"), "to") if "to" in spec else None,
            before=self.text(spec["before"], (*path, "before"), "before") if "before" in spec else "",
            doc=self.text(spec.get("doc", ""), (*path, "doc"), "doc", empty=True),
        )

    def node(self, data: Any, path: Path) -> NodeSpec:
        if isinstance(data, str):
            return NodeSpec((LinkSpec(data, path=path),))
        spec = self.mapping(data, path, "a node", _NODE)
        if "steps" not in spec:
            return NodeSpec((self.link(spec, path),))
        for key in ("use", "with"):
            if key in spec:
                raise self.fail(f"a node with `steps` has no `{key}` of its own", (*path, key), "move it into a step")
        steps = spec["steps"]
        if not isinstance(steps, list) or not steps:
            raise self.fail(
                f"steps must be a list of components, got {_kind(steps)}",
                (*path, "steps"),
                "write `steps: [first, {second: {parameter: value}}]`",
            )
        links = [self.step(step, (*path, "steps", i)) for i, step in enumerate(steps)]
        first = links[0]
        wires = self.wires(spec["in"], (*path, "in")) if "in" in spec else {}
        clash = sorted(set(wires) & set(first.wires))
        if clash:
            port = f"port '{clash[0]}'" if clash[0] else "the first port"
            raise self.fail(
                f"{port} of the first step is wired twice", (*first.path, "in"), "wire it here or in the node's `in`"
            )
        links[0] = replace(first, wires={**wires, **first.wires})
        return NodeSpec(tuple(links), stepwise=True, options=self.options(spec, path))

    def step(self, data: Any, path: Path) -> LinkSpec:
        if isinstance(data, str):
            return LinkSpec(data, path=path)
        if isinstance(data, dict) and "use" not in data and len(data) == 1:
            ((use, params),) = data.items()
            if use in _NODE:
                raise self.fail(
                    "a step needs a `use`", path, "write a name, `{name: parameters}` or `{use: name, ...}`"
                )
            return LinkSpec(use, params=self.mapping(params, (*path, use), "parameters"), path=(*path, use))
        return self.link(self.mapping(data, path, "a step", _LINK), path, "a step needs a `use`")

    def link(self, spec: Mapping[str, Any], path: Path, needs: str = "a node needs a `use` or `steps`") -> LinkSpec:
        if "use" not in spec:
            raise self.fail(needs, path, "write `use: component`, see `otframe list`")
        return LinkSpec(
            use=self.text(spec["use"], (*path, "use"), "use"),
            wires=self.wires(spec["in"], (*path, "in")) if "in" in spec else {},
            params=self.mapping(spec.get("with"), (*path, "with"), "with"),
            options=self.options(spec, path),
            path=path,
        )

    def wires(self, data: Any, path: Path) -> dict[str, Any]:
        if isinstance(data, str | list):
            return {"": self.wiring(data, path)}
        return {port: self.wiring(ref, (*path, port)) for port, ref in self.mapping(data, path, "in").items()}

    def wiring(self, data: Any, path: Path) -> Any:
        if isinstance(data, list) and data:
            return [self.text(ref, (*path, i), "a reference") for i, ref in enumerate(data)]
        if isinstance(data, dict) and data:
            return {label: self.text(ref, (*path, label), "a reference") for label, ref in data.items()}
        if data in ([], {}):
            raise self.fail("nothing is wired here", path, "name a node or an input")
        return self.text(data, path, "a reference")

    def options(self, spec: Mapping[str, Any], path: Path) -> dict[str, Any]:
        found = {}
        for key, wanted in OPTIONS.items():
            if key not in spec:
                continue
            value = spec[key]
            if isinstance(wanted, tuple):
                if value not in wanted:
                    raise self.fail(
                        f"{key} must be {' or '.join(wanted)}, got {_kind(value)}",
                        (*path, key),
                        f"write `{key}: {wanted[0]}`, or leave it out",
                    )
                found[key] = value
            elif wanted is bool:
                found[key] = self.flag(value, (*path, key), key)
            else:
                found[key] = self.text(value, (*path, key), key)
        return found


def _kind(data: Any) -> str:
    if data is None:
        return "nothing"
    if isinstance(data, bool):
        return "true" if data else "false"
    if isinstance(data, int | float):
        return f"a number ({data!r})"
    if isinstance(data, str):
        return f"a text ({data[:40]!r})" if data else "an empty text"
    return f"{'a' if data else 'an empty'} {'mapping' if isinstance(data, dict) else 'list'}"
