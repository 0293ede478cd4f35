"""`solve_points`: the potentials of entropic transport between clouds.

From large blurs and few points to those that are asked for: what a blur cannot tell apart may be one point. A blur that
sees all points is first used on clouds of a quarter and a sixteenth of them, whose potentials are near at little work.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import torch

from otframe_sinkhorn.clouds.coarse import Coarse
from otframe_sinkhorn.clouds.costs import costs
from otframe_sinkhorn.clouds.problem import PointProblem
from otframe_sinkhorn.clouds.streamed import StreamedKernel
from otframe_sinkhorn.iteration import Iteration, Solution
from otframe_sinkhorn.logarithms import logarithm

__all__ = ["extended", "solve_points"]

_ROUGH = 0.01
"""The residual to which the levels before the last are solved."""
_ROUGH_ITERATIONS = 100
_MANY, _PIECE = 1 << 24, 1 << 18
"""More pairs of points than these are streamed, and so many are looked at at once."""
_FEW = 64
"""Clouds of fewer points are not made coarser."""


def solve_points(
    problem: PointProblem,
    tol: float,
    iterations: int,
    tell: Callable[[float], None] = lambda fraction: None,
    start: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> Solution:
    """Solve each problem of a batch to a marginal error of `tol` in L1, or as far as the iterations go.

    Parameters
    ----------
    problem : PointProblem
        What is to be solved.
    tol : float
        The error of the second marginal, relative to its mass; the first is exact.
    iterations : int
        The most iterations with all points and the blur that is asked for.
    tell : callable
        Called now and then with the part of the work that is done.
    start : tuple of torch.Tensor, optional
        Potentials `(B, n)` and `(B, m)` to start from; where absent, those of larger blurs and fewer points.

    Returns
    -------
    Solution
        `f` `(B, n)` and `g` `(B, m)` in units of the cost; iterations count those of all levels.
    """
    done = [0] * len(problem.a)
    if start is None:
        start, done = _coarse(problem, tol, done)
    run = Iteration(problem, *start)
    run.go(tol, iterations, tell)
    return Solution(run.f, run.g, [old + new for old, new in zip(done, run.iterations, strict=True)], run.residuals)


def _coarse(problem: PointProblem, tol: float, done: list[int]) -> tuple[tuple[torch.Tensor, torch.Tensor], list[int]]:
    """Where to start, from coarser levels, and their iterations added to those that were done."""
    before: tuple[PointProblem, torch.Tensor, torch.Tensor] | None = None
    queue = levels(problem)
    while queue:
        level = queue.pop(0)
        if before is None:
            f, g = torch.zeros_like(level.a), torch.zeros_like(level.b)
        else:
            f, g = extended(*before, level)
        if queue:
            run = Iteration(level, f, g)
            same = level.blur == problem.blur
            run.go(tol if same else max(tol, _ROUGH), _ROUGH_ITERATIONS, None)
            before = replace(level), run.f, run.g  # without what it holds
            done = [old + new for old, new in zip(done, run.iterations, strict=True)]
    return (f, g), done


def levels(problem: PointProblem) -> list[PointProblem]:
    """The problem with ever smaller blurs, each between clouds as coarse as its blur allows; the last is itself."""
    wide = list(itertools.takewhile(lambda b: b < problem.side, (problem.blur * 2**k for k in itertools.count(1))))
    if callable(problem.cost):
        return [*(replace(problem, blur=blur) for blur in wide[::-1]), problem]
    sides = [Coarse(problem.x, problem.a), Coarse(problem.y, problem.b)]
    found = []
    for blur in wide[::-1]:
        (x, a), (y, b) = (side.seen(blur, _FEW) for side in sides)
        found.append(replace(problem, x=x, y=y, a=a, b=b, blur=blur))
    return [*found, *_finer(problem, sides), problem]


def _finer(problem: PointProblem, sides: list[Coarse]) -> list[PointProblem]:
    """The problem between coarser clouds with the blur that is asked for, each of four times the points of the last."""
    depths = [side.depth_of(problem.blur, _FEW) for side in sides]
    found = []
    while any(depth <= side.depth for depth, side in zip(depths, sides, strict=True)):
        (x, a), (y, b) = (side.cloud(depth) for side, depth in zip(sides, depths, strict=True))
        found.append(replace(problem, x=x, y=y, a=a, b=b))
        if all(depth >= side.depth for depth, side in zip(depths, sides, strict=True)):
            break
        depths = [max(depth, min(depth + 2, side.depth)) for depth, side in zip(depths, sides, strict=True)]
    return found


def extended(
    problem: PointProblem, f: torch.Tensor, g: torch.Tensor, onto: PointProblem
) -> tuple[torch.Tensor, torch.Tensor]:
    """Potentials of one problem at the points of another, by one soft minimum each."""
    if problem.x is onto.x and problem.y is onto.y:
        return f, g
    eps = problem.eps
    from_y = _once(onto.x, problem.y, g / eps + logarithm(problem.b), problem)
    from_x = _once(onto.y, problem.x, f / eps + logarithm(problem.a), problem)
    return from_y.mul_(-problem.damping * eps), from_x.mul_(-problem.damping * eps)


def _once(x: torch.Tensor, y: torch.Tensor, v: torch.Tensor, problem: PointProblem) -> torch.Tensor:
    """The soft minima of v `(B, m)` at other points x, `(B, n)`: nothing is made ready for more of them."""
    assert not callable(problem.cost)
    made = []
    for places, far, row in zip(x, y, v, strict=True):
        if len(places) * len(far) > _MANY:
            made.append(StreamedKernel(places, far, problem.eps, problem.cost, 0).to_source(row))
            continue
        pieces = torch.split(places, max(1, _PIECE // len(far)))
        parts = [torch.logsumexp(row - costs(piece, far, problem.cost) / problem.eps, 1) for piece in pieces]
        made.append(torch.cat(parts))
    return torch.stack(made)
