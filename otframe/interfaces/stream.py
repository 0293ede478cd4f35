"""`Stream[T]`: a lazy, keyed view of a stream that can be walked many times, for components that need many epochs."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from typing import Generic, TypeVar

__all__ = ["Stream"]

T = TypeVar("T")


class Stream(abc.ABC, Generic[T]):
    """Keyed values of one origin. Nothing is kept: a value is made when it is asked for."""

    @abc.abstractmethod
    def keys(self) -> tuple[str, ...]:
        """The keys, in order."""

    @abc.abstractmethod
    def __getitem__(self, key: str) -> T:
        """The value of a key, computed now."""

    def __len__(self) -> int:
        return len(self.keys())

    def __iter__(self) -> Iterator[tuple[str, T]]:
        for key in self.keys():
            yield key, self[key]
