"""Time and memory of one call, as they are of it and of nothing else."""

from __future__ import annotations

import contextlib
import ctypes
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

__all__ = ["Spent", "measured"]

_PATIENCE = 10.0
"""A call that took no longer, in seconds, is made a second time."""
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Spent:
    """What a call took.

    Parameters
    ----------
    seconds : float
        From its beginning to its end.
    peak : int, optional
        Bytes: the most memory that the process had in use during the call, above what it had before it. None where the
        system does not tell, which Linux alone does.
    """

    seconds: float
    peak: int | None = None


def measured(call: Callable[[], Any]) -> tuple[Any, Spent]:
    """What a call gives, and what it took.

    A first call may load libraries, which takes longer than a small problem, so a short one is made twice and the
    less of both counts; both give the same. The peak is that of the resident memory as Linux counts it, in pages:
    memory that was free before and is used again shows as far as it could be given back, and what is less than a page
    or two for each thread does not. Other threads of the process count too; the memory of a GPU does not.
    """
    made, spent = _once(call)
    if spent.seconds > _PATIENCE:
        return made, spent
    made, again = _once(call)
    peaks = [peak for peak in (spent.peak, again.peak) if peak is not None]
    return made, Spent(min(spent.seconds, again.seconds), min(peaks, default=None))


def _once(call: Callable[[], Any]) -> tuple[Any, Spent]:
    before = _begin()
    start = time.perf_counter()
    made = call()
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
    seconds = time.perf_counter() - start
    most = None if before is None else _memory("VmHWM")
    return made, Spent(seconds, None if before is None or most is None else max(0, most - before))


def _begin() -> int | None:
    """Give back what is free, let the peak begin anew, and say what is in use; None where that cannot be."""
    with contextlib.suppress(OSError, AttributeError):  # what has no glibc keeps its free memory
        ctypes.CDLL(None).malloc_trim(0)
    try:
        _RESET.write_text("5")
    except OSError:
        return None
    return _memory("VmRSS")


def _memory(name: str) -> int | None:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    except OSError:
        return None
    return None if found is None else 1024 * int(found[1])
