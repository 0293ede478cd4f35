"""`Store`: values by their addresses, each in one file that is verified when it is read."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from otframe.errors import DataError, OtframeError
from otframe.io.write import atomic
from otframe.registry import Registry
from otframe.values import exact

__all__ = ["Hit", "Store"]

_SUFFIX = ".otv"
_DIGEST = hashlib.sha256().digest_size


class Hit(NamedTuple):
    """A value that was found."""

    value: Any


@dataclass(frozen=True)
class Store:
    """A folder of values. An entry is its digest, a line that tells what it is, and the value.

    Entries appear whole or not at all, so several runs may share the folder.

    Parameters
    ----------
    folder : Path
        Where entries lie, in folders by the first two letters of their addresses.
    registry : Registry
        Names the values' types.
    """

    folder: Path
    registry: Registry

    def path(self, address: str) -> Path:
        """Where the entry of an address lies."""
        name = hashlib.sha256(address.encode()).hexdigest()
        return self.folder / name[:2] / f"{name[2:]}{_SUFFIX}"

    def has(self, address: str) -> bool:
        """Whether there is an entry; it is not read."""
        return self.path(address).is_file()

    def get(self, address: str) -> Hit | None:
        """The value of an address, None where there is none. A damaged entry is removed, with a warning."""
        path = self.path(address)
        try:
            return Hit(self._value(path.read_bytes(), address))
        except FileNotFoundError:
            return None
        except (OSError, DataError) as error:
            told = error.message if isinstance(error, DataError) else error.strerror
            warnings.warn(f"{path} cannot be used and is made again: {told}", stacklevel=2)
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            return None

    def put(self, address: str, value: Any, **told: str) -> None:
        """Keep a value, with what is `told` of it for people.

        `DataError` where its type cannot be stored, `OutputError` where the disk does not take it.
        """
        body = exact.to_bytes(value, self.registry)
        line = json.dumps({"address": address, **told}).encode() + b"\n"
        digest = hashlib.sha256(line)
        digest.update(body)
        try:
            with atomic(self.path(address)) as temporary, temporary.open("wb") as file:
                for part in (digest.digest(), line, body):
                    file.write(part)
        except OtframeError as error:
            error.hint = "free it, give another --store, or run with --no-store"
            raise

    def entries(self) -> Iterator[Path]:
        """The files of all entries."""
        yield from sorted(self.folder.glob(f"??/[!.]*{_SUFFIX}"))

    def told(self, path: Path) -> dict[str, str]:
        """What was told of an entry when it was put; `DataError` where the file is damaged."""
        with path.open("rb") as file:
            file.seek(_DIGEST)
            return _line(file.readline())

    def clear(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _value(self, data: bytes, address: str) -> Any:
        digest, rest = data[:_DIGEST], memoryview(data)[_DIGEST:]
        if hashlib.sha256(rest).digest() != digest:
            raise DataError("the entry is damaged: its digest is not that of its content")
        line, _, body = bytes(rest).partition(b"\n")
        if _line(line).get("address") != address:
            raise DataError("the entry is that of another address")
        return exact.from_bytes(body, self.registry)


def _line(line: bytes) -> dict[str, str]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise DataError(f"the entry is damaged: {error}") from error
    if not isinstance(found, dict):
        raise DataError("the entry is damaged: it does not tell what it is")
    return found
