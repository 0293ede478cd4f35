"""Checking a `Document` into a `Graph`: names, parameters, types along the wires, arrows and joins.

Nothing is read and no weights are loaded here; every error carries the place in the file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_origin

from otframe.errors import InputError, OtframeError, ParameterError, PluginError, UnknownNameError, Where, WiringError
from otframe.graph.build import build_component, build_constant, describe_component
from otframe.graph.document import Document, LinkSpec, Path
from otframe.graph.graph import Graph, Node, Output, Ref, Wire
from otframe.graph.names import Names
from otframe.graph.params import Params
from otframe.graph.types import WireType, parse_type
from otframe.graph.wiring import arrows, check_complete, type_of, unify_wires
from otframe.interfaces import Component, Model, Solver, Transform
from otframe.ports import Port, Signature, describe, signature, substitute, unify, verbs
from otframe.registry import Registry, nearest

__all__ = ["compile_graph"]


@dataclass(frozen=True)
class _Absent:
    """Stands for a value that this run does not have, with the reason."""

    reason: str


@dataclass(frozen=True)
class _Target:
    """What a link uses: a component's class and verb; no verb for a model as a value; `model` for node.verb."""

    use: str
    cls: type[Component]
    verb: str
    model: Ref | None = None


def compile_graph(
    doc: Document,
    registry: Registry,
    *,
    given: Collection[str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Graph:
    """Check a document.

    Parameters
    ----------
    given : collection of str, optional
        The inputs that the caller binds; where None, every input without a default is taken as given.
    overrides : mapping, optional
        Parameter values that replace the document's.

    Raises
    ------
    UnknownNameError, ParameterError, WiringError, InputError
        With the node, the port and the place in the file.
    """
    return _Compiler(Names(doc, registry, Params(doc, overrides), given)).graph()


class _Compiler:
    def __init__(self, names: Names) -> None:
        self.names, self.doc, self.registry, self.params = names, names.doc, names.registry, names.params
        self.nodes: dict[str, Node] = {}
        self.aliases: dict[str, str] = {}
        self.absent: dict[str, str] = {}
        self.sources: dict[str, str | None] = {}
        self.twins: dict[str, str] = {}

    def graph(self) -> Graph:
        for name in self.names.order():
            self.input(name) if name in self.doc.inputs else self.node(name)
        outputs = tuple(output for name in self.doc.outputs if (output := self.output(name)) is not None)
        if not outputs:
            reasons = "; ".join(sorted({self.absent[name] for name in self.doc.outputs}))
            raise InputError(f"no output can be made: {reasons}", where=self.doc.where("outputs"))
        return Graph(
            self.doc.title, self.nodes, self.sources, outputs, self.aliases, self.absent, dict(self.params.values)
        )

    def input(self, name: str) -> None:
        spec, path = self.doc.inputs[name], ("inputs", name)
        where = self.doc.where(*path)
        for i, other in enumerate(spec.unless):
            if other not in self.doc.inputs:
                near = nearest(other, self.doc.inputs)
                raise UnknownNameError(
                    f"`unless` names no input: '{other}'",
                    hint=f"did you mean {near}?" if near else f"the inputs: {', '.join(self.doc.inputs)}",
                    where=self.doc.where(*path, "unless", i),
                )
        type_ = parse_type(spec.type, self.registry, self.doc.where(*path, "type"))
        follows = self.names.follows(name)
        if follows is not None:
            self.follow(name, follows, type_)
            return
        given = name in self.names.given
        covered = self.names.covered(name)
        default = None if covered else spec.default
        if not given and default is None and not (self.names.assume and not covered):
            if not spec.optional:
                raise InputError(
                    f"input '{name}' ({spec.type}) is not given and has no default"
                    + (f" where '{' or '.join(spec.unless)}' is given" if covered else ""),
                    hint=f"give it: --in {name}=PATH",
                    where=where,
                )
            self.absent[name] = f"input '{name}' was not given"
            return
        self.sources[name] = None if given else default
        origins = frozenset([name]) if type_.stream else frozenset[str]()
        self.nodes[name] = Node(name, spec.type, type_.item, origins, "input", where=where)

    def follow(self, name: str, text: str, type_: WireType) -> None:
        """An input that takes a node's value, because the caller gave nothing."""
        ref = self.ref(text, ("inputs", name, "default", "from"))
        if isinstance(ref, _Absent):
            self.absent[name] = ref.reason
            return
        node = self.nodes[ref.node]
        if unify(type_.item, type_of(ref, self.nodes), {}) is None or node.streams != type_.stream:
            raise WiringError(
                f"input '{name}' is {self.doc.inputs[name].type}, its default '{text}' gives {node.describe()}",
                where=self.doc.where("inputs", name),
            )
        self.aliases[name] = ref.node

    # --- references --------------------------------------------------------------------------------------------

    def ref(self, text: str, path: Path) -> Ref | _Absent:
        """The value that a reference names."""
        name = self.names.known(text, path)
        attribute = text.partition(".")[2]
        if name in self.absent:
            return _Absent(self.absent[name])
        node = self.nodes[self.aliases.get(name, name)]
        if attribute and attribute not in node.fields:
            near = nearest(attribute, node.fields)
            raise WiringError(
                f"'{name}' gives {node.describe()}, which has no field '{attribute}'",
                hint=f"did you mean {near}?" if near else f"its fields: {', '.join(node.fields) or 'none'}",
                where=self.doc.where(*path),
            )
        return Ref(node.id, attribute)

    # --- nodes -------------------------------------------------------------------------------------------------

    def node(self, name: str) -> None:
        spec = self.doc.nodes[name]
        previous: Ref | None = None
        for i, link in enumerate(spec.links):
            path = name if link is spec.links[-1] else f"{name}/{i + 1}"
            try:
                made = self.link(path, link, previous, called=spec.stepwise or bool(link.wires))
            except OtframeError as error:
                raise error.at(node=path, where=self.place(link, error.port)) from error.__cause__
            if isinstance(made, _Absent):
                self.absent[name] = made.reason
                return
            previous = Ref(made)
        if previous is not None and previous.node != name:
            self.aliases[name] = previous.node

    def place(self, link: LinkSpec, port: str) -> Where | None:
        """Where a link stands in the file, or the wiring of one of its ports."""
        wired = next((p for p in (port, "") if p in link.wires), None) if port else None
        return self.doc.where(*(link.path if wired is None else self.names.wire_path(link, wired)))

    def link(self, path: str, link: LinkSpec, previous: Ref | None, *, called: bool) -> str | _Absent:
        """Check one component in place; the id that its value is computed under."""
        target = self.target(link, called=called)
        if isinstance(target, _Absent):
            return target
        values = self.params.fill(dict(link.params), self.names.params_path(link))
        if target.verb == "":
            component = self.component(link, target.use, values)
            return self.add(Node(path, target.use, target.cls, frozenset(), "model", component), link)
        sig = signature(target.cls, target.verb)
        wires = self.wire(link, target.use, sig, previous)
        if isinstance(wires, _Absent):
            return wires
        constants = self.constants(link, target, sig, wires, values)
        component = None if target.model else self.component(link, target.use, values)
        check_complete(target.use, sig, wires, constants)
        bindings = unify_wires(target.use, sig, wires, self.nodes)
        origins, arrow, whole = arrows(target.use, target.cls, sig, wires, self.nodes, link.options)
        node = Node(
            id=path,
            use=target.use,
            type=substitute(sig.output, bindings),
            origins=origins,
            arrow=arrow,
            component=component,
            model=target.model,
            signature=sig,
            wires=wires,
            constants=constants,
            fields={key: substitute(hint, bindings) for key, hint in sig.fields.items()},
            whole=whole,
        )
        return self.add(node, link)

    def target(self, link: LinkSpec, *, called: bool) -> _Target | _Absent:
        """What a link uses."""
        use = self.names.use(link)
        where = self.doc.where(*link.path, "use")
        owner = self.names.needs_model(use)
        if owner:
            ref = self.ref(owner, link.path)
            return ref if isinstance(ref, _Absent) else self.model_verb(use, ref, where)
        try:
            cls = self.registry.load(use)
        except OtframeError as error:
            raise error.at(where=where) from error.__cause__
        if not (isinstance(cls, type) and issubclass(cls, Solver | Transform | Model)):
            raise PluginError(f"'{use}' is no solver, transform, accumulator or model", where=where)
        found = verbs(cls)
        if issubclass(cls, Model) and not called:
            return _Target(use, cls, "")
        if len(found) != 1:
            raise WiringError(
                f"'{use}' is a model with the verbs {', '.join(found)}; say which",
                hint=f"make it a node of its own, `m: {{use: {use}}}`, and use `m.{found[0] if found else 'verb'}`",
                where=where,
            )
        return _Target(use, cls, found[0])

    def model_verb(self, use: str, ref: Ref, where: Where | None) -> _Target:
        """A verb of a model that some node gives."""
        owner, _, verb = use.partition(".")
        type_ = type_of(ref, self.nodes)
        cls = get_origin(type_) or type_
        if not (isinstance(cls, type) and issubclass(cls, Model)):
            raise WiringError(
                f"'{owner}' gives {describe(type_)}; only a node that gives a model can be used as node.verb",
                hint="`otframe list` shows the installed components",
                where=where,
            )
        if verb not in verbs(cls):
            near = nearest(verb, verbs(cls))
            raise UnknownNameError(
                f"model '{owner}' ({self.nodes[ref.node].use}) has no verb '{verb}'",
                hint=f"did you mean {near}?" if near else f"its verbs: {', '.join(verbs(cls))}",
                where=where,
            )
        return _Target(use, cls, verb, ref)

    def component(self, link: LinkSpec, use: str, values: Mapping[str, Any]) -> Component:
        base = self.names.params_path(link)
        return build_component(self.registry, use, values, lambda path: self.doc.where(*base, *path))

    def constants(
        self, link: LinkSpec, target: _Target, sig: Signature, wires: Mapping[str, Wire], values: dict[str, Any]
    ) -> dict[str, Any]:
        """Take the plain ports that `with` fills out of `values`."""
        found = {}
        for port in sig.inputs:
            if not port.plain or port.name not in values or port.name in target.cls.model_fields:
                continue
            where = self.doc.where(*self.names.params_path(link), port.name)
            if port.name in wires:
                raise WiringError(f"port '{port.name}' is both wired and given by `with`", port=port.name, where=where)
            found[port.name] = build_constant(port, values.pop(port.name), target.use, where)
        if target.model and values:
            name = next(iter(values))
            raise UnknownNameError(
                f"verb '{target.use}' has no parameter '{name}'",
                hint=f"give it to the node '{target.model}'",
                where=self.doc.where(*self.names.params_path(link), name),
            )
        return found

    def wire(self, link: LinkSpec, use: str, sig: Signature, previous: Ref | None) -> dict[str, Wire] | _Absent:
        """The link's wires by port name; absent where a port that must be wired is."""
        wires: dict[str, Wire] = {}
        first = sig.inputs[0].name if sig.inputs else ""
        if previous is not None:
            if not first:
                raise WiringError(f"'{use}' takes no input, so nothing can be fed to it")
            wires[first] = previous
        for written, wiring in link.wires.items():
            path = self.names.wire_path(link, written)
            port = sig.port(written or first)
            if port is None:
                ports = [p.name for p in sig.inputs]
                near = nearest(written, ports)
                raise WiringError(
                    f"'{use}' has no port '{written}'" if written else f"'{use}' takes no input",
                    hint=f"did you mean {near}?" if near else f"its ports: {', '.join(ports) or 'none'}",
                    where=self.doc.where(*path),
                )
            if port.name in wires:
                raise WiringError(f"port '{port.name}' is wired twice", port=port.name, where=self.doc.where(*path))
            made = self.ends(wiring, path, port, use)
            if not isinstance(made, _Absent):
                wires[port.name] = made
            elif not port.optional:
                return made
        return wires

    def ends(self, wiring: Any, path: Path, port: Port, use: str) -> Wire | _Absent:
        """One port's wire: a value, a list of values, or labelled values, those left out that are absent."""
        wiring = self.params.fill(wiring, path)
        found = [self.ref(text, place) for text, place in self.names.ends(wiring, path)]
        if isinstance(wiring, str):
            return found[0]
        wanted = "mapping" if isinstance(wiring, Mapping) else "sequence"
        if port.gather != wanted:
            many = {"mapping": "labelled values", "sequence": "a list of values"}
            takes = many.get(port.gather, f"one {describe(port.hint)}")
            raise WiringError(
                f"port '{port.name}' of '{use}' takes {takes}, got {many[wanted]}",
                hint="wire one node to it, or a stream",
                port=port.name,
                where=self.doc.where(*path),
            )
        labels = list(wiring) if isinstance(wiring, Mapping) else [""] * len(found)
        present = [(label, ref) for label, ref in zip(labels, found, strict=True) if isinstance(ref, Ref)]
        if not present:
            return found[0]
        return dict(present) if wanted == "mapping" else tuple(ref for _, ref in present)

    def add(self, node: Node, link: LinkSpec) -> str:
        """Add a node, or find its twin: the same component with the same wires and options is computed once."""
        node = replace(node, options=dict(link.options), where=self.doc.where(*link.path))
        random = node.signature is not None and node.signature.takes_ctx
        made = describe_component(node.component, self.registry) if node.component is not None else None
        options = {key: value for key, value in node.options.items() if key not in ("rng", "keep")}
        identity = (node.use, made, node.model, node.wires, node.constants, options, node.rng if random else "")
        twin = repr([sorted(part.items()) if isinstance(part, Mapping) else part for part in identity])
        if twin in self.twins:
            return self.twins[twin]
        self.twins[twin] = node.id
        self.nodes[node.id] = node
        return node.id

    # --- outputs -----------------------------------------------------------------------------------------------

    def output(self, name: str) -> Output | None:
        spec, path = self.doc.outputs[name], ("outputs", name)
        at = (*path, "from") if (*path, "from") in self.doc.places else path
        ref = self.ref(spec.source, at)
        if isinstance(ref, _Absent):
            self.absent[name] = ref.reason
            return None
        node = self.nodes[ref.node]
        if node.arrow == "model":
            raise WiringError(f"output '{name}' is a model, not a value", where=self.doc.where(*path))
        before: Ref | None = None
        if spec.before:
            shown = self.ref(spec.before, (*path, "before"))
            before = shown if isinstance(shown, Ref) else None
        to = None if spec.to is None else self.params.text(spec.to, (*path, "to"))
        if to is not None and node.streams and not any(p in to for p in ("{stem}", "{key}", "{index}")):
            raise ParameterError(
                f"output '{name}' is a stream, but its files would all be called '{to}'",
                hint="write {stem} into `to`, as in '{stem}.png'",
                where=self.doc.where(*path, "to"),
            )
        try:
            type_ = type_of(ref, self.nodes)
        except WiringError as error:
            raise error.at(where=self.doc.where(*at)) from None
        return Output(name, ref, to, before, type_, node.origins, self.doc.where(*path))
