"""`Source`: keyed values that are loaded one at a time. Files, and values given from Python."""

from __future__ import annotations

import abc
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from otframe.errors import InputError, OtframeError
from otframe.io.names import natural
from otframe.registry import Registry
from otframe.values import Image, Value

__all__ = ["FileSource", "JoinedSource", "Source", "ValuesSource", "file_digest"]


class Source(abc.ABC):
    """Keyed values of one origin. Nothing is kept: `load` makes the value when it is asked for.

    `value_type` is what `load` gives; `Value` where only the data can tell.
    """

    value_type: type = Value

    @abc.abstractmethod
    def keys(self) -> tuple[str, ...]:
        """The keys, in natural order."""

    @abc.abstractmethod
    def load(self, key: str) -> Any:
        """The value of a key, read now."""

    @abc.abstractmethod
    def where(self, key: str) -> str:
        """A place for people: a file's path where there is one."""

    @abc.abstractmethod
    def digest(self, key: str) -> str:
        """What identifies the content: the same bytes give the same digest, wherever they lie."""

    def __len__(self) -> int:
        return len(self.keys())


class FileSource(Source):
    """One file that holds one value; its key is the file's stem.

    A reader of a suffix is a subclass of this, or any callable `(uri, *, registry) -> Source` with a `value_type`.

    Parameters
    ----------
    uri : str or Path
        The file.
    registry : Registry
        Where value types are found.
    """

    def __init__(self, uri: str | Path, *, registry: Registry) -> None:
        self.path = Path(uri)
        self.registry = registry

    def keys(self) -> tuple[str, ...]:
        """The keys, in natural order."""
        return (self.path.stem,)

    def where(self, key: str) -> str:
        """A place for people."""
        return str(self.path)

    def digest(self, key: str) -> str:
        """What identifies the content."""
        return file_digest(self.path)


class JoinedSource(Source):
    """Several sources as one. A container's keys are put behind its file's stem.

    Parameters
    ----------
    parts : mapping of str to Source
        By stem.
    value_type : type
        What they give.
    """

    def __init__(self, parts: Mapping[str, Source], value_type: type) -> None:
        self.value_type = value_type
        self._places: dict[str, tuple[Source, str]] = {}
        for stem, part in parts.items():
            inner = part.keys()
            for key in inner:
                name = stem if len(inner) == 1 else f"{stem}-{key}"
                if name in self._places:
                    other, its = self._places[name]
                    raise InputError(f"two items have the key '{name}': in {other.where(its)} and {part.where(key)}")
                self._places[name] = (part, key)
        self._keys = tuple(sorted(self._places, key=natural))

    def keys(self) -> tuple[str, ...]:
        """The keys, in natural order."""
        return self._keys

    def load(self, key: str) -> Any:
        """The value of a key, read now."""
        part, inner = self._places[key]
        return part.load(inner)

    def where(self, key: str) -> str:
        """A place for people."""
        part, inner = self._places[key]
        return part.where(inner)

    def digest(self, key: str) -> str:
        """What identifies the content."""
        part, inner = self._places[key]
        return part.digest(inner)


class ValuesSource(Source):
    """Values given from Python: a mapping by key, a sequence (keys '0000', '0001', ...), or one value (key '0000').

    NumPy arrays `(H, W)` or `(H, W, C)` become images.

    Parameters
    ----------
    given : mapping, sequence or value
        The values.
    registry : Registry
        Names the values' types where a digest is asked for.
    """

    def __init__(self, given: Any, *, registry: Registry) -> None:
        if isinstance(given, Mapping):
            named = dict(given)
            wrong = next((key for key in named if not isinstance(key, str) or not key), None)
            if wrong is not None:
                raise InputError(f"keys are texts and not empty, got {wrong!r}")
        elif isinstance(given, Sequence):
            named = {f"{index:04d}": value for index, value in enumerate(given)}
        else:
            named = {"0000": given}
        self._values = {key: _as_value(named[key], key) for key in sorted(named, key=natural)}
        self._registry = registry
        types = {type(value) for value in self._values.values()}
        self.value_type = types.pop() if len(types) == 1 else Value

    def keys(self) -> tuple[str, ...]:
        """The keys, in natural order."""
        return tuple(self._values)

    def load(self, key: str) -> Any:
        """The value of a key, read now."""
        return self._values[key]

    def where(self, key: str) -> str:
        """A place for people."""
        return f"the value '{key}' given from Python"

    def digest(self, key: str) -> str:
        """What identifies the content."""
        value = self._values[key]
        if not isinstance(value, Value):
            return hashlib.sha256(f"{type(value).__name__}:{value!r}".encode()).hexdigest()
        from otframe.values.codec import to_bytes

        return hashlib.sha256(to_bytes(value, self._registry)).hexdigest()


def _as_value(given: Any, key: str) -> Any:
    if isinstance(given, np.ndarray):
        try:
            return Image.from_numpy(given, meta={"stem": key})
        except OtframeError as error:
            raise error.at(key=key) from error.__cause__
    if isinstance(given, (Value, bool, int, float)):
        return given
    raise InputError(
        f"wanted a value, got {type(given).__name__}",
        hint="give NumPy arrays (H, W) or (H, W, C), otframe values, or the path of a file or a folder",
        key=key,
    )


def file_digest(path: Path) -> str:
    """The sha256 of a file's bytes."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
