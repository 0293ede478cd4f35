"""Ports from type hints: reading a verb's signature, and unifying its hints with the types that its wires carry.

Hints are ordinary Python: classes, generics such as `PatchSet[F]`, type variables, `T | None`, `Sequence[T]`,
`Mapping[str, T]`, `Stream[T]`, and plain types that parameters may fill.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from otframe.errors import PluginError
from otframe.interfaces import Accumulator, Component, Model, Solver, Stream
from otframe.values import Scalar

__all__ = ["Port", "Signature", "describe", "is_plain", "signature", "substitute", "unify", "verbs"]

Hint = Any
Bindings = Mapping[TypeVar, Hint]

_INJECTED = ("ctx", "net")
_PLAIN = (int, float, str, bool)
_UNIONS = (Union, types.UnionType)
_PLAIN_CONTAINERS = (list, tuple, dict, collections.abc.Mapping, collections.abc.Sequence, *_UNIONS)


@dataclass(frozen=True)
class Port:
    """An input port.

    Parameters
    ----------
    name : str
        The verb's parameter name.
    hint : type
        What one item must be; for gathering ports, the type of the elements.
    gather : str
        `one`, or how a stream is handed over whole: `sequence`, `mapping`, `stream`.
    optional : bool
        Whether nothing (None) may be wired.
    required : bool
        Whether the verb has no default for it.
    default : object
        The verb's default.
    bare : bool
        Whether the verb has none: an optional port must then be handed None.
    check : type
        The hint as it is written, with the limits that `Annotated` adds: what `with` is checked against.
    """

    name: str
    hint: Hint
    gather: Literal["one", "sequence", "mapping", "stream"] = "one"
    optional: bool = False
    required: bool = True
    default: Any = None
    bare: bool = False
    check: Hint = None

    @property
    def plain(self) -> bool:
        """Whether `with` may fill the port."""
        return self.gather == "one" and is_plain(self.hint)


@dataclass(frozen=True)
class Signature:
    """A verb's ports, its output (a hint, or named hints of a NamedTuple), and what must be injected."""

    verb: str
    inputs: tuple[Port, ...]
    output: Hint
    fields: Mapping[str, Hint]
    takes_ctx: bool
    takes_net: bool

    def port(self, name: str) -> Port | None:
        """The port of a name, or None."""
        return next((port for port in self.inputs if port.name == name), None)


def verbs(cls: type[Component]) -> tuple[str, ...]:
    """The names of a component's verbs; a transform's is `__call__`, an accumulator's `lift`."""
    if issubclass(cls, Model):
        return tuple(
            name
            for name, method in inspect.getmembers(cls, inspect.isfunction)
            if getattr(method, "__otframe_verb__", False)
        )
    if issubclass(cls, Accumulator):
        return ("lift",)
    return ("solve",) if issubclass(cls, Solver) else ("__call__",)


@functools.cache
def signature(cls: type[Component], verb: str) -> Signature:
    """The signature of a verb; `PluginError` where a hint is missing or cannot be resolved."""
    where = f"{cls.__name__}.{verb}"
    method = getattr(cls, verb, None)
    if method is None:
        raise PluginError(f"{where} does not exist")
    hints = _hints(method, where)
    inputs = []
    for name, parameter in list(inspect.signature(method).parameters.items())[1:]:
        if name in _INJECTED:
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise PluginError(f"{where}: ports must be named one by one, got *{name}")
        if name not in hints:
            raise PluginError(f"{where}: port '{name}' has no type hint")
        inputs.append(_port(name, hints[name], parameter))
    result = method if verb != "lift" or not issubclass(cls, Accumulator) else cls.finish
    output: Hint = hints.get("return") if result is method else _hints(result, f"{cls.__name__}.finish").get("return")
    if output is None or output is type(None):
        raise PluginError(f"{where} has no return type hint")
    parameters = inspect.signature(method).parameters
    return Signature(verb, tuple(inputs), output, _fields(output), "ctx" in parameters, "net" in parameters)


