"""Ports and parameters as people read them: for `otframe show` and the documentation."""

from __future__ import annotations

from typing import Any

from otframe.interfaces import Component
from otframe.ports import Port, describe

__all__ = ["parameter_default", "parameter_limits", "parameter_type", "port_type"]


def port_type(port: Port) -> str:
    """What a port takes: a type, or a list, labelled values or a whole stream of it."""
    text = describe(port.hint)
    forms = {"sequence": f"list of {text}", "mapping": f"labelled {text}", "stream": f"whole stream of {text}"}
    return forms.get(port.gather, text)


def parameter_type(annotation: Any) -> str:
    """What a parameter takes, without its limits."""
    return "None" if annotation is type(None) else describe(annotation).replace("NoneType", "None")


def parameter_limits(field: Any) -> str:
    """The limits of a parameter, `≥ 0, ≤ 1`; empty where it has none."""
    return ", ".join(told for limit in field.metadata if (told := _limit(limit)))


def parameter_default(field: Any) -> str:
    """The value of a parameter that is not given, as it is written in Python."""
    value = field.get_default(call_default_factory=True)
    if isinstance(value, list) and value and isinstance(value[0], Component):
        return "[" + ", ".join(repr(item) for item in value) + "]"
    return repr(value)


def _limit(limit: Any) -> str:
    """A constraint as people write it."""
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "multiple_of": "a multiple of"}
    told = [f"{sign} {getattr(limit, name)}" for name, sign in signs.items() if getattr(limit, name, None) is not None]
    low, high = getattr(limit, "min_length", None), getattr(limit, "max_length", None)
    told += [f"at least {low} long"] if low is not None else []
    told += [f"at most {high} long"] if high is not None else []
    pattern = getattr(limit, "pattern", None)
    return ", ".join([*told, f"matches {pattern}"] if pattern else told)
