"""Making components from names and parameters, nested ones included, with errors that point at the parameter."""

from __future__ import annotations

import collections.abc
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, Union, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter, ValidationError

from otframe.errors import OtframeError, ParameterError, UnknownNameError, Where
from otframe.graph.document import Path
from otframe.interfaces import Accumulator, Component, Model, Solver, Transform
from otframe.ports import Port, describe
from otframe.registry import Registry, suggest

__all__ = ["build_component", "build_constant", "component", "describe_component"]

Locate = Callable[[Path], Where | None]

_LISTS = (list, tuple, set, frozenset, collections.abc.Sequence)
_MAPPINGS = (dict, collections.abc.Mapping)


def component(name: str, /, registry: Registry | None = None, **params: Any) -> Any:
    """A component by its public name: `component("gaussian.transport", floor=1e-10)`.

    A parameter that is itself a component may be given as an instance, a name, or `{"use": ..., "with": {...}}`.
    """
    return build_component(registry or Registry.installed(), name, params)


def build_component(
    registry: Registry,
    name: str,
    params: Mapping[str, Any],
    locate: Locate = lambda path: None,
    ports: Iterable[str] = (),
) -> Component:
    """Build a component; `UnknownNameError` and `ParameterError` say which parameter, where, and what it takes.

    `locate` gives the place of a parameter from its path inside `params`; `ports` are the names that `params` could
    have had besides.
    """
    try:
        cls = registry.load(name)
    except OtframeError as error:
        raise error.at(where=locate(())) from error.__cause__
    if not (isinstance(cls, type) and issubclass(cls, Component)):
        raise ParameterError(f"'{name}' is not a component", hint="`otframe list` shows them", where=locate(()))
    filled = {}
    for key, value in params.items():
        if key not in cls.model_fields:
            raise UnknownNameError(
                f"'{name}' has no parameter '{key}'",
                hint=suggest(key, [*cls.model_fields, *ports], "its parameters"),
                where=locate((key,)),
            )
        filled[key] = _nested(registry, cls.model_fields[key].annotation, value, (key,), locate)
    try:
        return cls(**filled)
    except ValidationError as error:
        raise _explained(error, cls, name, filled, locate) from None
    except OtframeError as error:
        raise error.at(where=locate(())) from error.__cause__


def _explained(
    error: ValidationError, cls: type[Component], name: str, params: Mapping[str, Any], locate: Locate
) -> ParameterError:
    """Pydantic's first complaint, as people read it."""
    first = error.errors()[0]
    path = _inside(params, first["loc"])
    message = _sentence(first["msg"])
    if not path and not first["loc"]:
        return ParameterError(f"'{name}': {message}", hint=f"`otframe show {name}` tells more", where=locate(()))
    field = cls.model_fields[str(first["loc"][0])]
    label = ".".join(str(part) for part in path or first["loc"])
    came = "" if first["type"] == "missing" else f", got {first['input']!r}"
    doc = f": {' '.join(field.description.split())}" if field.description else ""
    return ParameterError(
        f"parameter '{label}' of '{name}': {message}{came}",
        hint=f"it takes {describe(field.annotation)}{doc}",
        where=locate(path),
    )


def _inside(data: Any, loc: Path) -> Path:
    """The part of pydantic's location that is a path into the data; the rest names the arms of unions."""
    found: list[str | int] = []
    for step in loc:
        known = range(len(data)) if isinstance(data, list | tuple) else data if isinstance(data, Mapping) else ()
        if step in known:
            data = data[step]
            found.append(step)
    return tuple(found)


def build_constant(port: Port, value: Any, owner: str, where: Where | None) -> Any:
    """The value of a plain port that `with` fills, checked against the port's hint."""
    if value is None and port.optional:
        return None
    try:
        return TypeAdapter(port.check, config=ConfigDict(allow_inf_nan=False)).validate_python(value)
    except ValidationError as error:
        raise ParameterError(
            f"'{port.name}' of '{owner}': {_sentence(error.errors()[0]['msg'])}, got {value!r}",
            hint=f"it takes {describe(port.hint)}",
            where=where,
        ) from None


def describe_component(component: Component, registry: Registry) -> dict[str, Any]:
    """`{use, with}` of a component, nested ones included: what `build_component` makes it from again."""
    params = {
        name: _plain(getattr(component, name), registry)
        for name, field in type(component).model_fields.items()
        if getattr(component, name) != field.get_default(call_default_factory=True)
    }
    found: dict[str, Any] = {"use": registry.name_of(type(component))}
    return {**found, "with": params} if params else found


def _plain(value: Any, registry: Registry) -> Any:
    if isinstance(value, Component):
        return describe_component(value, registry)
    if isinstance(value, Enum):
        return _plain(value.value, registry)
    if isinstance(value, Mapping):
        return {str(key): _plain(item, registry) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, registry) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((_plain(item, registry) for item in value), key=repr)
    return value if isinstance(value, str | int | float | bool | type(None)) else str(value)


def _nested(registry: Registry, annotation: Any, value: Any, path: Path, locate: Locate) -> Any:
    """Replace names and `{use, with}` by components where the annotation wants them, in lists and mappings too."""
    kinds = tuple(_components_in(annotation))
    if not kinds or value is None or isinstance(value, Component):
        return value
    arms = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    spot = path
    params: Any = {}
    for arm in arms:
        origin, inner = get_origin(arm), get_args(arm)
        if origin in _LISTS and isinstance(value, list | tuple):
            return [_nested(registry, inner[0], item, (*path, i), locate) for i, item in enumerate(value)]
        if origin in _MAPPINGS and isinstance(value, Mapping) and "use" not in value:
            return {key: _nested(registry, inner[1], item, (*path, key), locate) for key, item in value.items()}
    if isinstance(value, str) and (str not in arms or registry.has(value)):
        use, base = value, path
    elif isinstance(value, Mapping) and isinstance(value.get("use"), str) and set(value) <= {"use", "with"}:
        use, params, base, spot = value["use"], value.get("with") or {}, (*path, "with"), (*path, "use")
    elif any(arm not in kinds and arm is not type(None) for arm in arms):
        return value  # another arm of the annotation may take it
    else:
        raise ParameterError(
            f"'{path[-1]}' takes a component, got {value!r}",
            hint="write its name, or {use: name, with: {...}}",
            where=locate(path),
        )
    if not isinstance(params, Mapping):
        raise ParameterError(
            f"`with` of '{use}' holds its parameters by name, got {params!r}",
            hint="write {use: name, with: {parameter: value}}",
            where=locate(base),
        )
    built = build_component(registry, use, params, lambda p: locate((*base, *p) if p else spot))
    if not isinstance(built, kinds):
        raise ParameterError(
            f"'{path[-1]}' takes a {' or a '.join(kind.__name__ for kind in kinds)}, '{use}' is a {_kind(built)}",
            hint="`otframe list` shows what each component is",
            where=locate(spot),
        )
    return built


def _components_in(annotation: Any) -> Iterator[type[Component]]:
    """The kinds of component that an annotation mentions, at any depth."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        if issubclass(annotation, Component):
            yield annotation
        return
    for arm in get_args(annotation):
        yield from _components_in(arm)


def _kind(component: Component) -> str:
    return next(
        kind for kind in (Model, Solver, Accumulator, Transform, Component) if isinstance(component, kind)
    ).__name__


def _sentence(message: str) -> str:
    message = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return message[:1].lower() + message[1:]
