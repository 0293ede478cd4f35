"""Names inside a document: what a reference may mean, the order that nodes are checked in, and cycles."""

from __future__ import annotations

import graphlib
from collections.abc import Collection, Mapping
from typing import Any

from otframe.errors import ParameterError, UnknownNameError, WiringError
from otframe.graph.document import Document, LinkSpec, Path
from otframe.graph.params import Params
from otframe.registry import Registry, suggest

__all__ = ["Names"]


class Names:
    """The names of a document, for a run in which the caller binds the inputs `given`.

    `assume` says that every other input that needs a value will have one; so does None for `given`.
    """

    def __init__(
        self,
        doc: Document,
        registry: Registry,
        params: Params,
        given: Collection[str] | None,
        *,
        assume: bool = False,
    ) -> None:
        self.doc, self.registry, self.params = doc, registry, params
        for name in given or ():
            if name not in doc.inputs:
                raise UnknownNameError(
                    f"the pipeline has no input '{name}'",
                    hint=suggest(name, doc.inputs, "its inputs"),
                    where=doc.where("inputs"),
                )
        self.assume = assume or given is None
        self.given = frozenset(given or ())

    def order(self) -> list[str]:
        """Inputs and nodes, each after what it reads; a cycle is an error that shows the way round."""
        edges: dict[str, dict[str, Path]] = {name: {} for name in self.doc.names()}
        for name in self.doc.inputs:
            if (follows := self.follows(name)) is not None:
                path: Path = ("inputs", name, "default", "from")
                edges[name][self.known(follows, path)] = path
        for name, spec in self.doc.nodes.items():
            for link in spec.links:
                if owner := self.owner(self.use(link)):
                    edges[name].setdefault(owner, self.use_path(link))
                for port, wiring in link.wires.items():
                    for text, path in self.ends(wiring, self.wire_path(link, port)):
                        edges[name].setdefault(self.known(text, path), path)
        try:
            return list(graphlib.TopologicalSorter(edges).static_order())
        except graphlib.CycleError as error:
            raise self.cycle(error.args[1][:-1], edges) from None

    def cycle(self, way: list[str], edges: Mapping[str, Mapping[str, Path]]) -> WiringError:
        """The error of a cycle, told from the node that stands first, and placed at what that one reads."""
        names = list(self.doc.names())
        start = way.index(min(way, key=names.index))
        way = way[start:] + way[: start + 1]
        return WiringError(
            f"the nodes form a cycle: {' -> '.join(way)}",
            hint="a pipeline has no loops: loops live in components",
            node=way[0],
            where=self.doc.where(*edges[way[0]][way[-2]]),
        )

    def follows(self, name: str) -> str | None:
        """The node that an input takes its value from in this run, if any."""
        spec = self.doc.inputs[name]
        if name in self.given or (self.assume and spec.default is None and spec.default_from is None):
            return None
        if self.covered(name):
            return None
        return spec.default_from

    def owner(self, use: str) -> str:
        """The node whose model a `use` such as `vae.encode` means; empty where it names a component."""
        owner, dot, _ = use.partition(".")
        known = owner in self.doc.nodes or owner in self.doc.inputs
        return owner if dot and known and not self.registry.has(use) else ""

    def covered(self, name: str) -> bool:
        """Whether an input's default does not count, because the caller gave another input that it says `unless` of."""
        return not self.given.isdisjoint(self.doc.inputs[name].unless)

    def ends(self, wiring: Any, path: Path) -> list[tuple[str, Path]]:
        """The references of a wiring, each with its place."""
        wiring = self.params.fill(wiring, path)
        found = [(wiring, path)]
        if isinstance(wiring, list):
            found = [(text, (*path, i)) for i, text in enumerate(wiring)]
        elif isinstance(wiring, Mapping):
            found = [(text, (*path, label)) for label, text in wiring.items()]
        for text, place in found:
            if not isinstance(text, str):
                raise WiringError(
                    f"a reference must name a node or input, got {text!r}",
                    hint=f"there are: {', '.join(self.doc.names())}",
                    where=self.doc.where(*place),
                )
        return found

    def known(self, text: str, path: Path) -> str:
        """The node or input that a reference starts with; `UnknownNameError` where there is none."""
        name = text.partition(".")[0]
        if name in self.doc.inputs or name in self.doc.nodes:
            return name
        raise UnknownNameError(
            f"there is no node or input '{name}'",
            hint=suggest(name, self.doc.names(), "there are"),
            where=self.doc.where(*path),
        )

    def use(self, link: LinkSpec) -> str:
        """What a link uses, parameters filled in."""
        path = self.use_path(link)
        use = self.params.fill(link.use, path)
        if not isinstance(use, str):
            raise ParameterError(
                f"use must name a component, got {use!r}",
                hint="`otframe list` shows the installed components",
                where=self.doc.where(*path),
            )
        return use

    def use_path(self, link: LinkSpec) -> Path:
        """Where a link says what it uses: under `use`, or as a step's name."""
        return (*link.path, "use")

    def wire_path(self, link: LinkSpec, port: str) -> Path:
        """Where a link's wiring stands: under its own `in`, or under that of the node around its steps."""
        inside = ("in", port) if port else ("in",)
        own = (*link.path, *inside)
        return own if own in self.doc.places else (*link.path[:2], *inside)

    def params_path(self, link: LinkSpec) -> Path:
        """Where a link's parameters stand: under `with`, or under the step's name."""
        nested = (*link.path, "with")
        return nested if nested in self.doc.places else link.path
