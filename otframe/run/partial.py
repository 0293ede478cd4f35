"""Joined inputs that differ in their keys: with `on_error="skip"` what one of them lacks is a failure of that item."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from otframe.errors import DataError
from otframe.io.names import natural
from otframe.io.source import Source

__all__ = ["PartialSource", "completed"]


class PartialSource(Source):
    """A source with the keys of its partners too, which fail when they are loaded, as a broken file does.

    Parameters
    ----------
    source : Source
        What there is.
    missing : mapping of str to (str, Source)
        For each key that it lacks, the name of an input that has it, and that input.
    """

    def __init__(self, source: Source, missing: Mapping[str, tuple[str, Source]]) -> None:
        self.value_type = source.value_type
        self._source, self._missing = source, dict(missing)
        self._keys = tuple(sorted((*source.keys(), *missing), key=natural))

    def keys(self) -> tuple[str, ...]:
        """The keys of all, in natural order."""
        return self._keys

    def load(self, key: str) -> Any:
        """The value of a key; `DataError` where the source has none."""
        if key in self._missing:
            other, having = self._missing[key]
            raise DataError(f"there is no '{key}' to go with {having.where(key)} of '{other}'")
        return self._source.load(key)

    def where(self, key: str) -> str:
        """A place for people."""
        return "nowhere" if key in self._missing else self._source.where(key)

    def digest(self, key: str) -> str:
        """What identifies the content, or that there is none."""
        return hashlib.sha256(b"nothing").hexdigest() if key in self._missing else self._source.digest(key)

    def origin(self, key: str) -> Source:
        """The source that reads the key's value."""
        return self if key in self._missing else self._source.origin(key)


def completed(sources: Mapping[str, Source], classes: Mapping[str, str]) -> dict[str, Source]:
    """The sources, those that are joined with the keys of all of them; as they are where none is in all.

    Parameters
    ----------
    classes : mapping
        For each streaming input that is read the representative of its key set.
    """
    found = dict(sources)
    for first in dict.fromkeys(classes.values()):
        members = [name for name in sources if classes.get(name) == first]
        keys = {name: frozenset(sources[name].keys()) for name in members}
        if not keys or not frozenset.intersection(*keys.values()):
            continue  # nothing is joined at all: the folders are mixed up, and all differences are told
        owners = {key: name for name in reversed(members) for key in keys[name]}
        for name in members:
            missing = {key: (owner, sources[owner]) for key, owner in owners.items() if key not in keys[name]}
            if missing:
                found[name] = PartialSource(sources[name], missing)
    return found
