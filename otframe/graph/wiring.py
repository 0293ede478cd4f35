"""Types and arrows along the wires of one node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otframe.errors import WiringError
from otframe.graph.graph import Arrow, Node, Ref, Wire, refs
from otframe.interfaces import Accumulator, Component
from otframe.ports import Bindings, Signature, describe, substitute, unify

__all__ = ["arrows", "check_complete", "type_of", "unify_wires"]


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


def check_complete(use: str, sig: Signature, wires: Mapping[str, Wire], constants: Mapping[str, Any]) -> None:
    """Every required port is wired or filled."""
    for port in sig.inputs:
        if port.required and port.name not in wires and port.name not in constants:
            how = f"`with: {{{port.name}: ...}}` or " if port.plain else ""
            raise WiringError(
                f"port '{port.name}' of '{use}' is not wired; it wants {describe(port.hint)}",
                hint=f"add {how}`in: {{{port.name}: node}}`",
                port=port.name,
            )


def unify_wires(use: str, sig: Signature, wires: Mapping[str, Wire], nodes: Mapping[str, Node]) -> Bindings:
    """What the type variables of a verb stand for, given its wires."""
    bindings: Bindings = {}
    for port in sig.inputs:
        for ref in refs(wires[port.name]) if port.name in wires else ():
            try:
                found = unify(port.hint, type_of(ref, nodes), bindings)
            except WiringError as error:
                raise error.at(port=port.name) from None
            if found is None:
                wanted = describe(substitute(port.hint, bindings))
                raise WiringError(
                    f"port '{port.name}' of '{use}' wants {wanted}, '{ref}' gives {nodes[ref.node].describe()}",
                    hint=_givers(wanted, nodes),
                    port=port.name,
                )
            bindings = found
    return bindings


def arrows(
    use: str,
    cls: type[Component],
    sig: Signature,
    wires: Mapping[str, Wire],
    nodes: Mapping[str, Node],
    options: Mapping[str, Any],
) -> tuple[frozenset[str], Arrow, frozenset[str]]:
    """The origin of a node's value, its arrow, and the ports that take a stream whole."""
    folding = issubclass(cls, Accumulator)
    each = bool(options.get("each", False))
    if each and not folding:
        raise WiringError(f"`each` is for accumulators, '{use}' is none", hint="remove it: a transform maps by itself")
    whole = frozenset(p.name for p in sig.inputs if p.gather != "one" and isinstance(wires.get(p.name), Ref))
    streams: dict[frozenset[str], str] = {}
    for port, wire in wires.items():
        if port not in whole:
            for ref in refs(wire):
                if nodes[ref.node].origins:
                    streams.setdefault(nodes[ref.node].origins, str(ref))
    union: frozenset[str] = frozenset().union(*streams)
    if len(streams) > 1 and union not in streams and options.get("join") != "key":
        told = " and ".join(f"'{ref}' (from {', '.join(sorted(o))})" for o, ref in streams.items())
        raise WiringError(
            f"streams of different origins meet at '{use}': {told}",
            hint="add `join: key` to pair their items by key (file stem)",
        )
    if folding and not each:
        return frozenset(), "reduce", whole
    return union, ("each" if folding else "map") if union else "once", whole


def _givers(wanted: str, nodes: Mapping[str, Node]) -> str:
    fitting = [node.id for node in nodes.values() if describe(node.type) == wanted]
    if fitting:
        return f"in this pipeline these give {wanted}: {', '.join(fitting[:5])}"
    return "`otframe show NAME` tells what a component takes and gives"
