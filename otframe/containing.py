"""What a plugin does to the rest of the process while it is imported: undone where that can be, and told."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["PATIENCE", "Aside", "contained", "watched"]

PATIENCE = 3.0
"""Seconds after which a plugin that is still loading is told of; one that is well made takes a few milliseconds."""

_HEAVY = ("torch", "cv2", "numpy", "scipy", "pydantic", "OpenImageIO")
_SHARED: tuple[tuple[str, str, str, str], ...] = (
    ("random", "getstate", "setstate", "the seed of random"),
    ("numpy.random", "get_state", "set_state", "the seed of numpy.random"),
    ("torch", "get_rng_state", "set_rng_state", "torch's seed"),
    ("torch", "get_num_threads", "set_num_threads", "torch's number of threads"),
    ("torch", "get_default_dtype", "set_default_dtype", "torch's default dtype"),
    ("cv2", "getNumThreads", "setNumThreads", "cv2's number of threads"),
)
"""What all code of a process shares: module, how it is read, how it is set, its name."""


class Aside:
    """Stands in for the standard output, which other programs read: what its own thread prints goes to stderr."""

    def __init__(self) -> None:
        self.stdout: Any = sys.stdout
        self.owner: int | None = threading.get_ident()
        self.used = False

    def write(self, text: str) -> int:
        """To stderr from the thread that is being contained, from any other where it belongs."""
        if self.owner != threading.get_ident():
            return int(self.stdout.write(text))
        self.used = self.used or bool(text)
        return int(sys.stderr.write(text)) if sys.stderr else len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr if self.owner == threading.get_ident() else self.stdout, name)

    def __enter__(self) -> Aside:
        sys.stdout = self
        return self

    def __exit__(self, *error: object) -> None:
        self.owner = None
        if sys.stdout is self:  # else: another thread's stands in front, and this one lets everything through
            sys.stdout = self.stdout


@contextlib.contextmanager
def contained(notes: list[str]) -> Iterator[None]:
    """Undo, and note, what the import of an entry module does to the rest of the process.

    Only libraries that were loaded before can be put back: of one that the import brings, the earlier state is not
    known. What is written past Python (by a C library), `os._exit`, and what a plugin's threads do later is not seen.
    """
    before = [(what, *state) for *place, what in _SHARED if (state := _read(*place))]
    light = [module for module in _HEAVY if module not in sys.modules]
    environment = dict(os.environ)
    aside = Aside()
    try:
        with aside:
            yield
    finally:
        if aside.used:
            notes.append("it prints to the standard output; that went to stderr")
        heavy = [module for module in light if module in sys.modules]
        if heavy:
            notes.append(f"it imports {', '.join(heavy)}: every command waits for that")
        for what, value, read, restore in before:
            if not _same(read(), value):
                restore(value)
                notes.append(f"it changes {what}; that was put back")
        after = dict(os.environ)
        changed = sorted(key for key in environment.keys() | after.keys() if environment.get(key) != after.get(key))
        if changed:
            for key in after.keys() - environment.keys():
                del os.environ[key]
            os.environ.update(environment)
            notes.append(f"it changes the environment ({', '.join(changed)}); that was put back")


def _read(module: str, getter: str, setter: str) -> tuple[Any, Callable[[], Any], Callable[[Any], Any]] | None:
    """A shared state now, and how to read and set it; None where its library is not loaded."""
    loaded = sys.modules.get(module)
    read, restore = getattr(loaded, getter, None), getattr(loaded, setter, None)
    return None if read is None or restore is None else (read(), read, restore)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, tuple):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    return bool((a == b).all()) if hasattr(a, "all") else bool(a == b)


@contextlib.contextmanager
def watched(name: str, notes: list[str]) -> Iterator[None]:
    """Say on stderr which plugin is being waited for, and note how long it took.

    An import cannot be broken off soundly from inside its process: it may be in C code or hold the import lock, and
    half a module stays behind. So a plugin that never ends is named, for a person to leave it out.
    """
    advice = "to go on without it, interrupt and name the others: OTFRAME_PLUGINS=name,name"
    told = f"plugin '{name}' is still loading after {PATIENCE:g} s; {advice}\n"
    timer = threading.Timer(PATIENCE, lambda: sys.stderr and sys.stderr.write(told))
    timer.daemon = True
    timer.start()
    start = time.monotonic()
    try:
        yield
    finally:
        timer.cancel()
        took = time.monotonic() - start
        if took > PATIENCE:
            notes.append(f"it took {took:.1f} s to load: every command waits for that")
