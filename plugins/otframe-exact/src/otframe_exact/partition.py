"""Matchings by binary space partitions, from POT, made repeatable."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable

import numpy as np

from otframe.errors import SolveError
from otframe_exact.problem import Array

__all__ = ["matching"]

_LOCK = threading.Lock()
_GAUSSIAN_DIM = 64


def matching(x: Array, y: Array, count: int, seed: int, told: Callable[[int], None]) -> Array:
    """A permutation of low squared distance between as many points [genest2025bspot]_.

    Parameters
    ----------
    x, y : numpy.ndarray
        Points `(n, d)`.
    count : int
        Random partitions that it is merged from.
    seed : int
        Of the partitions.
    told : callable
        Is told how many partitions are done, before each; what it raises ends the work.

    Returns
    -------
    numpy.ndarray
        Shape `(n,)`, int64: `x[i]` goes to `y[order[i]]`.
    """
    if len(x) == 1:
        return np.zeros(1, dtype=np.int64)
    found: list[Array] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            found.append(_merged(x, y, count, seed, told))
        except BaseException as error:  # raised again by the thread that waits
            failed.append(error)

    # The engine seeds one generator a thread, when the thread first draws, from a number that all threads share; and
    # partitions made in one call share seeds. So all is done in a new thread, one partition a call.
    with _LOCK:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    if failed:
        raise failed[0]
    if not np.array_equal(np.sort(found[0]), np.arange(len(x))):
        raise SolveError("the partitions gave no permutation", hint="leave outliers out, or use exact.network")
    return found[0]


def _merged(x: Array, y: Array, count: int, seed: int, told: Callable[[int], None]) -> Array:
    import ot  # type: ignore[import-untyped]

    order = None
    gaussian = x.shape[1] <= _GAUSSIAN_DIM
    for done in range(count):
        told(done)
        with warnings.catch_warnings():  # that its float32 cost is not the float64 one
            warnings.simplefilter("ignore", UserWarning)
            _, order, _ = ot.bsp.compute_bspot_bijection(x, y, 1, 2, order, gaussian, seed)
    return np.asarray(order, dtype=np.int64)
