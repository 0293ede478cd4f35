"""Writing plain data as YAML the way people write pipelines: nodes on lines of their own, the rest in braces.

Texts are written bare where every reader takes them as texts, and quoted otherwise: what is written is read back.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from otframe.errors import ParameterError

__all__ = ["emit"]

_WIDTH = 120
_BARE = re.compile(r"[A-Za-z_$][\w.$/-]*(?: [\w.$/-]+)*")
_BARE_ON_A_LINE = re.compile(r"[A-Za-z_$][\w.$/(),=+'\[\]-]*(?: [\w.$/(),=+'\[\]-]+)*")
_WORDS = ("null", "true", "false", "yes", "no", "on", "off", "y", "n")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}


def emit(data: Mapping[str, Any], sections: tuple[str, ...] = ()) -> str:
    """The YAML text of plain data; the parts of `sections` stand on lines of their own."""
    lines: list[str] = []
    for key, value in data.items():
        lines += _lines(key, value, 0, broken=key in sections)
    return "\n".join(lines) + "\n"


def _lines(key: str, value: Any, indent: int, *, broken: bool = False) -> Iterator[str]:
    pad = " " * indent
    head = f"{pad}{_text(key)}:"
    line = f"{head} {_flow(value) if isinstance(value, Mapping | list | tuple) else _scalar(value, _BARE_ON_A_LINE)}"
    if not (value and isinstance(value, Mapping | list | tuple)) or (len(line) <= _WIDTH and not broken):
        yield line
        return
    yield head
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _lines(name, part, indent + 2)
    else:
        for part in value:
            yield f"{pad}  - {_flow(part)}"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_text(key)}: {_flow(part)}' for key, part in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_flow, value))}]"
    return _scalar(value, _BARE)


def _scalar(value: Any, bare: re.Pattern[str]) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value, bare)
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return repr(value)
    raise ParameterError(
        f"a pipeline file cannot hold {value!r}",
        hint="write finite numbers, texts, true, false, lists and mappings; a component as {use: name, with: {...}}",
    )


def _text(text: str, bare: re.Pattern[str] = _BARE) -> str:
    text = str(text)
    if bare.fullmatch(text) and text.isprintable() and text.lower() not in _WORDS:
        return text
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
