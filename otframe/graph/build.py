"""Making components from names and parameters, nested ones included, with errors that point at the parameter."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from otframe.errors import OtframeError, ParameterError, UnknownNameError, Where
from otframe.graph.document import Path
from otframe.interfaces import Component
from otframe.ports import Port, describe
from otframe.registry import Registry, nearest

__all__ = ["build_component", "build_constant", "component", "describe_component"]

Locate = Callable[[Path], Where | None]


def component(name: str, /, registry: Registry | None = None, **params: Any) -> Any:
    """A component by its public name: `component("gaussian.transport", floor=1e-10)`.

    A parameter that is itself a component may be given as an instance, a name, or `{"use": ..., "with": {...}}`.
    """
    return build_component(registry or Registry.installed(), name, params)


def build_component(
    registry: Registry, name: str, params: Mapping[str, Any], locate: Locate = lambda path: None
) -> Component:
    """Build a component; `UnknownNameError` and `ParameterError` say which parameter, where, and what it takes.

    `locate` gives the place of a parameter from its path inside `params`.
    """
    try:
        cls = registry.load(name)
    except OtframeError as error:
        raise error.at(where=locate(())) from None
    if not (isinstance(cls, type) and issubclass(cls, Component)):
        raise ParameterError(f"'{name}' is not a component but {cls!r}", where=locate(()))
    filled = {}
    for key, value in params.items():
        if key not in cls.model_fields:
            near = nearest(key, cls.model_fields)
            known = ", ".join(cls.model_fields) or "none"
            raise UnknownNameError(
                f"'{name}' has no parameter '{key}'",
                hint=f"did you mean {near}?" if near else f"its parameters: {known}",
                where=locate((key,)),
            )
        filled[key] = _nested(registry, cls.model_fields[key].annotation, value, (key,), locate)
    try:
        return cls(**filled)
    except ValidationError as error:
        first = error.errors()[0]
        path = tuple(first["loc"])
        label = ".".join(str(part) for part in path) or name
        missing = first["type"] == "missing"
        came = "" if missing else f", got {first['input']!r}"
        field = cls.model_fields.get(str(path[0])) if path else None
        wanted = f"it takes {describe(field.annotation)}" if field is not None else ""
        doc = f": {field.description}" if field is not None and field.description else ""
        raise ParameterError(
            f"parameter '{label}' of '{name}': {_sentence(first['msg'])}{came}",
            hint=f"{wanted}{doc}",
            where=locate(path),
        ) from None


def build_constant(port: Port, value: Any, owner: str, where: Where | None) -> Any:
    """The value of a plain port that `with` fills, checked against the port's hint."""
    if value is None and port.optional:
        return None
    try:
        return TypeAdapter(port.hint).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise ParameterError(
            f"'{port.name}' of '{owner}' takes {describe(port.hint)}: {_sentence(first['msg'])}, got {value!r}",
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
    if isinstance(value, Mapping):
        return {str(key): _plain(item, registry) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, registry) for item in value]
    return value if isinstance(value, str | int | float | bool | type(None)) else str(value)


def _nested(registry: Registry, annotation: Any, value: Any, path: Path, locate: Locate) -> Any:
    """Replace `{use, with}` by a component where the annotation wants one, inside lists and mappings too."""
    wanted = _component_in(annotation)
    if wanted is None or isinstance(value, Component):
        return value
    origin = get_origin(annotation)
    if origin in (list, tuple, set, frozenset) and isinstance(value, list | tuple):
        return [_nested(registry, get_args(annotation)[0], item, (*path, i), locate) for i, item in enumerate(value)]
    if origin is dict and isinstance(value, Mapping) and "use" not in value:
        return {
            key: _nested(registry, get_args(annotation)[1], item, (*path, key), locate) for key, item in value.items()
        }
    if isinstance(value, str):
        use, params, inner = value, {}, path
    elif isinstance(value, Mapping) and isinstance(value.get("use"), str) and set(value) <= {"use", "with"}:
        use, params, inner = value["use"], value.get("with") or {}, (*path, "with")
    elif value is None:
        return value
    else:
        raise ParameterError(
            f"'{path[-1]}' takes a component, got {value!r}",
            hint="write its name, or {use: name, with: {...}}",
            where=locate(path),
        )
    built = build_component(registry, use, params, lambda p: locate((*inner, *p) if p else path))
    if not isinstance(built, wanted):
        raise ParameterError(
            f"'{path[-1]}' takes a {wanted.__name__}, '{use}' is a {type(built).__mro__[1].__name__}",
            hint="`otframe list` shows what each component is",
            where=locate(path),
        )
    return built


def _component_in(annotation: Any) -> type[Component] | None:
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation if issubclass(annotation, Component) else None
    if get_origin(annotation) in (list, tuple, set, frozenset, dict, Union, types.UnionType):
        for arm in get_args(annotation):
            found = _component_in(arm)
            if found is not None:
                return found
    return None


def _sentence(message: str) -> str:
    return message[:1].lower() + message[1:]
