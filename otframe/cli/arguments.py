"""Reading `name=value` options."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from otframe.errors import ParameterError

__all__ = ["axes", "bindings", "parameters"]


def bindings(given: Iterable[str]) -> dict[str, str | list[str]]:
    """Inputs by name, from `--in name=path`; an input that is named several times takes all its paths."""
    found: dict[str, str | list[str]] = {}
    for text in given:
        name, path = _split(text, "--in", "photos=folder")
        earlier = found.get(name)
        if earlier is None:
            found[name] = path
        else:
            found[name] = [*(earlier if isinstance(earlier, list) else [earlier]), path]
    return found


def parameters(given: Iterable[str]) -> dict[str, Any]:
    """Parameters by name, from `--set name=value`; values are read as in a pipeline file."""
    from otframe.errors import OtframeError
    from otframe.graph import parse_scalar

    found: dict[str, Any] = {}
    for text in given:
        name, value = _split(text, "--set", "alpha=0.5")
        _once(name, found, "--set", "to try several values, --sweep takes a list of them")
        try:
            found[name] = parse_scalar(value)
        except OtframeError as error:
            raise ParameterError(f"--set {text}: {error.message}", hint=error.hint) from None
    return found


def axes(given: Iterable[str]) -> dict[str, list[Any]]:
    """Lists of values by name, from `--sweep name=a,b,c`; values are read as in a pipeline file."""
    from otframe.errors import OtframeError
    from otframe.graph import parse_scalar

    found: dict[str, list[Any]] = {}
    for text in given:
        name, values = _split(text, "--sweep", "alpha=0,0.5")
        _once(name, found, "--sweep", "put all values into one list, as in --sweep alpha=0,0.5")
        try:
            listed = parse_scalar(f"[{values}]")
        except OtframeError as error:
            hint = "values are parted by single commas, as in --sweep alpha=0,0.5"
            raise ParameterError(f"--sweep {text}: {error.message}", hint=hint) from None
        if not listed:
            raise ParameterError(f"--sweep {text}: no values", hint="as in --sweep alpha=0,0.5")
        found[name] = listed
    return found


def _once(name: str, found: dict[str, Any], option: str, hint: str) -> None:
    if name in found:
        raise ParameterError(f"{option} gives '{name}' twice", hint=hint)


def _split(text: str, option: str, example: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ParameterError(f"{option} takes name=value, got '{text}'", hint=f"as in {option} {example}")
    return name.strip(), value
