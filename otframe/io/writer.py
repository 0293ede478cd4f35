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
    value_type : type
        What is taken.
    function : callable
        `(value, path, registry) -> notes`. The caller makes the result atomic: the path has a temporary name with the
        final suffix.
    """

    value_type: type
    function: Write

    def __call__(self, value: Any, path: Path, *, registry: Registry) -> tuple[str, ...]:
        """Write the value; the notes."""
        return self.function(value, path, registry)


def writes(value_type: type) -> Callable[[Write], Writer]:
    """Decorator that makes a function the writer of a type."""
    return lambda function: Writer(value_type, function)
