"""Keys: the order people expect of numbered names, and the file that each key came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from otframe.errors import InputError

__all__ = ["natural", "one_key_each"]

_DIGITS = re.compile(r"([0-9]+)")


def natural(name: str) -> tuple[object, ...]:
    """A sort key under which '2' comes before '10'; equal names but for case keep one fixed order."""
    parts = _DIGITS.split(name)
    # numbers compare by length, then digits: `int` would refuse very long ones
    parsed = tuple((len(p.lstrip("0")), p.lstrip("0")) if k % 2 else p.casefold() for k, p in enumerate(parts))
    return parsed, name


def one_key_each(paths: Iterable[Path]) -> Mapping[str, Path]:
    """Files by stem, in natural order; `InputError` with both files where two share a stem."""
    found: dict[str, Path] = {}
    for path in paths:
        other = found.setdefault(path.stem, path)
        if other != path:
            raise InputError(
                f"two files have the key '{path.stem}': {other} and {path}",
                hint="a key is a file name without its suffix; rename one, or give a pattern such as '*.png'",
            )
    return {stem: found[stem] for stem in sorted(found, key=natural)}
