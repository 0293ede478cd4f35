"""Masses that are hard on a solver: with holes, of one cell, equal, of many orders of magnitude."""

from __future__ import annotations

import numpy as np

__all__ = ["hostile_mass"]

_KINDS = 9


def hostile_mass(dice: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Masses of a shape, float64: finite, not negative, somewhere positive; their sum is from some 1e-12 to 1e24.

    Parameters
    ----------
    dice : numpy.random.Generator
        What they are drawn from: the same seed gives the same masses.
    shape : tuple of int
        Cells along each axis, or the number of points.
    """
    mass = dice.random(shape)
    kind = dice.integers(_KINDS)
    if kind == 0:  # mostly holes
        mass *= dice.random(shape) < 0.1
    elif kind == 1:  # one cell
        mass = np.zeros(shape)
        mass[tuple(dice.integers(n) for n in shape)] = 1
    elif kind == 2:  # peaks
        mass **= 20
    elif kind == 3:  # next to nothing in half of it
        mass[: shape[0] // 2 + 1] *= 1e-12
    elif kind == 4:  # the same everywhere
        mass = np.ones(shape)
    elif kind == 5:  # down to where float64 ends
        mass = 10.0 ** dice.uniform(-300, 0, shape)
    elif kind == 6:
        mass = 10.0 ** dice.uniform(-12, 12, shape)
    elif kind == 7:  # the corner
        mass = np.zeros(shape)
        mass.flat[0] = 1
    if mass.sum() <= 0:
        mass.flat[0] = 1
    return np.asarray(mass * 10.0 ** dice.uniform(-12, 12))
