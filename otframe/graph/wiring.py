"""Types and arrows along the wires of one node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from otframe.errors import Where, WiringError
from otframe.graph.graph import Arrow, Node, Ref, Wire, refs
from otframe.interfaces import Accumulator, Component
from otframe.ports import Bindings, Port, Signature, describe, substitute, unify

__all__ = ["Wires", "arrows", "check_complete", "type_of", "unify_wires"]


@dataclass
class Wires:
    """The wires of one node by port, and the place in the file of each of their ends."""

    wires: dict[str, Wire] = field(default_factory=dict)
    places: dict[str, tuple[Where | None, ...]] = field(default_factory=dict)

    def ends(self, port: str) -> Iterator[tuple[Ref, Where | None]]:
        """What a port reads, each with its place."""
        if port in self.wires:
            yield from zip(refs(self.wires[port]), self.places[port], strict=True)


def type_of(ref: Ref, nodes: Mapping[str, Node]) -> Any:
    """The type that a wire carries."""
    node = nodes[ref.node]
    if ref.field:
        return node.fields[ref.field]
    if node.fields:
        raise WiringError(
            f"'{ref.node}' gives several values; say which",
            hint=f"write one of: {', '.join(f'{ref.node}.{name}' for name in node.fields)}",
        )
    return node.type


def check_complete(use: str, sig: Signature, wires: Wires, constants: Mapping[str, Any]) -> None:
    """Every required port is wired or filled."""
    for port in sig.inputs:
        if port.required and port.name not in wires.wires and port.name not in constants:
            how = f"`with: {{{port.name}: ...}}` or " if port.plain else ""
            raise WiringError(
                f"port '{port.name}' of '{use}' is not wired; it wants {describe(port.hint)}",
                hint=f"add {how}`in: {{{port.name}: node}}`",
                port=port.name,
            )


def unify_wires(use: str, sig: Signature, wires: Wires, nodes: Mapping[str, Node]) -> Bindings:
    """What the type variables of a verb stand for, given its wires."""
    bindings: Bindings = {}
    for port in sig.inputs:
        for ref, where in wires.ends(port.name):
            try:
                bindings = _unify_end(use, port, ref, nodes, bindings)
            except WiringError as error:
                raise error.at(port=port.name, where=where) from None
    return bindings


def _unify_end(use: str, port: Port, ref: Ref, nodes: Mapping[str, Node], bindings: Bindings) -> Bindings:
    given = type_of(ref, nodes)
    found = unify(port.hint | None if port.optional else port.hint, given, bindings)
    if found is None:
        wanted = describe(substitute(port.hint, bindings))
        stream = "[]" if nodes[ref.node].streams else ""
        raise WiringError(
            f"port '{port.name}' of '{use}' wants {wanted}, '{ref}' gives {describe(given)}{stream}",
            hint=_givers(wanted, nodes),
        )
    return found


def arrows(
    use: str, cls: type[Component], sig: Signature, wires: Wires, nodes: Mapping[str, Node], options: Mapping[str, Any]
) -> tuple[frozenset[str], Arrow, frozenset[str]]:
    """The origin of a node's value, its arrow, and the ports that take a stream whole."""
    folding = issubclass(cls, Accumulator)
    each = bool(options.get("each", False))
    whole = frozenset(p.name for p in sig.inputs if p.gather != "one" and isinstance(wires.wires.get(p.name), Ref))
    streams: dict[frozenset[str], tuple[str, str, Where | None]] = {}
    for port in wires.wires:
        for ref, where in wires.ends(port) if port not in whole else ():
            if nodes[ref.node].origins:
                streams.setdefault(nodes[ref.node].origins, (str(ref), port, where))
    union: frozenset[str] = frozenset().union(*streams)
    if len(streams) > 1 and union not in streams and options.get("join") != "key":
        told = " and ".join(f"'{ref}' (from {', '.join(sorted(o))})" for o, (ref, _, _) in streams.items())
        _, port, where = list(streams.values())[1]
        raise WiringError(
            f"streams of different origins meet at '{use}': {told}",
            hint="add `join: key` to the node, to pair their items by key (file stem)",
            port=port,
            where=where,
        )
    if folding and not each:
        return frozenset(), "reduce", whole
    return union, ("each" if folding else "map") if union else "once", whole


def _givers(wanted: str, nodes: Mapping[str, Node]) -> str:
    fitting = [
        name
        for node in nodes.values()
        if "/" not in node.id
        for name, type_ in ({f"{node.id}.{key}": t for key, t in node.fields.items()} or {node.id: node.type}).items()
        if describe(type_) == wanted
    ]
    if fitting:
        return f"in this pipeline these give {wanted}: {', '.join(fitting[:5])}"
    return "`otframe show NAME` tells what a component takes and gives"
