"""`matrix`: several values of some parameters in one graph. Only what depends on them is copied.

The copies of a node draw the same random numbers, and the outputs of all copies are kept: tables as one table with a
column for each axis, files under a name or folder for each value.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from otframe.errors import ParameterError, UnknownNameError
from otframe.graph.document import Document, LinkSpec, NodeSpec, OutputSpec
from otframe.graph.graph import Graph
from otframe.graph.params import Params
from otframe.registry import suggest
from otframe.values import Table

__all__ = ["STACK", "expand", "varying"]

STACK = "table.stack"
"""The part that puts the tables of all copies together."""
_MAX_COPIES = 10_000
"""Copies of nodes that a sweep may make, as many as a file may have parts."""


def varying(doc: Document, axes: Mapping[str, Sequence[Any]]) -> frozenset[str]:
    """The nodes that depend on a swept parameter, through their own parameters or through what they read."""
    params = Params(doc)
    found: set[str] = set()
    while True:
        more = {name for name, spec in doc.nodes.items() if name not in found and _used(params, spec) & set(axes)}
        more |= {name for name, spec in doc.nodes.items() if name not in found and _bases(spec) & found}
        follow = {name for name, spec in doc.inputs.items() if (spec.default_from or "").partition(".")[0] in found}
        if follow:
            name = min(follow)
            raise ParameterError(
                f"input '{name}' takes its default from a node that depends on {', '.join(axes)}",
                hint=f"give the input: --in {name}=PATH",
                where=doc.where("inputs", name),
            )
        if not more:
            return frozenset(found)
        found |= more


def expand(doc: Document, graph: Graph, axes: Mapping[str, Sequence[Any]]) -> Document:
    """The document with one copy of each varying node for each combination of values.

    `graph` is the checked document: it tells which outputs are tables. Raises `UnknownNameError` for an axis that is
    no parameter, and `ParameterError` for one without values, with one twice, or that nothing depends on.
    """
    used = {name for spec in doc.nodes.values() for name in _used(Params(doc), spec)}
    for name, values in axes.items():
        if name not in doc.params:
            raise UnknownNameError(
                f"the pipeline has no parameter '{name}' to sweep",
                hint=suggest(name, doc.params, "its parameters"),
                where=doc.where("matrix", name),
            )
        if not isinstance(values, list | tuple) or not values:
            raise ParameterError(
                f"'{name}' is swept over a list of values, got {values!r}", where=doc.where("matrix", name)
            )
        if name not in used:
            raise ParameterError(
                f"'{name}' is swept, but no node depends on it",
                hint=f"write ${name} where it is meant, or do not sweep it",
                where=doc.where("matrix", name),
            )
        for index, value in enumerate(values):
            if any(type(value) is type(other) and value == other for other in values[:index]):
                raise ParameterError(
                    f"'{name}' is swept over {value!r} twice",
                    hint="leave one of them out",
                    where=doc.where("matrix", name),
                )
    moving = varying(doc, axes)
    count = math.prod(len(values) for values in axes.values())
    if count * len(moving) > _MAX_COPIES:
        raise ParameterError(
            f"{count:,} combinations of {', '.join(axes)} take {count * len(moving):,} copies of nodes, at most"
            f" {_MAX_COPIES:,} are made",
            hint="sweep over fewer values",
            where=doc.where("matrix"),
        )
    combinations: list[dict[str, Any]] = [
        dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())
    ]
    nodes = {name: spec for name, spec in doc.nodes.items() if name not in moving}
    outputs = {name: spec for name, spec in doc.outputs.items() if spec.source.partition(".")[0] not in moving}
    tables = {output.name for output in graph.outputs if output.type is Table and not output.origins}
    for number, chosen in enumerate(combinations):
        params = Params(doc, chosen)
        for name in doc.nodes:
            if name in moving:
                nodes[_copy(name, number)] = _copied(name, doc.nodes[name], params, set(axes), moving, number)
        for name, output in doc.outputs.items():
            if output.source.partition(".")[0] in moving and name not in tables:
                outputs[_copy(name, number)] = _output(output, params, chosen, moving, number)
    for name, output in doc.outputs.items():
        if output.source.partition(".")[0] in moving and name in tables:
            stack = f"{name}__all"
            sources = [_renamed(output.source, moving, number) for number in range(len(combinations))]
            told = {"axes": list(axes), "values": [list(values.values()) for values in combinations]}
            nodes[stack] = NodeSpec((LinkSpec(STACK, {"tables": sources}, told),))
            outputs[name] = replace(output, source=stack, before="")
    return replace(doc, nodes=nodes, outputs=outputs, matrix={})


def _copied(name: str, spec: NodeSpec, params: Params, axes: set[str], moving: frozenset[str], number: int) -> NodeSpec:
    links = []
    for link, drawn in zip(spec.links, spec.ids(name), strict=True):
        wires = {port: _wiring(params.fix(wiring, axes), moving, number) for port, wiring in link.wires.items()}
        use = params.fix(link.use, axes)
        owner, dot, verb = use.partition(".")
        if dot and owner in moving:
            use = f"{_copy(owner, number)}.{verb}"
        options = {"rng": spec.options.get("rng", drawn), **link.options}
        links.append(replace(link, use=use, wires=wires, params=params.fix(dict(link.params), axes), options=options))
    return replace(spec, links=tuple(links))


def _wiring(wiring: Any, moving: frozenset[str], number: int) -> Any:
    if isinstance(wiring, Mapping):
        return {label: _renamed(text, moving, number) for label, text in wiring.items()}
    if isinstance(wiring, list):
        return [_renamed(text, moving, number) for text in wiring]
    return _renamed(wiring, moving, number)


def _renamed(text: str, moving: frozenset[str], number: int) -> str:
    name, dot, attribute = text.partition(".")
    return f"{_copy(name, number)}{dot}{attribute}" if name in moving else text


def _copy(name: str, number: int) -> str:
    return f"{name}__{number}"


def _used(params: Params, spec: NodeSpec) -> frozenset[str]:
    """The parameters that a node names."""
    named = (params.used([link.use, dict(link.params), dict(link.wires)]) for link in spec.links)
    return frozenset(name for names in named for name in names)


def _bases(spec: NodeSpec) -> set[str]:
    """The names that a node's references begin with."""
    found = {link.use.partition(".")[0] for link in spec.links if "." in link.use}
    for link in spec.links:
        for wiring in link.wires.values():
            ends = wiring.values() if isinstance(wiring, Mapping) else wiring if isinstance(wiring, list) else [wiring]
            found |= {str(text).partition(".")[0] for text in ends}
    return found


def _output(
    output: OutputSpec, params: Params, values: Mapping[str, Any], moving: frozenset[str], number: int
) -> OutputSpec:
    template = output.to
    if template is not None:
        template = params.fix(template, set(values))
        for name, value in values.items():
            template = template.replace(f"{{{name}}}", str(value))
        if template == output.to:  # no axis is named: a folder for each value
            template = "".join(f"{name}={value}/" for name, value in values.items()) + template
    before = _renamed(output.before, moving, number) if output.before else ""
    return replace(output, source=_renamed(output.source, moving, number), to=template, before=before)
