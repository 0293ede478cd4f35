"""Building a pipeline in Python: the same document that a YAML file makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from otframe.errors import ParameterError
from otframe.graph.document import Document, InputSpec, LinkSpec, NodeSpec, OutputSpec
from otframe.graph.parse import OPTIONS

__all__ = ["Builder", "Handle"]


@dataclass(frozen=True)
class Handle:
    """A node or input that other nodes are wired to; `handle.encode` is a verb of a model, or a field of a value."""

    ref: str

    def __getattr__(self, name: str) -> Handle:
        if name.startswith("_"):
            raise AttributeError(name)
        return Handle(f"{self.ref}.{name}")


Wiring = Handle | Sequence[Handle] | Mapping[str, Handle]
Step = str | Handle | tuple[str | Handle, Mapping[str, Any]]


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

    title: str = "untitled"
    description: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    _inputs: dict[str, InputSpec] = field(default_factory=dict, init=False)
    _nodes: dict[str, NodeSpec] = field(default_factory=dict, init=False)
    _outputs: dict[str, OutputSpec] = field(default_factory=dict, init=False)

    def input(self, name: str, type: str, default: str | Handle | None = None, **spec: Any) -> Handle:
        """Declare an input; `optional`, `unless` and `doc` as in a file."""
        path, node = (None, default.ref) if isinstance(default, Handle) else (default, None)
        self._inputs[self._fresh(name)] = InputSpec(type, path, node, **spec)
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
        self._nodes[self._fresh(name)] = NodeSpec((_link((use, params or {}), first, wires, options),))
        return Handle(name)

    def steps(self, name: str, steps: Sequence[Step], first: Wiring | None = None, **options: Any) -> Handle:
        """Add a chain: each step feeds the first port of the next. A step is a component, or one with its parameters."""
        if not steps:
            raise ParameterError("a chain needs at least one step", node=name)
        links = tuple(_link(step, first if i == 0 else None, None, options) for i, step in enumerate(steps))
        self._nodes[self._fresh(name)] = NodeSpec(links, stepwise=True)
        return Handle(name)

    def output(self, name: str, source: Handle, to: str | None = None, before: Handle | None = None) -> None:
        """Keep a value under a name."""
        self._outputs[name] = OutputSpec(source.ref, to, before.ref if before else "")

    def document(self) -> Document:
        """The pipeline as a document."""
        return Document(self.title, self.description, dict(self.params), self._inputs, self._nodes, self._outputs)

    def _fresh(self, name: str) -> str:
        if name in self._inputs or name in self._nodes:
            raise ParameterError(f"there is already an input or node '{name}'")
        return name


def _link(
    step: Step, first: Wiring | None, wires: Mapping[str, Wiring] | None, options: Mapping[str, Any]
) -> LinkSpec:
    use, params = step if isinstance(step, tuple) else (step, {})
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise ParameterError(f"a node has no option '{unknown[0]}'", hint=f"options: {', '.join(OPTIONS)}")
    wired = {} if first is None else {"": _plain(first)}
    wired.update({port: _plain(wiring) for port, wiring in (wires or {}).items()})
    return LinkSpec(use.ref if isinstance(use, Handle) else use, wired, dict(params), dict(options))


def _plain(wiring: Wiring) -> Any:
    if isinstance(wiring, Handle):
        return wiring.ref
    if isinstance(wiring, Mapping):
        return {label: handle.ref for label, handle in wiring.items()}
    return [handle.ref for handle in wiring]
