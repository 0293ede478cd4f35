"""Freezing: what of a pipeline is fixed once some inputs are bound, and the smaller pipeline that is left.

A value is frozen where it depends on the bound inputs and on nothing else from outside. Frozen values that are read by
what is not frozen, or are outputs, become inputs of the smaller pipeline, which the caller of it need not give: they
are its constants. All names stay, so that what is left draws the same random numbers as before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from otframe.errors import WiringError
from otframe.graph.compile import compile_graph
from otframe.graph.document import Document, InputSpec, LinkSpec, NodeSpec, OutputSpec
from otframe.graph.graph import Graph, Ref
from otframe.graph.names import Names
from otframe.graph.params import Params
from otframe.graph.wiring import type_of
from otframe.interfaces import Model
from otframe.ports import describe, signature, verbs
from otframe.registry import Registry

__all__ = ["Frozen", "freeze"]


@dataclass(frozen=True)
class Frozen:
    """What freezing gives.

    Parameters
    ----------
    fit : Document
        The part to be computed now: its outputs are the constants, by the names they have in `rest`.
    rest : Document
        The part that is left: the constants are among its inputs.
    constants : tuple of str
        The names of those inputs.
    """

    fit: Document
    rest: Document
    constants: tuple[str, ...]


def freeze(
    doc: Document, registry: Registry, fitted: Collection[str], overrides: Mapping[str, Any] | None = None
) -> Frozen:
    """Cut a pipeline where the inputs `fitted` decide everything.

    Raises `WiringError` where a stream would have to be kept, where nothing depends on the inputs, and where nothing
    is left to apply.
    """
    names = Names(doc, registry, Params(doc, overrides), fitted, assume=True)
    doc = _without(doc, names)
    names = Names(doc, registry, Params(doc, overrides), fitted, assume=True)
    doc = _asked(doc, names)
    names = Names(doc, registry, Params(doc, overrides), fitted, assume=True)
    doc = _split(doc, names)
    names = Names(doc, registry, Params(doc, overrides), fitted, assume=True)
    graph = compile_graph(doc, registry, given=fitted, overrides=overrides, assume=True)
    return _Cut(doc, names, graph).made()


def _without(doc: Document, names: Names) -> Document:
    """The pipeline without the optional inputs that are not bound and are read beside bound ones only.

    A mask of what is fitted on, say: given later it could change nothing.
    """
    found = _dependencies(names)
    idle = {
        name
        for name, spec in doc.inputs.items()
        if spec.optional and name not in names.given and spec.default is None and spec.default_from is None
    }
    named = {text.partition(".")[0] for out in doc.outputs.values() for text in (out.source, out.before)}
    for spec in doc.inputs.values():
        named |= {(spec.default_from or "").partition(".")[0], *spec.unless}
    idle -= named
    beside: dict[str, list[frozenset[str]]] = {name: [] for name in idle}
    for node in doc.nodes.values():
        for link in node.links:
            read = {text.partition(".")[0] for text in _reads(names, link)}
            plain = {wiring for port, wiring in link.wires.items() if _may_be_absent(names, link, port, wiring)}
            for name in read & idle:
                others = frozenset().union(*(found[other] for other in read - idle))
                # read in another way it is needed: an empty set is no reason to leave it out
                beside[name].append(others if name in plain else frozenset())
    gone = {name for name, others in beside.items() if others and all(o and o <= names.given for o in others)}

    def rid(link: LinkSpec) -> LinkSpec:
        left = {p: wiring for p, wiring in link.wires.items() if not (isinstance(wiring, str) and wiring in gone)}
        return replace(link, wires=left)

    nodes = {name: replace(spec, links=tuple(rid(link) for link in spec.links)) for name, spec in doc.nodes.items()}
    return replace(doc, inputs={n: spec for n, spec in doc.inputs.items() if n not in gone}, nodes=nodes)


def _may_be_absent(names: Names, link: LinkSpec, port: str, wiring: object) -> bool:
    """Whether a wire is a plain one, to a port of a component that may be absent."""
    if not isinstance(wiring, str) or names.owner(names.use(link)):
        return False
    cls = names.registry.load(names.use(link))
    found = signature(cls, verbs(cls)[0]).port(port) if not issubclass(cls, Model) else None
    return found is not None and found.optional


def _asked(doc: Document, names: Names) -> Document:
    """The pipeline whose streams that would follow the bound inputs by default are asked for instead.

    A stream cannot be kept, and what is applied to the bound photographs by default is meant for others too.
    """
    found = _dependencies(names)

    def without(name: str, spec: InputSpec) -> InputSpec:
        bound = name not in names.given and bool(found[name]) and found[name] <= names.given
        follows = names.follows(name) is not None and spec.type.rstrip().endswith("[]")
        return replace(spec, default_from=None) if bound and follows else spec

    return replace(doc, inputs={name: without(name, spec) for name, spec in doc.inputs.items()})


def _dependencies(names: Names) -> dict[str, frozenset[str]]:
    """For each input and node the inputs that its value comes from."""
    found: dict[str, frozenset[str]] = {}
    for name in names.order():
        if name in names.doc.inputs:
            follows = names.follows(name)
            found[name] = frozenset([name]) if follows is None else found[follows.partition(".")[0]]
        else:
            found[name] = frozenset().union(*(_link_reads(names, link, found) for link in names.doc.nodes[name].links))
    return found


def _link_reads(names: Names, link: LinkSpec, found: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*(found[text.partition(".")[0]] for text in _reads(names, link)))


def _reads(names: Names, link: LinkSpec) -> list[str]:
    """The references of a link: its wires, and the node whose model it uses."""
    owner = names.owner(names.use(link))
    ends = [names.ends(wiring, names.wire_path(link, port)) for port, wiring in link.wires.items()]
    return [text for end in ends for text, _ in end] + ([owner] if owner else [])


def _split(doc: Document, names: Names) -> Document:
    """Make two nodes of each chain that begins frozen and does not end so."""
    found = _dependencies(names)
    nodes: dict[str, NodeSpec] = {}
    for name, spec in doc.nodes.items():
        seen: frozenset[str] = frozenset()
        cut = 0
        for i, link in enumerate(spec.links):
            seen |= _link_reads(names, link, found)
            if seen and seen <= names.given:
                cut = i + 1
        if not 0 < cut < len(spec.links):
            nodes[name] = spec
            continue
        # The names that randomness is drawn for must stay those of the whole chain.
        named = [
            replace(link, options={"rng": spec.options.get("rng", made), **link.options})
            for link, made in zip(spec.links, spec.ids(name), strict=True)
        ]
        head = _fresh(f"{name}_begun", {*doc.inputs, *doc.nodes, *nodes})
        options = {key: value for key, value in spec.options.items() if key != "keep"}
        nodes[head] = NodeSpec(tuple(named[:cut]), stepwise=True, options=options)
        first = replace(named[cut], wires={"": head, **named[cut].wires})
        nodes[name] = NodeSpec((first, *named[cut + 1 :]), stepwise=True, options=spec.options)
    return replace(doc, nodes=nodes)


def _fresh(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "_"
    return name


class _Cut:
    """The walk from the outputs down to what is frozen."""

    def __init__(self, doc: Document, names: Names, graph: Graph) -> None:
        self.doc, self.names, self.graph = doc, names, graph
        self.found = _dependencies(names)
        self.constants: dict[str, str] = {}
        """Reference to a frozen value, and the name of the input that stands for it."""
        self.kept: set[str] = set()

    def frozen(self, name: str) -> bool:
        found = self.found[name]
        return bool(found) and found <= self.names.given

    def made(self) -> Frozen:
        outputs = {name: spec for name, spec in self.doc.outputs.items() if name not in self.graph.absent_outputs}
        for name, spec in outputs.items():
            self.visit(spec.source, f"output '{name}'")
        self.check()
        fixed = self.names.params.used([_strings(spec) for name, spec in self.doc.nodes.items() if self.frozen(name)])
        rest = Document(
            title=self.doc.title,
            description=self.doc.description,
            inputs={**self.inputs(), **self.stand_ins()},
            nodes={name: self.node(spec, fixed) for name, spec in self.doc.nodes.items() if name in self.kept},
            outputs={name: self.output(spec, fixed) for name, spec in outputs.items()},
        )
        texts = [*(_strings(spec) for spec in rest.nodes.values()), *(spec.to for spec in rest.outputs.values())]
        left = self.names.params.used(texts)
        params = {name: value for name, value in self.names.params.values.items() if name in left}
        fit = replace(
            self.doc,
            inputs={name: spec for name, spec in self.doc.inputs.items() if self.found[name] <= self.names.given},
            nodes={name: spec for name, spec in self.doc.nodes.items() if self.found[name] <= self.names.given},
            outputs={name: OutputSpec(text) for text, name in self.constants.items()},
        )
        return Frozen(fit, replace(rest, params=params), tuple(self.constants.values()))

    def check(self) -> None:
        told = ", ".join(sorted(self.names.given)) or "no input"
        if not self.constants:
            raise WiringError(
                f"nothing that is left depends on {told} alone, so there is nothing to fit",
                hint="fit the inputs that a fold or a solver reads, and leave those to which its value is applied",
            )
        if not any(name in self.doc.nodes for name in self.kept):
            raise WiringError(
                f"nothing is left to apply: every output depends on {told} alone",
                hint="fit fewer inputs, or run the pipeline instead",
            )

    def visit(self, text: str, reader: str) -> None:
        name = text.partition(".")[0]
        if self.frozen(name):
            self.freeze(text, name, reader)
            return
        if name in self.kept or name in self.graph.absent:
            return
        self.kept.add(name)
        if name in self.doc.inputs:
            if (default := self.doc.inputs[name].default_from) and not self.names.covered(name):
                self.visit(default, f"input '{name}'")
            return
        for link in self.doc.nodes[name].links:
            for read in _reads(self.names, link):
                self.visit(read, f"node '{name}'")

    def freeze(self, text: str, name: str, reader: str) -> None:
        if text in self.constants or name in self.graph.absent:
            return
        node = self.graph.nodes[self.graph.aliases.get(name, name)]
        if node.streams:
            raise WiringError(
                f"{reader} reads the stream '{text}', which would have to be kept with the operator",
                hint="only single values can be kept: fold the stream first, or leave its inputs to be given later",
                node=name,
                where=self.doc.where("nodes" if name in self.doc.nodes else "inputs", name),
            )
        plain = text == name
        self.constants[text] = text if plain else _fresh(text.replace(".", "_"), set(self.doc.names()))

    # --- what is left --------------------------------------------------------------------------------------------

    def inputs(self) -> dict[str, InputSpec]:
        left: dict[str, InputSpec] = {}
        for name, spec in self.doc.inputs.items():
            if name not in self.kept:
                continue
            covered = self.names.covered(name)
            unless = tuple(other for other in spec.unless if other not in self.names.given)
            default = None if covered else spec.default
            origin = None if covered or spec.default_from is None else self.renamed(spec.default_from)
            left[name] = replace(spec, default=default, default_from=origin, unless=unless)
        return left

    def stand_ins(self) -> dict[str, InputSpec]:
        made = {}
        for text, name in self.constants.items():
            node, _, attribute = text.partition(".")
            type_ = type_of(Ref(self.graph.aliases.get(node, node), attribute), self.graph.nodes)
            made[name] = InputSpec(describe(type_), doc="fitted")
        return made

    def renamed(self, text: str) -> str:
        return self.constants.get(text, text)

    def node(self, spec: NodeSpec, fixed: Collection[str]) -> NodeSpec:
        return replace(spec, links=tuple(self.link(link, fixed) for link in spec.links))

    def link(self, link: LinkSpec, fixed: Collection[str]) -> LinkSpec:
        wires: dict[str, Any] = {}
        for port, wiring in link.wires.items():
            filled = self.names.params.fill(wiring, link.path)
            if isinstance(filled, Mapping):
                wires[port] = {label: self.renamed(text) for label, text in filled.items()}
            else:
                wires[port] = self.renamed(filled) if isinstance(filled, str) else [self.renamed(t) for t in filled]
        params = self.names.params.fix(dict(link.params), fixed)
        return replace(link, use=self.names.use(link), wires=wires, params=params, path=())

    def output(self, spec: OutputSpec, fixed: Collection[str]) -> OutputSpec:
        before = spec.before if spec.before and spec.before.partition(".")[0] in self.kept else ""
        to = None if spec.to is None else self.names.params.fix(spec.to, fixed)
        return replace(spec, source=self.renamed(spec.source), to=to, before=before)


def _strings(spec: NodeSpec) -> list[Any]:
    return [[link.use, dict(link.wires), dict(link.params)] for link in spec.links]
