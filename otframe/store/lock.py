"""`Lock`: a folder that several runs may use at once, and that one of them may tidy up while it is alone."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from otframe.errors import OutputError

try:
    import fcntl
except ImportError:  # Windows has no such locks: nobody is ever alone there, so nothing is tidied up
    fcntl = None  # type: ignore[assignment]

__all__ = ["Lock"]


class Lock:
    """Held, shared with other runs, while a folder is in use; the operating system lets go of it with the process.

    >>> with Lock(folder) as lock:                    # doctest: +SKIP
    ...     if lock.alone(): ...                      # no other run uses the folder, and none begins meanwhile
    ...     lock.share()

    Parameters
    ----------
    folder : Path
        The folder; it is made. The lock is the file `lock` in it.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lock"
        self._handle: int | None = None

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise OutputError(
                f"{self.path.parent} cannot be used to keep what a run makes: {error.strerror or error}",
                hint="give another --out or --store, or run with --no-store",
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def alone(self) -> bool:
        """Whether no other run holds the lock; where so, others wait until `share`."""
        if fcntl is None or self._handle is None:
            return False
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # held by another, or the file system has no locks
            return False
        return True

    def share(self) -> None:
        """Hold the lock together with others."""
        if fcntl is None or self._handle is None:
            return
        try:
            fcntl.flock(self._handle, fcntl.LOCK_SH)
        except OSError:
            return  # the file system has no locks; then nobody is ever alone either
