"""`Source`: keyed values that are loaded one at a time. Files, and values given from Python."""

from __future__ import annotations

import abc
import functools
import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from otframe.errors import InputError, OtframeError
from otframe.io.names import as_key, natural
from otframe.registry import Registry
from otframe.values import Image, Value

__all__ = ["FileSource", "JoinedSource", "RenamedSource", "Source", "ValuesSource", "file_digest"]

_FRESH = 2_000_000_000
"""Nanoseconds after a change in which a file's time does not tell whether it has changed again."""


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

    def origin(self, key: str) -> Source:
        """The source that reads the key's value: this one, or one of those that it is made of."""
        return self

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
        return (as_key(self.path.stem),)

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
                name = as_key(stem if len(inner) == 1 else f"{stem}-{key}")
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

    def origin(self, key: str) -> Source:
        """The source that reads the key's value."""
        part, inner = self._places[key]
        return part.origin(inner)


class RenamedSource(Source):
    """A source whose keys are written in another way than keys are.

    Parameters
    ----------
    source : Source
        What is read.
    """

    def __init__(self, source: Source) -> None:
        self.value_type = source.value_type
        self._source = source
        self._inner: dict[str, str] = {}
        for key in source.keys():
            other = self._inner.setdefault(as_key(key), key)
            if other != key:
                told = f"two items have the key '{as_key(key)}': in {source.where(other)} and {source.where(key)}"
                raise InputError(told, hint="their names differ in how accents are written (Unicode): rename one")

    def keys(self) -> tuple[str, ...]:
        """The keys, in natural order."""
        return tuple(sorted(self._inner, key=natural))

    def load(self, key: str) -> Any:
        """The value of a key, read now."""
        return self._source.load(self._inner[key])

    def where(self, key: str) -> str:
        """A place for people."""
        return self._source.where(self._inner[key])

    def digest(self, key: str) -> str:
        """What identifies the content."""
        return self._source.digest(self._inner[key])

    def origin(self, key: str) -> Source:
        """The source that reads the key's value."""
        return self._source.origin(self._inner[key])


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
            named = {as_key(key): value for key, value in named.items()}
            if len(named) < len(given):
                same = next(key for key in named if sum(as_key(other) == key for other in given) > 1)
                raise InputError(
                    f"two values have the key '{same}'",
                    hint="both look the same and differ in how their accents are written (Unicode): rename one",
                )
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
    """The sha256 of a file's bytes, read again only where the file has changed since."""
    try:
        status = path.stat()
        if time.time_ns() - status.st_mtime_ns < _FRESH:  # it may change again under the same time
            return _digest.__wrapped__(str(path))
        return _digest(str(path.absolute()), status.st_mtime_ns, status.st_size, status.st_ino)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


@functools.lru_cache(16384)
def _digest(path: str, *_: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
