"""What is known so far while a document is checked: the nodes by name, what is absent, and which nodes are the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from otframe.errors import WiringError
from otframe.graph.build import describe_component
from otframe.graph.document import Path
from otframe.graph.graph import Node, Ref
from otframe.graph.names import Names
from otframe.graph.wiring import type_of
from otframe.registry import suggest

__all__ = ["Absent", "Scope"]


@dataclass(frozen=True)
class Absent:
    """Stands for a value that this run does not have, with the reason."""

    reason: str


@dataclass
class Scope:
    """The names that references are looked up in.

    Parameters
    ----------
    aliases : dict
        Nodes that are computed under another node's id.
    absent : dict
        Inputs and nodes that this run does not have, with the reason.
    followed : dict
        Inputs that take a node's value, with that value.
    """

    names: Names
    nodes: dict[str, Node] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    followed: dict[str, Ref] = field(default_factory=dict)
    _twins: dict[str, str] = field(default_factory=dict)

    def ref(self, text: str, path: Path) -> Ref | Absent:
        """The value that a reference names."""
        name = self.names.known(text, path)
        attribute = text.partition(".")[2]
        if name in self.absent:
            return Absent(self.absent[name])
        ref = self.followed.get(name, Ref(self.aliases.get(name, name)))
        if not attribute:
            return ref
        node = self.nodes[ref.node]
        fields = {} if ref.field else node.fields
        if attribute not in fields:
            hint = suggest(attribute, fields, "its fields")
            if node.arrow == "model":
                hint = f"a verb is used, not wired: `use: {text}`"
            raise WiringError(
                f"'{name}' gives {node.describe()}, which has no field '{attribute}'",
                hint=hint,
                where=self.names.doc.where(*path),
            )
        return Ref(node.id, attribute)

    def type_of(self, ref: Ref, path: Path) -> Any:
        """The type of what a reference at some place names."""
        try:
            return type_of(ref, self.nodes)
        except WiringError as error:
            raise error.at(where=self.names.doc.where(*path)) from None

    def add(self, node: Node) -> str:
        """Add a node, or find its twin: the same component with the same wires and options is computed once."""
        sig = node.signature
        made = describe_component(node.component, self.names.registry) if node.component is not None else None
        options = {key: value for key, value in node.options.items() if key not in ("rng", "keep")}
        verb, random = (sig.verb, sig.takes_ctx) if sig is not None else ("", False)
        use = verb if node.model else node.use
        identity = (use, verb, made, node.model, node.wires, node.constants, options, node.rng if random else "")
        key = repr([sorted(part.items()) if isinstance(part, Mapping) else part for part in identity])
        twin = self._twins.setdefault(key, node.id)
        if twin == node.id:
            self.nodes[node.id] = node
        elif "keep" in node.options:
            kept = {**self.nodes[twin].options, "keep": node.options["keep"]}
            self.nodes[twin] = replace(self.nodes[twin], options=kept)
        return twin
