"""`$name`: parameters of a pipeline, and where they may stand."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Any

from otframe.errors import ParameterError, UnknownNameError
from otframe.graph.document import Document, Path
from otframe.registry import nearest, suggest

__all__ = ["Params"]

_WHOLE = re.compile(r"\$([A-Za-z_]\w*)\Z")
_INSIDE = re.compile(r"\$(?:\$|\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")


class Params:
    """A document's parameters with the caller's overrides.

    Raises `UnknownNameError` for an override of a parameter that is not there, `ParameterError` for one of another
    kind than the default.
    """

    def __init__(self, doc: Document, overrides: Mapping[str, Any] | None = None) -> None:
        self.doc = doc
        self.values = dict(doc.params)
        for name, value in (overrides or {}).items():
            if name not in self.values:
                raise UnknownNameError(
                    f"the pipeline has no parameter '{name}'",
                    hint=suggest(name, self.values, "its parameters"),
                    where=doc.where("params"),
                )
            default = self.values[name]
            if default is not None and not _alike(default, value):
                raise ParameterError(
                    f"parameter '{name}' is {type(default).__name__} (default {default!r}), "
                    f"got {type(value).__name__} {value!r}",
                    hint=f"give a value like {default!r}",
                    where=doc.where("params", name),
                )
            self.values[name] = value

    def fill(self, data: Any, path: Path) -> Any:
        """The data with each `$name` replaced by the parameter's value, at any depth; `$$` stands for a dollar sign."""
        if isinstance(data, Mapping):
            return {key: self.fill(value, (*path, key)) for key, value in data.items()}
        if isinstance(data, list | tuple):
            return [self.fill(value, (*path, i)) for i, value in enumerate(data)]
        if isinstance(data, str):
            match = _WHOLE.match(data)
            if match:
                return self._value(match[1], path)
            return data.replace("$$", "$")
        return data

    def text(self, template: str, path: Path) -> str:
        """A text with each `$name` and `${name}` inside it replaced."""
        return _INSIDE.sub(lambda m: str(self._value(m[1] or m[2], path)) if m[1] or m[2] else "$", template)

    def fix(self, data: Any, names: Container[str]) -> Any:
        """The data with only the parameters `names` filled in, at any depth and inside texts; all else as it is."""
        if isinstance(data, Mapping):
            return {key: self.fix(value, names) for key, value in data.items()}
        if isinstance(data, list | tuple):
            return [self.fix(value, names) for value in data]
        if not isinstance(data, str):
            return data
        match = _WHOLE.match(data)
        if match:
            return self.values[match[1]] if match[1] in names else data
        return _INSIDE.sub(lambda m: str(self.values[m[1] or m[2]]) if (m[1] or m[2]) in names else m[0], data)

    def used(self, data: Any) -> frozenset[str]:
        """The parameters that stand anywhere in some data."""
        if isinstance(data, Mapping):
            return frozenset().union(*(self.used(value) for value in data.values()))
        if isinstance(data, list | tuple):
            return frozenset().union(*(self.used(value) for value in data))
        found = _INSIDE.findall(data) if isinstance(data, str) else []
        return frozenset(a or b for a, b in found if (a or b) in self.values)

    def _value(self, name: str, path: Path) -> Any:
        if name not in self.values:
            near = nearest(name, self.values)
            raise UnknownNameError(
                f"there is no parameter '${name}'",
                hint=f"did you mean {near}?" if near else "declare it under `params:`, or write $$ for a dollar sign",
                where=self.doc.where(*path),
            )
        return self.values[name]


def _alike(default: Any, value: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, int | float):
        return isinstance(value, int | float)
    if isinstance(default, list | tuple):
        return isinstance(value, list | tuple)
    return isinstance(value, type(default))