def _hints(method: Callable[..., Any], where: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(inspect.unwrap(method), include_extras=True)
    except Exception as error:
        raise PluginError(
            f"{where}: its type hints cannot be resolved: {error}",
            hint="import value types at run time, not under TYPE_CHECKING",
        ) from error


def _port(name: str, annotated: Hint, parameter: inspect.Parameter) -> Port:
    hint, optional = _strip_none(_bare(annotated))
    bare = parameter.default is parameter.empty
    gather: Literal["one", "sequence", "mapping", "stream"] = "one"
    origin = _origin(hint)
    if origin is Stream:
        gather, (hint,) = "stream", get_args(hint)
    elif origin is collections.abc.Sequence and not is_plain(hint):
        gather, (hint,) = "sequence", get_args(hint)
    elif origin is collections.abc.Mapping and not is_plain(hint):
        gather, hint = "mapping", get_args(hint)[1]
    default = None if bare else parameter.default
    return Port(name, hint, gather, optional, bare and not optional, default, bare, annotated)


def _origin(hint: Hint) -> Any:
    return get_origin(hint)


def _bare(hint: Hint) -> Hint:
    """The hint without `Annotated`, at the top and inside unions."""
    if _origin(hint) is Annotated:
        return _bare(get_args(hint)[0])
    if _origin(hint) in _UNIONS:
        return Union[tuple(_bare(arm) for arm in get_args(hint))]  # noqa: UP007
    return hint


def _strip_none(hint: Hint) -> tuple[Hint, bool]:
    if _origin(hint) in _UNIONS:
        arms = [arm for arm in get_args(hint) if arm is not type(None)]
        if len(arms) < len(get_args(hint)):
            return Union[tuple(arms)], True  # noqa: UP007
    return hint, False


def _fields(output: Hint) -> dict[str, Hint]:
    if isinstance(output, type) and issubclass(output, tuple) and hasattr(output, "_fields"):
        return dict(typing.get_type_hints(output))
    return {}


def is_plain(hint: Hint) -> bool:
    """Whether a hint is made of plain types alone: numbers, texts, and containers of them."""
    if hint in _PLAIN:
        return True
    origin = _origin(hint)
    if origin is Literal:
        return True
    if origin in _PLAIN_CONTAINERS:
        return all(is_plain(arm) for arm in get_args(hint) if arm not in (Ellipsis, type(None)))
    return False


def unify(hint: Hint, actual: Hint, bindings: Bindings) -> Bindings | None:
    """Bindings under which a wire of type `actual` fits a port of type `hint`; None where it does not fit."""
    if isinstance(hint, TypeVar):
        return _bind(hint, actual, bindings)
    if isinstance(actual, TypeVar):
        actual = _limit(actual)
    if _origin(actual) in _UNIONS:
        for arm in get_args(actual):
            found = unify(hint, arm, bindings)
            if found is None:
                return None
            bindings = found
        return bindings
    if _origin(hint) in _UNIONS:
        return next((b for arm in get_args(hint) if (b := unify(arm, actual, bindings)) is not None), None)
    if hint is Any or hint == actual:
        return bindings
    if hint is float and actual in (int, Scalar):
        return bindings
    base, given = _origin(hint) or hint, _origin(actual) or actual
    if not (isinstance(base, type) and isinstance(given, type) and issubclass(given, base)):
        return None
    # a bare generic says nothing about its arguments
    for wanted, argument in zip(get_args(hint), _arguments(actual, base), strict=False):
        found = unify(wanted, argument, bindings)
        if found is None:
            return None
        bindings = found
    return bindings


def _bind(variable: TypeVar, actual: Hint, bindings: Bindings) -> Bindings | None:
    """Bind a type variable, or check what it is bound to; the more general of two types that fit wins.

    A variable of several types stands for one of them, for none derived from it, as in Python's own rules.
    """
    bound = bindings.get(variable)
    if bound is not None and unify(bound, actual, {}) is not None:
        return bindings
    if bound is not None and unify(actual, bound, {}) is None:
        return None
    if variable.__constraints__:
        arm = next((arm for arm in variable.__constraints__ if unify(arm, actual, {}) is not None), None)
        return None if arm is None else {**bindings, variable: arm}
    return {**bindings, variable: actual} if unify(_limit(variable), actual, {}) is not None else None


def _limit(variable: TypeVar) -> Hint:
    """The most general type that a type variable may stand for."""
    if variable.__constraints__:
        return Union[variable.__constraints__]  # noqa: UP007
    return Any if variable.__bound__ is None else variable.__bound__


def _arguments(actual: Hint, base: type) -> tuple[Hint, ...]:
    """The arguments of a generic base, as a type or the classes it derives from give them."""
    given = _origin(actual) or actual
    if given is base:
        return get_args(actual)
    own = dict(zip(getattr(given, "__parameters__", ()), get_args(actual), strict=False))
    for parent in getattr(given, "__orig_bases__", getattr(given, "__bases__", ())):
        above = _origin(parent) or parent
        if isinstance(above, type) and issubclass(above, base):
            return _arguments(substitute(parent, own), base)
    return ()


def substitute(hint: Hint, bindings: Bindings) -> Hint:
    """The hint with its type variables replaced by what they were bound to."""
    if isinstance(hint, TypeVar):
        return bindings.get(hint, hint)
    arguments = get_args(hint)
    if not arguments or _origin(hint) is Literal:
        return hint
    replaced = tuple(substitute(argument, bindings) for argument in arguments)
    origin = _origin(hint)
    if origin in _UNIONS:
        return Union[replaced]  # noqa: UP007
    return origin[replaced if len(replaced) > 1 else replaced[0]]


def describe(hint: Hint) -> str:
    """A type as people write it: `PatchSet[Latent]`, `Image | Latent`."""
    if hint is None or hint is type(None):
        return "nothing"
    if hint is Any:
        return "anything"
    if hint is Ellipsis:
        return "..."
    if isinstance(hint, TypeVar):
        return describe(_limit(hint))
    origin, arguments = _origin(hint), get_args(hint)
    if origin is Annotated:
        return describe(arguments[0])
    if origin in _UNIONS:
        return " | ".join(describe(arm) for arm in arguments)
    if origin is Literal:
        return " | ".join(repr(arm) for arm in arguments)
    if origin is not None:
        return f"{describe(origin)}[{', '.join(describe(arm) for arm in arguments)}]"
    return getattr(hint, "__name__", str(hint))
