"""Checking a `Document` into a `Graph`: names, parameters, types along the wires, arrows and joins.

Nothing is read and no weights are loaded here; every error carries the place in the file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from otframe.errors import InputError, OtframeError, UnknownNameError, Where, WiringError
from otframe.graph.build import build_component, build_constant
from otframe.graph.document import Document, LinkSpec, Path
from otframe.graph.graph import Graph, Node, Output, Ref, Wire
from otframe.graph.names import Names
from otframe.graph.outputs import make_output
from otframe.graph.params import Params
from otframe.graph.scope import Absent, Scope
from otframe.graph.targets import Target, component_target, verb_target
from otframe.graph.types import WireType, parse_type
from otframe.graph.wiring import Wires, arrows, check_complete, unify_wires
from otframe.interfaces import Accumulator, Component
from otframe.ports import Port, Signature, describe, signature, substitute, unify
from otframe.registry import Registry, suggest

__all__ = ["compile_graph"]

_MANY = {
    "one": "wire one node to it, or a stream",
    "stream": "wire a stream to it",
    "sequence": "write a list: `[first, second]`, or wire a stream",
    "mapping": "write labelled values: `{label: node}`, or wire a stream",
}


def compile_graph(
    doc: Document,
    registry: Registry,
    *,
    given: Collection[str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    assume: bool = False,
) -> Graph:
    """Check a document.

    Parameters
    ----------
    given : collection of str, optional
        The inputs that the caller binds; where None, every input without a default is taken as given.
    overrides : mapping, optional
        Parameter values that replace the document's.
    assume : bool
        Take inputs that are not in `given` and have no default as given too.

    Raises
    ------
    UnknownNameError, ParameterError, WiringError, InputError
        With the node, the port and the place in the file.
    """
    return _Compiler(Names(doc, registry, Params(doc, overrides), given, assume=assume)).graph()


class _Compiler:
    def __init__(self, names: Names) -> None:
        self.names, self.doc, self.registry, self.params = names, names.doc, names.registry, names.params
        self.scope = Scope(names)
        self.nodes, self.absent = self.scope.nodes, self.scope.absent
        self.sources: dict[str, str | None] = {}

    def graph(self) -> Graph:
        for name in self.names.order():
            self.input(name) if name in self.doc.inputs else self.node(name)
        made = {name: make_output(self.scope, name) for name in self.doc.outputs}
        outputs = tuple(output for output in made.values() if isinstance(output, Output))
        absent = {name: output.reason for name, output in made.items() if isinstance(output, Absent)}
        if not outputs:
            missing = " ".join(f"--in {name}=PATH" for name in self.absent if name in self.doc.inputs)
            raise InputError(
                f"no output can be made: {'; '.join(sorted(set(absent.values())))}",
                hint=f"give what is missing: {missing}" if missing else "give what is missing",
                where=self.doc.where("outputs"),
            )
        return Graph(
            title=self.doc.title,
            nodes=self.nodes,
            sources=self.sources,
            outputs=outputs,
            aliases=self.scope.aliases,
            absent=self.absent,
            absent_outputs=absent,
            params=dict(self.params.values),
        )

    def input(self, name: str) -> None:
        spec, path = self.doc.inputs[name], ("inputs", name)
        where = self.doc.where(*path)
        for i, other in enumerate(spec.unless):
            if other == name:
                raise UnknownNameError(
                    f"`unless` of input '{name}' names the input itself",
                    hint="name another input: where that one is given, the default does not count",
                    where=self.doc.where(*path, "unless", i),
                )
            if other not in self.doc.inputs:
                raise UnknownNameError(
                    f"`unless` names no input: '{other}'",
                    hint=suggest(other, self.doc.inputs, "the inputs"),
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
        # with `assume` what cannot do without a value will have one; what is optional and covered is meant to be absent
        assumed = self.names.assume and not (covered and spec.optional)
        if not given and default is None and not assumed:
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
        path = ("inputs", name, "default", "from")
        ref = self.scope.ref(text, path)
        if isinstance(ref, Absent):
            self.absent[name] = ref.reason
            return
        given, stream = self.scope.type_of(ref, path), self.nodes[ref.node].streams
        if unify(type_.item, given, {}) is None or stream != type_.stream:
            raise WiringError(
                f"input '{name}' is {self.doc.inputs[name].type}, its default '{text}' gives "
                f"{describe(given)}{'[]' if stream else ''}",
                hint="name a node that gives the same, or change the input's type",
                where=self.doc.where(*path),
            )
        self.scope.aliases[name], self.scope.followed[name] = ref.node, ref

    # --- nodes -------------------------------------------------------------------------------------------------

    def node(self, name: str) -> None:
        spec = self.doc.nodes[name]
        previous: Ref | None = None
        folds = False
        for link, path in zip(spec.links, spec.ids(name), strict=True):
            last = path == name
            shared = {key: value for key, value in spec.options.items() if last or key != "keep"}
            try:
                made = self.link(path, link, {**shared, **link.options}, previous, called=spec.stepwise)
            except OtframeError as error:
                raise error.at(node=path, where=self.doc.where(*link.path)) from error.__cause__
            if isinstance(made, Absent):
                self.absent[name] = made.reason
                return
            previous = Ref(made)
            folds = folds or _folds(self.nodes[made])
            if "each" in link.options and not _folds(self.nodes[made]):
                raise self.needless_each(link.use, path, (*link.path, "each"))
        if "each" in spec.options and not folds:
            raise self.needless_each("no step", name, ("nodes", name, "each"))
        if previous is not None and previous.node != name:
            self.scope.aliases[name] = previous.node

    def needless_each(self, use: str, node: str, path: Path) -> WiringError:
        return WiringError(
            f"`each` is for accumulators: {use} is none",
            hint="remove it: whatever is no accumulator meets each item by itself",
            node=node,
            where=self.doc.where(*path),
        )

    def link(
        self, path: str, link: LinkSpec, options: Mapping[str, Any], previous: Ref | None, *, called: bool
    ) -> str | Absent:
        """Check one component in place; the id that its value is computed under."""
        target = self.target(link, called=called or bool(link.wires))
        if isinstance(target, Absent):
            return target
        if not issubclass(target.cls, Accumulator):
            options = {key: value for key, value in options.items() if key != "each"}
        values = self.params.fill(dict(link.params), self.names.params_path(link))
        where = self.doc.where(*link.path)
        if target.verb == "":
            component = self.component(link, target.use, values)
            model = Node(path, target.use, target.cls, frozenset(), "model", component, options=options, where=where)
            return self.scope.add(model)
        sig = signature(target.cls, target.verb)
        wires = self.wire(link, target, sig, previous)
        if isinstance(wires, Absent):
            return wires
        constants = self.constants(link, target, sig, wires, values)
        made = None if target.model else self.component(link, target.use, values, sig)
        check_complete(target.use, sig, wires, constants)
        bindings = unify_wires(target.use, sig, wires, self.nodes)
        origins, arrow, whole = arrows(target.use, target.cls, sig, wires, self.nodes, options)
        node = Node(
            id=path,
            use=target.use,
            type=substitute(sig.output, bindings),
            origins=origins,
            arrow=arrow,
            component=made,
            model=target.model,
            signature=sig,
            wires=wires.wires,
            constants=constants,
            fields={key: substitute(hint, bindings) for key, hint in sig.fields.items()},
            whole=whole,
            options=options,
            where=where,
        )
        return self.scope.add(node)

    def target(self, link: LinkSpec, *, called: bool) -> Target | Absent:
        """What a link uses."""
        use, path = self.names.use(link), self.names.use_path(link)
        owner = self.names.owner(use)
        if not owner:
            return component_target(use, self.registry, self.doc.where(*path), called=called)
        ref = self.scope.ref(owner, path)
        if isinstance(ref, Absent):
            return ref
        return verb_target(use, ref, self.registry, self.nodes, self.doc.where(*path))

    def component(self, link: LinkSpec, use: str, values: Mapping[str, Any], sig: Signature | None = None) -> Component:
        base = self.names.params_path(link)
        ports = [port.name for port in sig.inputs if port.plain] if sig else []
        return build_component(self.registry, use, values, lambda path: self.doc.where(*base, *path), ports)

    def constants(
        self, link: LinkSpec, target: Target, sig: Signature, wires: Wires, values: dict[str, Any]
    ) -> dict[str, Any]:
        """Take the plain ports that `with` fills out of `values`; optional ports left open get their default."""
        found = {p.name: None for p in sig.inputs if p.optional and p.bare and p.name not in wires.wires}
        base = self.names.params_path(link)
        for port in sig.inputs:
            if port.name not in values or port.name in target.cls.model_fields:
                continue
            where = self.doc.where(*base, port.name)
            if not port.plain:
                raise WiringError(
                    f"'{port.name}' of '{target.use}' is a port for {describe(port.hint)}, not a parameter",
                    hint=f"wire it: `in: {{{port.name}: node}}`",
                    port=port.name,
                    where=where,
                )
            if port.name in wires.wires:
                raise WiringError(
                    "it is both wired and given by `with`", hint="remove one of them", port=port.name, where=where
                )
            found[port.name] = build_constant(port, values.pop(port.name), target.use, where)
        if target.model and values:
            name = next(iter(values))
            raise UnknownNameError(
                f"verb '{target.use}' has no parameter '{name}'",
                hint=f"the model's own parameters stand at the node '{target.use.partition('.')[0]}'",
                where=self.doc.where(*base, name),
            )
        return found

    def wire(self, link: LinkSpec, target: Target, sig: Signature, previous: Ref | None) -> Wires | Absent:
        """The link's wires by port name; absent where a port that must be wired is."""
        made = Wires()
        first = sig.inputs[0].name if sig.inputs else ""
        if previous is not None:
            if not first:
                raise WiringError(
                    f"'{target.use}' takes no input, so nothing can be fed to it",
                    hint="put it first, or make it a node",
                )
            made.wires[first], made.places[first] = previous, (self.doc.where(*link.path),)
        for written, wiring in link.wires.items():
            path = self.names.wire_path(link, written)
            port = sig.port(written or first)
            if port is None:
                raise self.no_port(written, target, sig, path)
            if port.name in made.wires:
                raise WiringError(
                    f"port '{port.name}' is wired twice",
                    hint="a step's first port takes what the step before gives" if previous else "remove one of them",
                    port=port.name,
                    where=self.doc.where(*path),
                )
            ends = self.ends(wiring, path, port, target.use)
            if not isinstance(ends, Absent):
                made.wires[port.name], made.places[port.name] = ends
            elif not port.optional:
                return ends
        return made

    def no_port(self, written: str, target: Target, sig: Signature, path: Path) -> UnknownNameError:
        """The error of a wire to a port that is not there."""
        if written in target.cls.model_fields and not target.model:
            hint = f"'{written}' is a parameter: write it under `with`"
        else:
            hint = suggest(written, [port.name for port in sig.inputs], "its ports")
        what = f"has no port '{written}'" if written else "takes no input"
        return UnknownNameError(f"'{target.use}' {what}", hint=hint, where=self.doc.where(*path))

    def ends(self, wiring: Any, path: Path, port: Port, use: str) -> tuple[Wire, tuple[Where | None, ...]] | Absent:
        """One port's wire: a value, a list of values, or labelled values, those left out that are absent."""
        found = [(self.scope.ref(text, place), place) for text, place in self.names.ends(wiring, path)]
        present = [(ref, place) for ref, place in found if isinstance(ref, Ref)]
        filled = self.params.fill(wiring, path)
        if not isinstance(filled, str):
            wanted = "mapping" if isinstance(filled, Mapping) else "sequence"
            if port.gather != wanted:
                many = {
                    "one": f"one {describe(port.hint)}",
                    "stream": f"a stream of {describe(port.hint)}",
                    "sequence": "a list of values",
                    "mapping": "labelled values",
                }
                raise WiringError(
                    f"port '{port.name}' of '{use}' takes {many[port.gather]}, got {many[wanted]}",
                    hint=_MANY[port.gather],
                    port=port.name,
                    where=self.doc.where(*path),
                )
        if not present:
            absent = found[0][0]
            assert isinstance(absent, Absent)
            return absent
        places = tuple(self.doc.where(*place) for _, place in present)
        if isinstance(filled, str):
            return present[0][0], places
        if isinstance(filled, Mapping):
            return {str(place[-1]): ref for ref, place in present}, places
        return tuple(ref for ref, _ in present), places


def _folds(node: Node) -> bool:
    return node.signature is not None and node.signature.verb == "lift"
