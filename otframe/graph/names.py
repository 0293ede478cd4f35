"""Names inside a document: what a reference may mean, the order that nodes are checked in, and cycles."""

from __future__ import annotations

import graphlib
from collections.abc import Collection, Mapping
from typing import Any

from otframe.errors import ParameterError, UnknownNameError, WiringError
from otframe.graph.document import Document, LinkSpec, Path
from otframe.graph.params import Params
from otframe.registry import Registry, nearest

__all__ = ["Names"]


class Names:
    """The names of a document, for a run in which the caller binds the inputs `given` (None: all that need it)."""

    def __init__(self, doc: Document, registry: Registry, params: Params, given: Collection[str] | None) -> None:
        self.doc, self.registry, self.params = doc, registry, params
        for name in given or ():
            if name not in doc.inputs:
                near = nearest(name, doc.inputs)
                raise UnknownNameError(
                    f"the pipeline has no input '{name}'",
                    hint=f"did you mean {near}?" if near else f"its inputs: {', '.join(doc.inputs) or 'none'}",
                )
        self.assume = given is None
        self.given = frozenset(given or ())

    def order(self) -> list[str]:
        """Inputs and nodes, each after what it reads; a cycle is an error that shows the way round."""
        sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter()
        for name in self.doc.inputs:
            follows = self.follows(name)
            sorter.add(name, *(() if follows is None else (self.known(follows, ("inputs", name, "default", "from")),)))
        for name, spec in self.doc.nodes.items():
            sorter.add(name)
            for link in spec.links:
                use = self.use(link)
                if owner := self.needs_model(use):
                    sorter.add(name, owner)
                for port, wiring in link.wires.items():
                    for text, path in self.ends(wiring, self.wire_path(link, port)):
                        sorter.add(name, self.known(text, path))
        try:
            return list(sorter.static_order())
        except graphlib.CycleError as error:
            way = list(reversed(error.args[1]))
            raise WiringError(
                f"the nodes form a cycle: {' -> '.join(way)}",
                hint="a pipeline has no loops: loops live in components",
                node=way[0],
                where=self.doc.where("nodes", way[0]),
            ) from None

    def follows(self, name: str) -> str | None:
        """The node that an input takes its value from in this run, if any."""
        spec = self.doc.inputs[name]
        if name in self.given or (self.assume and spec.default is None and spec.default_from is None):
            return None
        if self.covered(name):
            return None
        return spec.default_from

    def needs_model(self, use: str) -> str:
        """The node whose model a `use` such as `vae.encode` means; empty where it names a component."""
        owner = use.partition(".")[0]
        return owner if owner in self.doc.nodes and not self.registry.has(use) else ""

    def covered(self, name: str) -> bool:
        """Whether an input's default does not count, because the caller gave another input that it says `unless` of."""
        return not self.given.isdisjoint(self.doc.inputs[name].unless)

    def ends(self, wiring: Any, path: Path) -> list[tuple[str, Path]]:
        """The references of a wiring, each with its place."""
        wiring = self.params.fill(wiring, path)
        if isinstance(wiring, list):
            return [(text, (*path, i)) for i, text in enumerate(wiring)]
        if isinstance(wiring, Mapping):
            return [(text, (*path, label)) for label, text in wiring.items()]
        if not isinstance(wiring, str):
            raise WiringError(f"a reference must name a node or input, got {wiring!r}", where=self.doc.where(*path))
        return [(wiring, path)]

    def known(self, text: str, path: Path) -> str:
        """The node or input that a reference starts with; `UnknownNameError` where there is none."""
        name = text.partition(".")[0]
        if name in self.doc.inputs or name in self.doc.nodes:
            return name
        near = nearest(name, self.doc.names())
        raise UnknownNameError(
            f"there is no node or input '{name}'",
            hint=f"did you mean {near}?" if near else f"there are: {', '.join(self.doc.names())}",
            where=self.doc.where(*path),
        )

    def use(self, link: LinkSpec) -> str:
        """What a link uses, parameters filled in."""
        use = self.params.fill(link.use, (*link.path, "use"))
        if not isinstance(use, str):
            raise ParameterError(f"use must name a component, got {use!r}", where=self.doc.where(*link.path, "use"))
        return use

    def wire_path(self, link: LinkSpec, port: str) -> Path:
        """Where a link's wiring stands: under its own `in`, or under that of the node around its steps."""
        own = (*link.path, "in", port) if port else (*link.path, "in")
        if own in self.doc.places or len(link.path) < 2:
            return own
        return (*link.path[:2], "in", port) if port else (*link.path[:2], "in")

    def params_path(self, link: LinkSpec) -> Path:
        """Where a link's parameters stand: under `with`, or under the step's name."""
        nested = (*link.path, "with")
        return nested if nested in self.doc.places else link.path
