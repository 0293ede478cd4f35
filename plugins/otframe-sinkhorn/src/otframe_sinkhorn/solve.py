"""`solve`: the potentials of entropic transport on a grid, by relaxed Sinkhorn iterations from coarse to fine."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from otframe_sinkhorn.kernel import Cost, GridKernel, logarithm
from otframe_sinkhorn.levels import coarser, finer, levels
from otframe_sinkhorn.relaxation import Relaxation

__all__ = ["Problem", "Solution", "solve"]

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

    def kernel(self) -> GridKernel:
        """The soft minimum of this grid, cost and regularisation."""
        return GridKernel(self.a.shape[1:], self.spacing, self.eps, self.cost, self.a.device)

    def at(self, blur: float, halved: int) -> Problem:
        """The same with another blur, on a grid halved so often."""
        spacing = tuple(step * 2**halved for step in self.spacing)
        return Problem(coarser(self.a, halved), coarser(self.b, halved), spacing, blur, self.cost, self.reach)


@dataclass(frozen=True)
class Solution:
    """Potentials `f` and `g` as the masses, and for each problem its iterations and the residual that was reached."""

    f: torch.Tensor
    g: torch.Tensor
    iterations: list[int]
    residuals: list[float]


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
        run = _Level(level, f, g)
        run.go(tol if final else max(tol, _ROUGH), iterations if final else _ROUGH_ITERATIONS, tell if final else None)
        f, g = run.f, run.g
        done = [old + new for old, new in zip(done, run.iterations, strict=True)]
    return Solution(f, g, done, run.residuals)


class _Level:
    """The iteration on one grid with one blur."""

    def __init__(self, problem: Problem, f: torch.Tensor, g: torch.Tensor) -> None:
        self.problem, self._f, self._g = problem, list(f), list(g)
        self.log_a, self.log_b = logarithm(problem.a), logarithm(problem.b)
        self.kernel = problem.kernel()
        self.residuals = [math.inf] * len(f)
        self.iterations = [0] * len(f)
        sides = [n * step for n, step in zip(problem.a.shape[1:], problem.spacing, strict=True)]
        # uniform masses on the whole grid mix slowest: their rate is known
        share = problem.blur / max(sides) if problem.cost == "squared" else math.sqrt(problem.blur / max(sides))
        largest = 2 / (1 + min(1.0, 0.8 * math.pi * share))
        self.relaxations = [Relaxation(largest) for _ in range(len(f))]

    @property
    def f(self) -> torch.Tensor:
        """The first potentials, as the masses."""
        return torch.stack(self._f)

    @property
    def g(self) -> torch.Tensor:
        """The second potentials, as the masses."""
        return torch.stack(self._g)

    def go(self, tol: float, iterations: int, tell: Callable[[float], None] | None) -> None:
        """Iterate until all problems are solved or the iterations are used up."""
        left = list(range(len(self._f)))
        first = math.nan
        self.near = [_NEAR * tol] * len(self._f)
        for number in range(iterations):
            error = self._step(left)
            if tell is not None and number % 10 == 9:
                worst = max(error)
                first = worst if math.isnan(first) else first
                tell(min(0.99, math.log(max(first / worst, 1.0)) / math.log(max(first / tol, 2.0))))
            near = [k for k, e in zip(left, error, strict=True) if e < self.near[k]]
            if near:
                self._close(near, tol)
                left = [k for k in left if self.residuals[k] >= tol]
            if not left:
                return
        self._close(left, math.inf)

    def _step(self, at: list[int]) -> list[float]:
        """Update both potentials of some problems; the errors they had before."""
        f, g = self._at(self._f, at), self._at(self._g, at)
        factors = [self.relaxations[k].factor for k in at]
        wanted = self._soft(g, _rows(self.log_b, at))
        error = self._errors(f, wanted, at)
        f = _relaxed(f, wanted, factors)
        g = _relaxed(g, self._soft(f, _rows(self.log_a, at)), factors)
        if self.problem.reach is not None:
            shift = self._shift(f, g, at)
            f, g = f + shift, g - shift
        for row, (k, e) in enumerate(zip(at, error, strict=True)):
            self._f[k], self._g[k] = f[row], g[row]
            self.relaxations[k].saw(e)
            self.iterations[k] += 1
        return error

    def _close(self, at: list[int], tol: float) -> None:
        """Make the first marginal of some problems exact; the residual is then the error of the second.

        Where it is not under `tol` the potentials stay as they were, and the next try is a while later.
        """
        g = self._at(self._g, at)
        f = self._soft(g, _rows(self.log_b, at))
        error = self._errors(g, self._soft(f, _rows(self.log_a, at)), at, second=True)
        for row, (k, e) in enumerate(zip(at, error, strict=True)):
            self.residuals[k] = e
            self.iterations[k] += 1
            if e < tol:
                self._f[k] = f[row]
            self.near[k] /= 2

    def _at(self, potentials: list[torch.Tensor], at: list[int]) -> torch.Tensor:
        return torch.stack([potentials[k] for k in at])

    def _soft(self, potential: torch.Tensor, log_mass: torch.Tensor) -> torch.Tensor:
        """The update of one potential from the other."""
        eps = self.problem.eps
        return self.kernel(potential / eps + log_mass).mul_(-self.problem.damping * eps)

    def _errors(self, now: torch.Tensor, wanted: torch.Tensor, at: Sequence[int], second: bool = False) -> list[float]:
        """How far a marginal is from what it should be, in L1 and relative to it."""
        problem = self.problem
        mass = _rows(problem.b if second else problem.a, at)
        should = mass if problem.reach is None else mass * torch.exp((-now / problem.rho).clamp(max=_LARGE))
        over = ((now - wanted) / (problem.damping * problem.eps)).clamp(max=_LARGE)
        axes = tuple(range(1, now.ndim))
        missed = (should * torch.expm1(over)).abs().sum(axes)
        return [float(part) for part in missed / should.sum(axes).clamp(min=torch.finfo(torch.float64).tiny)]

    def _shift(self, f: torch.Tensor, g: torch.Tensor, at: list[int]) -> torch.Tensor:
        """The constant that, taken from g and given to f, raises the dual value most [sejourne2022faster]_."""
        rho, axes = self.problem.rho, tuple(range(1, f.ndim))
        left = torch.logsumexp(_rows(self.log_a, at) - f / rho, axes, keepdim=True)
        right = torch.logsumexp(_rows(self.log_b, at) - g / rho, axes, keepdim=True)
        return rho / 2 * (left - right)


def _rows(batch: torch.Tensor, at: Sequence[int]) -> torch.Tensor:
    """Some problems of a batch."""
    return batch if len(at) == len(batch) else torch.stack([batch[k] for k in at])


def _relaxed(now: torch.Tensor, wanted: torch.Tensor, factors: list[float]) -> torch.Tensor:
    """So many times the way from where the potentials are to where the plain update wants them."""
    return torch.stack([torch.lerp(x, y, factor) for x, y, factor in zip(now, wanted, factors, strict=True)])


_LARGE = 50.0
"""Exponents of errors are not followed beyond this."""
_NEAR = 32.0
"""Both marginals are off while updates overshoot; with one made exact the error falls by some such factor."""
