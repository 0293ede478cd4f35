"""How far a call in a worker process is, told in the run: a worker writes it down, the run reads it.

Each item has a file of its own, with a line for each thing told. A file never makes a worker wait, a worker that dies
leaves at most half a line, and what was written before an item came back is read before the item is handed on.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["Pen", "Relay", "Tell"]

Tell = Callable[[str, str, float, str], None]
"""As `Caller.on_progress`: node, key, fraction, note."""

_EVERY = 0.1
"""Seconds between two looks at the files, and at least between two lines of a worker about one call."""


class Pen:
    """The worker's side: writes down what calls tell, for one item after the other.

    What is told too soon is held back. The last of each call is never lost: it is written when the item ends.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._file: BinaryIO | None = None
        self._held: dict[tuple[str, str], tuple[Any, ...]] = {}
        self._last = 0.0

    def begin(self, path: Path) -> None:
        """An item begins whose lines go to this file, which is made when there is something to tell."""
        with self._lock:
            self._path = path

    def __call__(self, node: str, key: str, fraction: float, note: str) -> None:
        """Take down how far a call is."""
        with self._lock:
            self._held.pop((node, key), None)
            self._held[node, key] = (node, key, fraction, note)
            if time.monotonic() - self._last >= _EVERY:
                self._write()

    def end(self) -> None:
        """The item is done: write what was held back."""
        with self._lock:
            self._write()
            if self._file is not None:
                self._file.close()
            self._file = self._path = None

    def _write(self) -> None:
        held, self._held = list(self._held.values()), {}
        if not held or self._path is None:
            return
        try:
            lines = [json.dumps(told, default=_plain) for told in held]
            if self._file is None:
                self._file = self._path.open("ab", buffering=0)
            data = ("\n".join(lines) + "\n").encode("ascii")
            if self._file.write(data) < len(data):
                raise OSError("the disk is full")
        except (OSError, TypeError, ValueError) as error:  # the item is none the worse for it
            warnings.warn(f"a worker process cannot tell how far it is: {error}", stacklevel=3)
            self._path = None
        self._last = time.monotonic()


def _plain(number: Any) -> float | str:
    """A number that is not Python's own, such as NumPy's."""
    try:
        return float(number)
    except (TypeError, ValueError):
        return str(number)


@dataclass(eq=False)
class _Letter:
    """One item's file, and how much of it was read."""

    path: Path
    tell: Tell
    read: int = 0


class Relay:
    """The run's side: one thread that reads the files of items on their way, and tells the observers.

    The thread is started for the first item and ends with `close`, after which nothing is told.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open: dict[Path, _Letter] = {}
        self._ended: deque[tuple[_Letter, Callable[[], None]]] = deque()
        self._next = 0.0
        self._thread: threading.Thread | None = None
        self._closed = False

    def follow(self, path: Path, tell: Tell | None) -> None:
        """An item is on its way, whose worker writes to this file."""
        with self._changed:
            if tell is None or self._closed:
                return
            self._open[path] = _Letter(path, tell)
            if self._thread is None:
                self._thread = threading.Thread(target=self._follow, name="otframe-relay", daemon=True)
                self._thread.start()
            elif len(self._open) == 1:  # with others open it looks again by itself
                self._changed.notify()

    def finish(self, path: Path, then: Callable[[], None]) -> None:
        """The item's worker is done with it: tell the rest, then call `then`."""
        with self._changed:
            letter = self._open.pop(path, None)
            told = letter is not None and (letter.read > 0 or path.exists())
            if letter is not None and told and not self._closed:
                self._ended.append((letter, then))
                self._changed.notify()
                return
        then()

    def close(self, wait: float = 5.0) -> None:
        """Tell nothing from now on, and end the thread; an observer that does not return is left behind."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(wait)

    def _follow(self) -> None:
        try:
            while self._turn():
                pass
        finally:  # whatever happens, nobody waits for an item that came back
            with self._changed:
                self._closed = True
                ended, self._ended = self._ended, deque()
            for _, then in ended:
                then()

    def _turn(self) -> bool:
        """Hand on an item that came back, or look at the files of those on their way; False where it is over."""
        with self._changed:
            late = self._next - time.monotonic()
            if not self._ended and not self._closed and (late > 0 or not self._open):
                self._changed.wait(late if self._open else None)
            if self._closed:
                return False
            ended = self._ended.popleft() if self._ended else None
            letters = list(self._open.values()) if time.monotonic() >= self._next else []
        if ended is not None:
            letter, then = ended
            try:
                self._read(letter)
                with contextlib.suppress(OSError):  # what stays goes with the run's folder
                    letter.path.unlink()
            finally:
                then()
        if letters:
            for letter in letters:
                self._read(letter)
            self._next = time.monotonic() + _EVERY
        return True

    def _read(self, letter: _Letter) -> None:
        """Tell what was written since the last time; half a line waits for its other half."""
        try:
            with letter.path.open("rb") as file:
                file.seek(letter.read)
                whole, end, _ = file.read().rpartition(b"\n")
            letter.read += len(whole + end)
            for line in whole.splitlines():
                if self._closed:
                    return
                letter.tell(*json.loads(line))
        except FileNotFoundError:
            return  # it has told nothing
        except Exception as error:
            letter.tell = _nobody
            warnings.warn(f"how far an item is cannot be told: {error!r}", stacklevel=2)


def _nobody(node: str, key: str, fraction: float, note: str) -> None:
    """Told of an item whose file cannot be read any more."""
