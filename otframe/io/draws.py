"""`draws:COUNT`: as many random draws as wanted, for pipelines that simulate."""

from __future__ import annotations

import hashlib

from otframe.errors import InputError
from otframe.io.source import Source
from otframe.registry import Registry
from otframe.values import Draw

__all__ = ["DrawSource"]

_MOST = 1_000_000


class DrawSource(Source):
    """Draws with the numbers from 0, and keys of one length: `draws:200` has `000` to `199`.

    Parameters
    ----------
    uri : str
        The scheme and how many, at most a million.
    registry : Registry
        Not used: what every reader takes.
    """

    value_type = Draw

    def __init__(self, uri: str, *, registry: Registry | None = None) -> None:
        told = uri.removeprefix("draws:").strip()
        if not (told.isascii() and told.isdigit() and 1 <= int(told) <= _MOST):
            raise InputError(f"wanted a number of draws from 1 to {_MOST}, got '{told[:40]}'", hint="as `draws:200`")
        self._count = int(told)

    def keys(self) -> tuple[str, ...]:
        """The numbers."""
        width = len(str(self._count - 1))
        return tuple(f"{number:0{width}}" for number in range(self._count))

    def load(self, key: str) -> Draw:
        """The draw of a key."""
        return Draw(int(key))

    def where(self, key: str) -> str:
        """A draw lies nowhere."""
        return f"draw {key}"

    def digest(self, key: str) -> str:
        """Of the number: what is drawn for it follows the run's seed."""
        return hashlib.sha256(f"draw:{int(key)}".encode()).hexdigest()
