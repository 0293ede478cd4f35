"""Quantile functions, by their integrals: what a stretch of ranks is worth on average."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["Quantiles", "mixed", "of_values", "uniform"]

Quantiles = Callable[[np.ndarray], np.ndarray]
"""The integral of a quantile function from 0 to u, for u in [0, 1]. The mean value of the ranks from a to b is
`(Q(b) - Q(a)) / (b - a)`: the barycentric projection of the optimal plan on the line [peyre2019computational]_."""


def of_values(values: np.ndarray) -> Quantiles:
    """Of the values of a sample, equally weighted."""
    ordered = np.sort(values.astype(np.float64), axis=None)
    sums = np.concatenate([[0.0], np.cumsum(ordered)]) / len(ordered)
    places = np.linspace(0, 1, len(sums))
    return lambda u: np.interp(u, places, sums)


def uniform() -> Quantiles:
    """Of the uniform law on [0, 1]: what equalisation aims at."""
    return lambda u: u * u / 2


def mixed(a: Quantiles, b: Quantiles, t: float) -> Quantiles:
    """Of the law at time t on the way between two: on the line, quantiles are averaged [delon2004midway]_."""
    return lambda u: (1 - t) * a(u) + t * b(u)
