"""`Writer`: what a suffix is written with, and the value type that it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otframe.registry import Registry

__all__ = ["Writer", "writes"]

Write = Callable[[Any, Path, Registry], tuple[str, ...]]


@dataclass(frozen=True)
class Writer:
    """Writes values of one type to a path that is not there yet, and returns notes on what the file cannot hold.

    Parameters
    ----------
    value_type : type, or tuple of types
        What is taken.
    function : callable
        `(value, path, registry) -> notes`. The caller makes the result atomic: the path has a temporary name with the
        final suffix.
    """

    value_type: type | tuple[type, ...]
    function: Write

    @property
    def takes(self) -> str:
        """What is taken, in words."""
        kinds = self.value_type if isinstance(self.value_type, tuple) else (self.value_type,)
        return " or ".join(kind.__name__ for kind in kinds)

    def __call__(self, value: Any, path: Path, *, registry: Registry) -> tuple[str, ...]:
        """Write the value; the notes."""
        return self.function(value, path, registry)


def writes(*value_types: type) -> Callable[[Write], Writer]:
    """Decorator that makes a function the writer of one type, or of several."""
    taken = value_types[0] if len(value_types) == 1 else value_types
    return lambda function: Writer(taken, function)
