"""`Iteration`: over-relaxed Sinkhorn iterations on a batch of problems, whatever they are given on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from otframe_sinkhorn.logarithms import logarithm
from otframe_sinkhorn.relaxation import Relaxation

__all__ = ["Halves", "Iteration", "Solution", "against"]


class Halves(Protocol):
    """A batch of problems, by its masses and its two soft minima."""

    @property
    def a(self) -> torch.Tensor:
        """Masses of the sources, `(B, ...)`, float64: of sum 1 each, unless there is a reach."""

    @property
    def b(self) -> torch.Tensor:
        """Masses of the targets, `(B, ...)`, float64."""

    @property
    def eps(self) -> float:
        """Regularisation in units of the cost."""

    @property
    def rho(self) -> float:
        """The price of a unit of mass that is made or destroyed, in units of the cost; else infinite."""

    @property
    def damping(self) -> float:
        """What the price leaves of each update, `rho / (rho + eps)`: 1 where mass is kept."""

    @property
    def largest(self) -> float:
        """The limit of the relaxation factor, in [1, 2)."""

    def to_source(self, v: torch.Tensor, at: Sequence[int]) -> torch.Tensor:
        """`log sum_y exp(v(y) - c(x, y) / eps)` for the problems `at`: as their `b` to as their `a`, a new tensor."""

    def to_target(self, v: torch.Tensor, at: Sequence[int]) -> torch.Tensor:
        """`log sum_x exp(v(x) - c(x, y) / eps)` for the problems `at`: as their `a` to as their `b`, a new tensor."""


@dataclass(frozen=True)
class Solution:
    """Potentials `f` and `g` as the masses, and for each problem its iterations and the residual that was reached."""

    f: torch.Tensor
    g: torch.Tensor
    iterations: list[int]
    residuals: list[float]


class Iteration:
    """The iteration for the problems of one batch.

    Parameters
    ----------
    problem : Halves
        What is to be solved.
    f, g : torch.Tensor
        Where to start, as the masses `a` and `b`.
    """

    def __init__(self, problem: Halves, f: torch.Tensor, g: torch.Tensor) -> None:
        self.problem, self._f, self._g = problem, list(f), list(g)
        self.log_a, self.log_b = logarithm(problem.a), logarithm(problem.b)
        self.residuals = [math.inf] * len(f)
        self.iterations = [0] * len(f)
        self.relaxations = [Relaxation(problem.largest) for _ in range(len(f))]

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
                worst = max([*error, _LEAST])
                first = worst if math.isnan(first) else first
                tell(min(0.99, math.log(max(first / worst, 1.0)) / math.log(max(first / max(tol, _LEAST), 2.0))))
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
        wanted = self._to_source(g, at)
        error = self._errors(f, wanted, at)
        f = _relaxed(f, wanted, factors)
        g = _relaxed(g, self._to_target(f, at), factors)
        if math.isfinite(self.problem.rho):
            shift = self._shift(f, g, at)
            f, g = f + against(shift, f), g - against(shift, g)
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
        f = self._to_source(g, at)
        error = self._errors(g, self._to_target(f, at), at, second=True)
        for row, (k, e) in enumerate(zip(at, error, strict=True)):
            self.residuals[k] = e
            self.iterations[k] += 1
            if e < tol:
                self._f[k] = f[row]
            self.near[k] /= 2

    def _at(self, potentials: list[torch.Tensor], at: list[int]) -> torch.Tensor:
        return torch.stack([potentials[k] for k in at])

    def _to_source(self, g: torch.Tensor, at: Sequence[int]) -> torch.Tensor:
        """The update of the first potential from the second."""
        eps = self.problem.eps
        return self.problem.to_source(g / eps + _rows(self.log_b, at), at).mul_(-self.problem.damping * eps)

    def _to_target(self, f: torch.Tensor, at: Sequence[int]) -> torch.Tensor:
        """The update of the second potential from the first."""
        eps = self.problem.eps
        return self.problem.to_target(f / eps + _rows(self.log_a, at), at).mul_(-self.problem.damping * eps)

    def _errors(self, now: torch.Tensor, wanted: torch.Tensor, at: Sequence[int], second: bool = False) -> list[float]:
        """How far a marginal is from what it should be, in L1 and relative to it."""
        problem = self.problem
        mass = _rows(problem.b if second else problem.a, at)
        should = mass if math.isinf(problem.rho) else mass * torch.exp((-now / problem.rho).clamp(max=_LARGE))
        over = ((now - wanted) / (problem.damping * problem.eps)).clamp(max=_LARGE)
        axes = tuple(range(1, now.ndim))
        missed = (should * torch.expm1(over)).abs().sum(axes)
        return [float(part) for part in missed / should.sum(axes).clamp(min=torch.finfo(torch.float64).tiny)]

    def _shift(self, f: torch.Tensor, g: torch.Tensor, at: list[int]) -> torch.Tensor:
        """The constant that, taken from g and given to f, raises the dual value most [sejourne2022faster]_."""
        rho, axes, others = self.problem.rho, tuple(range(1, f.ndim)), tuple(range(1, g.ndim))
        left = torch.logsumexp(_rows(self.log_a, at) - f / rho, axes, keepdim=True)
        right = torch.logsumexp(_rows(self.log_b, at) - g / rho, others, keepdim=True)
        return rho / 2 * (left.flatten() - right.flatten())


def _rows(batch: torch.Tensor, at: Sequence[int]) -> torch.Tensor:
    """Some problems of a batch."""
    return batch if len(at) == len(batch) else torch.stack([batch[k] for k in at])


def against(numbers: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
    """A number for each problem, as it meets the batch."""
    return numbers.reshape(-1, *(1 for _ in batch.shape[1:]))


def _relaxed(now: torch.Tensor, wanted: torch.Tensor, factors: list[float]) -> torch.Tensor:
    """So many times the way from where the potentials are to where the plain update wants them."""
    return torch.stack([torch.lerp(x, y, factor) for x, y, factor in zip(now, wanted, factors, strict=True)])


_LEAST = 1e-300
"""An error of 0 is told as this."""
_LARGE = 50.0
"""Exponents of errors are not followed beyond this."""
_NEAR = 32.0
"""Both marginals are off while updates overshoot; with one made exact the error falls by some such factor."""
