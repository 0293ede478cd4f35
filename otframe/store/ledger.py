"""`Ledger`: what was written into an output folder, from what, and with which bytes. One line each, added as they come.

A line carries its own digest; what a run that was killed left of a last line is passed over.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from otframe.errors import OutputError
from otframe.io.write import atomic

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

__all__ = ["Ledger"]

_MARK = 16
"""Letters of a line's digest."""
_WASTE = 1000
"""Lines that are no longer true, from which on the file is written anew."""


class Ledger:
    """The ledger of an output folder: the last line about a file or a run is the one that counts.

    Parameters
    ----------
    path : Path
        The ledger's file; it need not exist.
    out : Path
        The output folder. Paths are kept relative to it, so it may be moved.
    """

    def __init__(self, path: Path, out: Path) -> None:
        self.path, self.out = path, out
        self._files: dict[str, dict[str, Any]] = {}
        self._run: dict[str, Any] = {}
        self._lines = 0
        for line in self._read():
            self._take(line)

    @property
    def parts(self) -> Mapping[str, Mapping[str, str]]:
        """What each node of the last run was made of, by node."""
        found = self._run.get("nodes")
        nodes = found.items() if isinstance(found, dict) else ()
        return {name: parts for name, parts in nodes if isinstance(parts, dict)}

    def known(self, path: Path) -> bool:
        """Whether the file was written by an earlier run."""
        return self._name(path) in self._files

    def holds(self, paths: tuple[Path, ...], address: str) -> bool:
        """Whether these files lie there as they were written, made of just this."""
        told = [self._files.get(self._name(path), {}) for path in paths]
        if any(line.get("address") != address for line in told):
            return False
        found = [_digest(path) for path in paths]
        return all(found) and [line.get("sha256") for line in told] == found

    def wrote(self, path: Path, address: str, digest: str = "", **told: str) -> None:
        """A file was written, with bytes of that sha256: it may be another run's by now."""
        self._add({"file": self._name(path), "address": address, "sha256": digest or _digest(path), **told})

    def began(self, nodes: Mapping[str, Mapping[str, str]]) -> None:
        """A run began, with nodes made of this."""
        self._add({"run": True, "nodes": {name: dict(parts) for name, parts in nodes.items()}})

    def tidy(self) -> None:
        """Leave out lines that are no longer true, where there are many. Only while no other run uses the folder."""
        alive = [*self._files.values(), *([self._run] if self._run else [])]
        if self._lines < len(alive) + _WASTE:
            return
        with atomic(self.path) as temporary:
            temporary.write_bytes(b"".join(_line(line) for line in alive))
        self._lines = len(alive)

    def _name(self, path: Path) -> str:
        return Path(os.path.relpath(path, self.out)).as_posix()

    def _read(self) -> list[dict[str, Any]]:
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise OutputError(f"{self.path} cannot be read: {error.strerror or error}", hint="remove it") from error
        found = []
        for line in lines:
            mark, _, text = line.partition(b" ")
            if mark.decode("ascii", "replace") != _mark(text):
                continue
            with contextlib.suppress(ValueError, RecursionError):  # what no run wrote is passed over too
                told = json.loads(text)
                found.extend([told] if isinstance(told, dict) else [])
        return found

    def _take(self, line: dict[str, Any]) -> None:
        self._lines += 1
        if isinstance(line.get("file"), str):
            self._files[line["file"]] = line
        elif "run" in line:
            self._run = line

    def _add(self, line: dict[str, Any]) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                _append(handle, _line(line))
            finally:
                os.close(handle)
        except OSError as error:
            raise OutputError(
                f"{self.path} cannot be written: {error.strerror or error}",
                hint="free the disk or give another --out; --no-store writes none",
            ) from error
        self._take(line)


def _append(handle: int, data: bytes) -> None:
    """Add to the end, whole, though others add too; a line that was cut short is ended first."""
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_EX)  # the handle's end lets go of it
    size = os.fstat(handle).st_size
    if size:
        os.lseek(handle, size - 1, os.SEEK_SET)
        data = data if os.read(handle, 1) == b"\n" else b"\n" + data
    if os.write(handle, data) != len(data):
        os.ftruncate(handle, size)
        raise OSError(errno.ENOSPC, "the disk is full")


def _line(line: Mapping[str, Any]) -> bytes:
    text = json.dumps(line, sort_keys=True, separators=(",", ":")).encode()
    return f"{_mark(text)} ".encode() + text + b"\n"


def _mark(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:_MARK]


def _digest(path: Path) -> str:
    """The sha256 of a file's bytes as they are now; empty where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
