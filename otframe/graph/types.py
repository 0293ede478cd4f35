"""Types as pipeline files write them: `Image`, `Image[]` (a stream), `PatchSet[Latent]`, `float`."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from otframe.errors import PipelineError, UnknownNameError, Where, WiringError
from otframe.ports import describe, unify
from otframe.registry import Registry, suggest

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
    item = text.removesuffix("[]").strip()
    if item.endswith("[]"):
        raise _no_type(text, where)
    return WireType(_item(item, registry, where), stream)


def _no_type(text: str, where: Where | None) -> PipelineError:
    return PipelineError(
        f"'{text}' is not a type",
        hint="write a value's name, with [] for a stream: Image, Image[], Table",
        where=where,
    )


def _item(text: str, registry: Registry, where: Where | None) -> Any:
    match = re.fullmatch(r"(\w+)(?:\[(.+)\])?", text)
    if match is None:
        raise _no_type(text, where)
    name, argument = match.groups()
    if name in _PLAIN and argument is None:
        return _PLAIN[name]
    if not registry.has(name, "value"):
        known = [entry.name for entry, _ in registry.entries("value")]
        raise UnknownNameError(
            f"there is no value type '{name}'",
            hint=suggest(name, [*known, *_PLAIN], "known types"),
            where=where,
        )
    base = registry.load(name, "value")
    if argument is None:
        return base
    variables: tuple[Any, ...] = getattr(base, "__parameters__", ())
    if len(variables) != 1:
        raise PipelineError(f"{name} takes no type argument", hint=f"write {name}", where=where)
    inner = _item(argument.strip(), registry, where)
    (wanted,) = variables
    if unify(wanted, inner, {}) is None:
        raise WiringError(
            f"{name} is made of {describe(wanted)}, not of {describe(inner)}",
            hint=f"write {name}[...] with one of them",
            where=where,
        )
    return base[inner]
