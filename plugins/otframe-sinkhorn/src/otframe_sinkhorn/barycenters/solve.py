"""`solve_barycenter`: from coarse to fine, each level from where the one before ended."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from otframe_sinkhorn.barycenters.iteration import BarycenterProblem, Iteration
from otframe_sinkhorn.grids.levels import levels

__all__ = ["BarycenterSolution", "ladder", "solve_barycenter"]

_ROUGH = 0.01
"""The error to which levels before the last are solved."""
_ROUGH_ITERATIONS = 100
_NEAR, _CLOSE = 20.0, 3.0
"""The residual is first measured where the error of an update is so many times the tolerance: over-relaxed updates are
farther from the end than what they make, closed. The next time is when it should do, or nearer than the second."""
_CELLS = 2.0
"""Cells that the blur spans on the coarsest grid that it is used on."""
_SMALLEST = 8
"""Grids are not halved to fewer cells."""


@dataclass(frozen=True)
class BarycenterSolution:
    """The barycentre `(*shape)` of sum 1, float64, all iterations, and the residual."""

    mass: torch.Tensor
    iterations: int
    residual: float


def solve_barycenter(
    problem: BarycenterProblem,
    tol: float,
    iterations: int,
    tell: Callable[[float], None] = lambda fraction: None,
) -> BarycenterSolution:
    """Solve to a residual of `tol`, or as far as so many iterations on the finest grid go.

    `tell` is called now and then with the part of the work that is done.
    """
    rungs = ladder(problem.shape, problem.spacing, problem.blur)
    run: Iteration | None = None
    last = done = 0
    for blur, halved in rungs[:-1]:
        tell(0.0)
        run = Iteration(problem.at(blur, halved), run, last - halved)
        for _ in range(_ROUGH_ITERATIONS):
            if run.step() < max(tol, _ROUGH):
                break
        last, done = halved, done + run.iterations
    run = Iteration(problem, run, last)
    mass, residual = _finished(run, tol, iterations, tell)
    return BarycenterSolution(mass, done + run.iterations, residual)


def ladder(shape: Sequence[int], spacing: Sequence[float], blur: float) -> list[tuple[float, int]]:
    """Blurs, each with how often its grid is halved: as `levels` has them, the last one on every grid that holds it."""
    found = levels(shape, spacing, blur)[:-1]
    halved = 0
    while blur >= _CELLS * max(spacing) * 2 ** (halved + 1) and max(shape) > _SMALLEST * 2**halved:
        halved += 1
    return found + [(blur, k) for k in range(halved, -1, -1)]


def _finished(run: Iteration, tol: float, iterations: int, tell: Callable[[float], None]) -> tuple[torch.Tensor, float]:
    """Iterate on the finest grid; the barycentre and its residual."""
    near, first = _NEAR * tol, math.nan
    for number in range(iterations):
        error = run.step()
        if number % 5 == 0:
            first = error if math.isnan(first) else first
            tell(min(0.99, math.log(max(first / max(error, tol), 1.0)) / math.log(max(first / tol, 2.0))))
        if error < near:
            mass, residual = run.closed()
            if residual < tol:
                return mass, residual
            near = near / 1.5 if near <= _CLOSE * tol else min(near / 1.5, max(_CLOSE * tol, error * tol / residual))
    return run.closed()
