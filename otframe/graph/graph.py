"""`Graph`: a checked pipeline. Every node has its component, its ports' types, its arrow and its origin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from otframe.errors import Where
from otframe.interfaces import Component
from otframe.ports import Signature, describe

__all__ = ["Arrow", "Graph", "Node", "Output", "Ref", "Wire", "refs"]

Arrow = Literal["input", "model", "once", "map", "each", "reduce"]
"""How a node meets its streams: read from outside, a model's value, called once, for each item, folded item by item
for each, or folded over all."""


@dataclass(frozen=True)
class Ref:
    """One end of a wire: a node's value, or a field of it."""

    node: str
    field: str = ""

    def __str__(self) -> str:
        return f"{self.node}.{self.field}" if self.field else self.node


Wire = Ref | tuple[Ref, ...] | Mapping[str, Ref]


def refs(wire: Wire) -> tuple[Ref, ...]:
    """The ends of a wire, one or several."""
    if isinstance(wire, Ref):
        return (wire,)
    return tuple(wire.values()) if isinstance(wire, Mapping) else wire


@dataclass(frozen=True)
class Node:
    """A checked node.

    Parameters
    ----------
    id : str
        Its path in the pipeline: the node's name, with `/2` for the second of its steps where it is not the last.
    use : str
        The component's public name, `node.verb` of a model, or the type of an input.
    component : Component, optional
        The component; None for inputs and for verbs of a model that comes by wire.
    model : Ref, optional
        Where a verb's model comes from.
    wires, constants : mapping
        What each port is wired to or filled with; ports not named keep the verb's default.
    type : type
        What one item of its value is; `fields` names the parts of a NamedTuple.
    origins : frozenset of str
        The inputs whose keys its stream has; empty for a single value.
    arrow : str
        How it meets its streams.
    whole : frozenset of str
        Ports that take a stream whole: gathered into a list or mapping, or as a lazy view.
    """

    id: str
    use: str
    type: Any
    origins: frozenset[str]
    arrow: Arrow
    component: Component | None = None
    model: Ref | None = None
    signature: Signature | None = None
    wires: Mapping[str, Wire] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    options: Mapping[str, Any] = field(default_factory=dict)
    where: Where | None = None

    @property
    def streams(self) -> bool:
        """Whether its value is a stream."""
        return bool(self.origins)

    @property
    def rng(self) -> str:
        """The name its randomness is drawn for."""
        return str(self.options.get("rng", self.id))

    def reads(self) -> Iterator[Ref]:
        """Every value it reads."""
        for wire in self.wires.values():
            yield from refs(wire)
        if self.model is not None:
            yield self.model

    def describe(self) -> str:
        """Its value's type as people write it."""
        return describe(self.type) + ("[]" if self.streams else "")


@dataclass(frozen=True)
class Output:
    """A named result: where it comes from, the template of its file name, and what it is shown beside."""

    name: str
    source: Ref
    to: str | None
    before: Ref | None
    type: Any
    origins: frozenset[str]
    where: Where | None = None


@dataclass(frozen=True)
class Graph:
    """A checked pipeline.

    Parameters
    ----------
    nodes : mapping
        Nodes by id, every node after those it reads.
    sources : mapping
        Inputs that are read from outside: the given one's name, or the default's path or scheme.
    outputs : tuple
        What is kept.
    aliases : mapping
        Nodes that are computed under another node's id: identical ones, and inputs that take a node's value.
    absent, absent_outputs : mapping
        Inputs and nodes, and outputs, that this run does not have, each with the reason.
    params : mapping
        The values that `$name` stood for.
    """

    title: str
    nodes: Mapping[str, Node]
    sources: Mapping[str, str | None]
    outputs: tuple[Output, ...]
    aliases: Mapping[str, str]
    absent: Mapping[str, str]
    absent_outputs: Mapping[str, str]
    params: Mapping[str, Any]

    def only(self, name: str) -> Graph:
        """The same graph with one output."""
        return replace(self, outputs=tuple(output for output in self.outputs if output.name == name))

    def needed(self, *, shown: bool = True) -> frozenset[str]:
        """The nodes that some output depends on, with what outputs are merely shown beside or without."""
        open_ids = [output.source.node for output in self.outputs]
        if shown:
            open_ids += [output.before.node for output in self.outputs if output.before is not None]
        seen: set[str] = set()
        while open_ids:
            current = open_ids.pop()
            if current not in seen:
                seen.add(current)
                open_ids.extend(ref.node for ref in self.nodes[current].reads())
        return frozenset(seen)

    def unused(self) -> list[str]:
        """Nodes that no output depends on."""
        needed = self.needed()
        return [name for name in self.nodes if name not in needed]

    def item_origins(self, node: Node) -> frozenset[str]:
        """The inputs whose keys a node walks: those of its own stream, or of the stream it folds."""
        streams = (
            self.nodes[ref.node].origins
            for port, wire in node.wires.items()
            if port not in node.whole
            for ref in refs(wire)
        )
        return frozenset().union(*streams)

    def classes(self) -> dict[str, str]:
        """For each streaming input the representative of its key set: inputs that are joined share one."""
        parent = {name: name for name, node in self.nodes.items() if node.arrow == "input" and node.streams}

        def root(name: str) -> str:
            while parent[name] != name:
                name = parent[name]
            return name

        for name in self.needed():
            first, *others = sorted(self.item_origins(self.nodes[name])) or [""]
            for other in others:
                low, high = sorted((root(first), root(other)))
                parent[high] = low
        return {name: root(name) for name in parent}
