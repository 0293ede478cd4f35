"""`write`: a file appears whole, under its name, or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_origin

from otframe.errors import OtframeError, OutputError
from otframe.io.writer import Writer
from otframe.registry import Registry, nearest
from otframe.values import Value

__all__ = ["Written", "atomic", "is_temporary", "write", "writer_for"]

_TEMPORARY = re.compile(r"\..*\.[0-9a-f]{12}\.part(\.[^.]*)?")
"""The names that `atomic` makes."""

_ADVICE = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "the folder does not allow writing",
    errno.EROFS: "the disk is read-only",
    errno.EEXIST: "a file lies where a folder is wanted",
    errno.ENOTDIR: "a file lies where a folder is wanted",
    errno.ENAMETOOLONG: "the name is too long for the disk",
}


@dataclass(frozen=True)
class Written:
    """A file that was written, what it could not hold of the value, and the sha256 of its bytes."""

    path: Path
    notes: tuple[str, ...] = ()
    digest: str = ""


def write(value: Any, path: str | Path, registry: Registry | None = None) -> Written:
    """Write a value by the path's suffix; folders on the way are made.

    The bytes go to a hidden temporary name beside the file, are synced, then renamed over it. Where that fails,
    nothing is left and `OutputError` tells why.
    """
    path = Path(path)
    registry = registry or Registry.installed()
    writer = writer_for(path, type(value), registry)
    with atomic(path) as temporary:
        notes = writer(value, temporary, registry=registry)
        with temporary.open("rb") as file:  # now: under its final name another run may put another there
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Written(path, tuple(notes), digest)


def writer_for(path: str | Path, value_type: Any, registry: Registry) -> Writer:
    """The writer of a path's suffix; `OutputError` where there is none or it does not take the type."""
    path = Path(path)
    suffix = path.suffix.lower()
    kind = get_origin(value_type) or value_type
    known = [entry.name for entry, _ in registry.entries("writer")]
    if suffix not in known:
        near = nearest(suffix, known) if suffix else ""
        raise OutputError(
            f"'{path.name}' cannot be written: no writer for '{suffix or 'a name without a suffix'}'",
            hint=f"did you mean {near}?" if near else f"writable: {', '.join(known) or 'nothing'}",
        )
    found = registry.load(suffix, "writer")
    writer = found if isinstance(found, Writer) else Writer(Value, lambda v, p, r: tuple(found(v, p) or ()))
    if isinstance(kind, type) and kind is not object and not issubclass(kind, writer.value_type):
        raise OutputError(
            f"'{path.name}' holds {writer.takes}, got {kind.__name__}",
            hint="any value can be written to '.safetensors'",
        )
    return writer


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path that becomes `path` when the block ends well, and is removed when it does not."""
    if not path.name:
        raise OutputError(f"'{path}' is no file's name", hint="give the path of a file")
    temporary = path.with_name(f".{path.stem[:40]}.{secrets.token_hex(6)}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise OutputError(f"{path} is a folder, wanted a file")
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    except OtframeError:
        _remove(temporary)
        raise
    except OSError as error:
        _remove(temporary)
        reason = _ADVICE.get(error.errno or 0) or error.strerror or str(error)
        raise OutputError(f"{path} cannot be written: {reason}", hint="free it or give another --out") from error
    except BaseException:
        _remove(temporary)
        raise


def is_temporary(name: str) -> bool:
    """Whether a file's name is one that `atomic` writes under, before the file has its own."""
    return _TEMPORARY.fullmatch(name) is not None


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return  # folders cannot be opened there
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
