"""`solve`: the potentials of entropic transport on a grid, by relaxed Sinkhorn iterations from coarse to fine."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from otframe_sinkhorn.grids.kernel import Cost, GridKernel
from otframe_sinkhorn.grids.levels import coarser, finer, levels
from otframe_sinkhorn.iteration import Iteration, Solution

__all__ = ["Problem", "solve"]

_ROUGH = 0.01
"""The residual to which the levels before the last are solved."""
_ROUGH_ITERATIONS = 100
_FORWARD = 0.25
"""Potentials are nearly linear in eps, which falls to a quarter from level to level: by so much of their last change
they will change again."""


@dataclass(frozen=True)
class Problem:
    """Transport between masses on one grid.

    Parameters
    ----------
    a, b : torch.Tensor
        Shape `(B, *shape)`, float64: of sum 1 each, unless there is a reach.
    spacing : tuple of float
        Distance between neighbours along each axis.
    blur : float
        The length below which nothing is told apart: `eps` is `2 blur^2` for the squared cost and `blur` for the
        absolute one.
    cost : str
        `squared` or `absolute`.
    reach : float, optional
        The length beyond which mass is rather made or destroyed; balanced where absent.
    """

    a: torch.Tensor
    b: torch.Tensor
    spacing: tuple[float, ...]
    blur: float
    cost: Cost = "squared"
    reach: float | None = None

    @property
    def eps(self) -> float:
        """Regularisation in units of the cost."""
        return 2 * self.blur**2 if self.cost == "squared" else self.blur

    @property
    def rho(self) -> float:
        """The price of a unit of mass that is made or destroyed, in units of the cost."""
        if self.reach is None:
            return math.inf
        return 2 * self.reach**2 if self.cost == "squared" else self.reach

    @property
    def damping(self) -> float:
        """What the price leaves of each update: 1 where mass is kept."""
        return 1.0 if self.reach is None else self.rho / (self.rho + self.eps)

    @property
    def largest(self) -> float:
        """The limit of the relaxation factor: uniform masses on the whole grid mix slowest, and their rate is known."""
        side = max(n * step for n, step in zip(self.a.shape[1:], self.spacing, strict=True))
        share = self.blur / side if self.cost == "squared" else math.sqrt(self.blur / side)
        return 2 / (1 + min(1.0, 0.8 * math.pi * share))

    def to_source(self, v: torch.Tensor, at: Sequence[int]) -> torch.Tensor:
        """The soft minimum, whatever the problems: they share a grid."""
        return self.kernel(v)

    to_target = to_source

    @cached_property
    def kernel(self) -> GridKernel:
        """The soft minimum of this grid, cost and regularisation."""
        return GridKernel(self.a.shape[1:], self.spacing, self.eps, self.cost, self.a.device)

    def at(self, blur: float, halved: int) -> Problem:
        """The same with another blur, on a grid halved so often."""
        spacing = tuple(step * 2**halved for step in self.spacing)
        return Problem(coarser(self.a, halved), coarser(self.b, halved), spacing, blur, self.cost, self.reach)


def solve(
    problem: Problem,
    tol: float,
    iterations: int,
    tell: Callable[[float], None] = lambda fraction: None,
) -> Solution:
    """Solve each problem of a batch to a marginal error of `tol` in L1, or as far as the iterations go.

    `tell` is called now and then with the part of the work that is done.
    """
    shape = problem.a.shape[1:]
    steps = levels(shape, problem.spacing, problem.blur)
    f = g = torch.zeros(0)
    before: tuple[torch.Tensor, torch.Tensor] | None = None
    done = [0] * len(problem.a)
    for number, (blur, halved) in enumerate(steps):
        level = problem.at(blur, halved)
        if not number:
            f, g = torch.zeros_like(level.a), torch.zeros_like(level.b)
        else:
            change = steps[number - 1][1] - halved
            f, g = (finer(x, level.a.shape[1:], change) for x in (f, g))
            if before is not None:
                last = [finer(x, level.a.shape[1:], change) for x in before]
                before = (f, g)
                f, g = (now + _FORWARD * (now - old) for now, old in zip((f, g), last, strict=True))
            else:
                before = (f, g)
        final = number == len(steps) - 1
        run = Iteration(level, f, g)
        run.go(tol if final else max(tol, _ROUGH), iterations if final else _ROUGH_ITERATIONS, tell if final else None)
        f, g = run.f, run.g
        done = [old + new for old, new in zip(done, run.iterations, strict=True)]
    return Solution(f, g, done, run.residuals)
