"""Keys: how their letters are written, the order people expect of numbered names, and the file each came from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from otframe.errors import InputError

__all__ = ["as_key", "natural", "one_key_each"]

_DIGITS = re.compile(r"([0-9]+)")


def as_key(name: str) -> str:
    """A name as a key: letters with accents in one piece (Unicode NFC), whichever way the disk writes them."""
    return unicodedata.normalize("NFC", name)


def natural(name: str) -> tuple[object, ...]:
    """A sort key under which '2' comes before '10'; equal names but for case keep one fixed order."""
    parts = _DIGITS.split(name)
    # numbers compare by length, then digits: `int` would refuse very long ones
    parsed = tuple((len(p.lstrip("0")), p.lstrip("0")) if k % 2 else p.casefold() for k, p in enumerate(parts))
    return parsed, name


def one_key_each(paths: Iterable[Path]) -> Mapping[str, Path]:
    """Files by stem, in natural order; `InputError` with both files where two share a stem.

    The stems are keys; the paths are left as the disk writes them.
    """
    found: dict[str, Path] = {}
    for path in paths:
        key = as_key(path.stem)
        other = found.setdefault(key, path)
        if other != path:
            hint = "a key is a file name without its suffix; rename one, or give a pattern such as '*.png'"
            if other.stem != path.stem:
                hint = "both names look the same and differ in how their accents are written (Unicode): rename one"
            raise InputError(f"two files have the key '{key}': {other} and {path}", hint=hint)
    return {stem: found[stem] for stem in sorted(found, key=natural)}
