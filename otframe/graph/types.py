"""Types as pipeline files write them: `Image`, `Image[]` (a stream), `PatchSet[Latent]`, `float`."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from otframe.errors import PipelineError, UnknownNameError, Where
from otframe.registry import Registry, nearest

__all__ = ["WireType", "parse_type"]

_PLAIN: dict[str, type] = {"float": float, "int": int, "str": str, "bool": bool}


class WireType(NamedTuple):
    """The type of one item, and whether a stream of them is meant."""

    item: Any
    stream: bool


def parse_type(text: str, registry: Registry, where: Where | None = None) -> WireType:
    """The type that a text names; `UnknownNameError` with the nearest names otherwise."""
    text = text.strip()
    stream = text.endswith("[]")
    return WireType(_item(text.removesuffix("[]").strip(), registry, where), stream)


def _item(text: str, registry: Registry, where: Where | None) -> Any:
    match = re.fullmatch(r"(\w+)(?:\[(.+)\])?", text)
    if match is None:
        raise PipelineError(
            f"'{text}' is not a type",
            hint="write a value's name, with [] for a stream: Image, Image[], Table",
            where=where,
        )
    name, argument = match.groups()
    if name in _PLAIN and argument is None:
        return _PLAIN[name]
    if not registry.has(name, "value"):
        known = [entry.name for entry, _ in registry.entries("value")]
        near = nearest(name, [*known, *_PLAIN])
        raise UnknownNameError(
            f"there is no value type '{name}'",
            hint=f"did you mean {near}?" if near else f"known types: {', '.join(known)}",
            where=where,
        )
    base = registry.load(name, "value")
    if argument is None:
        return base
    if not hasattr(base, "__class_getitem__"):
        raise PipelineError(f"{name} takes no type argument", where=where)
    return base[_item(argument.strip(), registry, where)]
