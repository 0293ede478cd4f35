"""`Signature`: what a pipeline takes and gives, for a node editor, a widget or a web form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from otframe.graph import Document, Graph

__all__ = ["InputInfo", "OutputInfo", "Signature", "signature_of"]


@dataclass(frozen=True)
class InputInfo:
    """An input.

    Parameters
    ----------
    type : str
        What one item is: `Image`, `Table`, `float`, ...
    stream : bool
        Whether many are taken, by key.
    required : bool
        Whether a run needs it.
    default : str, optional
        The path, `sample:` name or node that stands in for it.
    """

    name: str
    type: str
    stream: bool
    required: bool
    default: str | None
    doc: str


@dataclass(frozen=True)
class OutputInfo:
    """An output: its name, what one item is, and whether there are many, by key."""

    name: str
    type: str
    stream: bool


@dataclass(frozen=True)
class Signature:
    """Inputs, parameters with their defaults, and outputs."""

    inputs: tuple[InputInfo, ...]
    params: dict[str, Any]
    outputs: tuple[OutputInfo, ...]

    def schema(self) -> dict[str, Any]:
        """A JSON Schema of the parameters: types and defaults, nothing else allowed."""
        properties = {name: {**_kind(value), "default": value} for name, value in self.params.items()}
        return {"type": "object", "properties": properties, "additionalProperties": False}


def signature_of(document: Document, graph: Graph, fitted: frozenset[str] = frozenset()) -> Signature:
    """The signature of a checked pipeline; what is fitted is no input."""
    inputs = []
    for name, spec in document.inputs.items():
        if name in fitted:
            continue
        default = spec.default or (f"the value of {spec.default_from}" if spec.default_from else None)
        stream = spec.type.endswith("[]")
        required = default is None and not spec.optional
        inputs.append(InputInfo(name, spec.type.removesuffix("[]"), stream, required, default, spec.doc))
    outputs = tuple(
        OutputInfo(o.name, graph.nodes[o.source.node].describe().removesuffix("[]"), bool(o.origins))
        for o in graph.outputs
    )
    return Signature(tuple(inputs), dict(document.params), outputs)


def _kind(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int | float):
        return {"type": "number"}
    if isinstance(value, list | tuple):
        kinds = [_kind(item) for item in value]
        same = kinds and all(kind == kinds[0] for kind in kinds)
        return {"type": "array", "items": kinds[0]} if same else {"type": "array"}
    return {} if value is None else {"type": "string"}
