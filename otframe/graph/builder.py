"""Building a pipeline in Python: the same document that a YAML file makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from otframe.errors import ParameterError
from otframe.graph.document import UNTITLED, Document, InputSpec, LinkSpec, NodeSpec, OutputSpec
from otframe.graph.parse import NAME, OPTIONS
from otframe.registry import suggest

__all__ = ["Builder", "Handle", "step"]

_NAMES = "use letters, digits and _, not a digit first, and each name once"


@dataclass(frozen=True)
class Handle:
    """A node or input that other nodes are wired to; `handle.encode` is a verb of a model, or a field of a value."""

    ref: str

    def __getattr__(self, name: str) -> Handle:
        if name.startswith("_"):
            raise AttributeError(name)
        return Handle(f"{self.ref}.{name}")


Wiring = Handle | Sequence[Handle] | Mapping[str, Handle]
Step = str | Handle | tuple[str | Handle, Mapping[str, Any]] | LinkSpec


def step(
    use: str | Handle,
    first: Wiring | None = None,
    wires: Mapping[str, Wiring] | None = None,
    params: Mapping[str, Any] | None = None,
    **options: Any,
) -> LinkSpec:
    """One link of a chain with wires or options of its own.

    `first` is wired to the component's first port, `wires` to the ports it names.
    """
    for option in options:
        if option not in OPTIONS:
            raise ParameterError(f"a node has no option '{option}'", hint=suggest(option, OPTIONS, "options"))
    wired = {} if first is None else {"": _plain(first)}
    wired.update({port: _plain(wiring) for port, wiring in (wires or {}).items()})
    return LinkSpec(use.ref if isinstance(use, Handle) else use, wired, _data(dict(params or {})), dict(options))


@dataclass
class Builder:
    """Collects inputs, nodes and outputs.

    >>> b = Builder("Round trip")
    >>> photos = b.input("photos", "Image[]")
    >>> coder = b.node("coder", "autoencoder.klt")
    >>> back = b.steps("back", [coder.encode, coder.decode], photos)
    >>> b.output("back", back, to="{stem}.png")
    >>> sorted(b.document().nodes)
    ['back', 'coder']
    """

    title: str = UNTITLED
    description: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    _inputs: dict[str, InputSpec] = field(default_factory=dict, init=False)
    _nodes: dict[str, NodeSpec] = field(default_factory=dict, init=False)
    _outputs: dict[str, OutputSpec] = field(default_factory=dict, init=False)

    def input(
        self,
        name: str,
        type: str,
        default: str | Handle | None = None,
        *,
        optional: bool = False,
        unless: str | Handle | Sequence[str | Handle] = (),
        doc: str = "",
    ) -> Handle:
        """Declare an input; a `default` is a path or a node, `optional`, `unless` and `doc` are as in a file."""
        path, node = (None, default.ref) if isinstance(default, Handle) else (default, None)
        others = (unless,) if isinstance(unless, str | Handle) else unless
        names = tuple(other.ref if isinstance(other, Handle) else other for other in others)
        self._inputs[self._fresh(name)] = InputSpec(type, path, node, optional, names, doc)
        return Handle(name)

    def node(
        self,
        name: str,
        use: str | Handle,
        first: Wiring | None = None,
        wires: Mapping[str, Wiring] | None = None,
        params: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Handle:
        """Add a node. `first` is wired to the component's first port, `wires` to the ports it names."""
        self._nodes[self._fresh(name)] = NodeSpec((step(use, first, wires, params, **options),))
        return Handle(name)

    def steps(self, name: str, steps: Sequence[Step], first: Wiring | None = None, **options: Any) -> Handle:
        """Add a chain: each step feeds the first port of the next.

        A step is a component, a component with its parameters, or `step(...)` for one with wires or options of its
        own. `options` are those of the chain.
        """
        if not steps:
            raise ParameterError("a chain needs at least one step", hint="name a component", node=name)
        start, *rest = (_link(link) for link in steps)
        start = replace(start, wires={**step("", first).wires, **start.wires})
        self._nodes[self._fresh(name)] = NodeSpec((start, *rest), stepwise=True, options=step("", **options).options)
        return Handle(name)

    def output(
        self, name: str, source: Handle, to: str | None = None, before: Handle | None = None, *, doc: str = ""
    ) -> None:
        """Keep a value under a name; `before` is what it is shown beside."""
        if name in self._outputs or not NAME.match(name):
            raise ParameterError(f"'{name}' cannot name an output, or already does", hint=_NAMES)
        self._outputs[name] = OutputSpec(source.ref, to, before.ref if before else "", doc)

    def document(self) -> Document:
        """The pipeline as a document."""
        return Document(
            self.title, self.description, _data(dict(self.params)), {**self._inputs}, {**self._nodes}, {**self._outputs}
        )

    def _fresh(self, name: str) -> str:
        if name in self._inputs or name in self._nodes or not NAME.match(name):
            raise ParameterError(f"'{name}' cannot name an input or node, or already does", hint=_NAMES)
        return name


def _link(link: Step) -> LinkSpec:
    if isinstance(link, LinkSpec):
        return link
    use, params = link if isinstance(link, tuple) else (link, {})
    return step(use, params=params)


def _plain(wiring: Wiring) -> Any:
    if isinstance(wiring, Handle):
        return wiring.ref
    if isinstance(wiring, Mapping):
        return {label: handle.ref for label, handle in wiring.items()}
    return [handle.ref for handle in wiring]


def _data(data: Any) -> Any:
    """Parameters as a file holds them: tuples are lists."""
    if isinstance(data, Mapping):
        return {key: _data(value) for key, value in data.items()}
    return [_data(value) for value in data] if isinstance(data, list | tuple) else data
