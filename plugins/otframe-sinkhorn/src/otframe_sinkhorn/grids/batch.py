"""`together`: many problems on one small grid at once, for losses that are asked for again and again.

`grids.solve` follows each problem of a batch by itself, which costs more than the sums themselves where grids are small
and the batch is large. Here a batch has one relaxation factor and one end, and soft minima are plain products with the
kernel of each axis, as long as float64 holds what they need.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from otframe_sinkhorn.grids.kernel import Cost, GridKernel
from otframe_sinkhorn.grids.levels import coarser, finer, levels
from otframe_sinkhorn.grids.solve import Problem
from otframe_sinkhorn.iteration import Solution, against
from otframe_sinkhorn.logarithms import logarithm
from otframe_sinkhorn.relaxation import Relaxation

__all__ = ["Batch", "QuickKernel", "together"]

_ROUGH, _ROUGH_ITERATIONS = 0.1, 20
"""The error to which the levels before the last are solved, and the most iterations on each."""
_LEAST = 1e-282
"""Sums over this have lost nothing that counts: what underflows is smaller than they are by 16 digits and more."""
_FLOOR = -700.0
"""Exponents under this are raised to it, or their numbers are 0: denormal numbers are slow."""
_LARGE = 50.0
"""Exponents of errors are not followed beyond this."""


class QuickKernel(GridKernel):
    """The soft minimum by one product an axis, and as `GridKernel` computes it where that would underflow."""

    def __init__(
        self, shape: Sequence[int], spacing: Sequence[float], eps: float, cost: Cost, device: torch.device
    ) -> None:
        super().__init__(shape, spacing, eps, cost, device)
        self.matrices = []
        for n, step in zip(shape, spacing, strict=True):
            places = torch.arange(n, dtype=torch.float64, device=device) * step
            apart = places[:, None] - places
            exponents = (apart.square() if cost == "squared" else apart.abs()) / -eps
            self.matrices.append(torch.where(exponents > _FLOOR, exponents.exp(), 0.0))

    def __call__(self, v: torch.Tensor) -> torch.Tensor:
        """The soft minimum, shape `(B, *shape)` to the same, float64."""
        top = v.amax(tuple(range(1, v.ndim)), keepdim=True)
        sums = (v - top).clamp_(min=_FLOOR).exp_()
        for number, matrix in enumerate(self.matrices, 1):
            before, after = math.prod(v.shape[:number]), math.prod(v.shape[number + 1 :])
            rows = sums.reshape(before, v.shape[number], after)
            sums = (rows[..., 0] @ matrix if after == 1 else torch.matmul(matrix, rows)).reshape(v.shape)
        low = sums.flatten(1).amin(1) <= _LEAST
        made = sums.log_().add_(top)
        return made.masked_scatter(against(low, made), super().__call__(v[low])) if bool(low.any()) else made


@dataclass(frozen=True)
class Batch(Problem):
    """Problems on one small grid, with quick soft minima."""

    @cached_property
    def kernel(self) -> GridKernel:
        """The soft minimum of this grid, cost and regularisation."""
        return QuickKernel(self.a.shape[1:], self.spacing, self.eps, self.cost, self.a.device)

    def at(self, blur: float, halved: int) -> Batch:
        """The same with another blur, on a grid halved so often."""
        spacing = tuple(step * 2**halved for step in self.spacing)
        return Batch(coarser(self.a, halved), coarser(self.b, halved), spacing, blur, self.cost, self.reach)


def together(problem: Batch, tol: float, iterations: int) -> Solution:
    """Solve all problems of a balanced batch to a marginal error of `tol` in L1, or as far as the iterations go."""
    shape = problem.a.shape[1:]
    steps = levels(shape, problem.spacing, problem.blur)
    f = g = torch.zeros(0)
    done, residuals = 0, [math.inf]
    for number, (blur, halved) in enumerate(steps):
        level, final = problem.at(blur, halved), number == len(steps) - 1
        if not number:
            f, g = torch.zeros_like(level.a), torch.zeros_like(level.b)
        else:
            f, g = (finer(x, level.a.shape[1:], steps[number - 1][1] - halved) for x in (f, g))
        aim, most = (tol, iterations) if final else (max(tol, _ROUGH), min(iterations, _ROUGH_ITERATIONS))
        f, g, count, residuals = _level(level, f, g, aim, most)
        done += count
    return Solution(f, g, [done] * len(problem.a), residuals)


def _level(
    problem: Batch, f: torch.Tensor, g: torch.Tensor, tol: float, iterations: int
) -> tuple[torch.Tensor, torch.Tensor, int, list[float]]:
    """The potentials, the iterations and the errors of the second marginals; the first ones are exact."""
    eps, at = problem.eps, range(len(problem.a))
    log_a, log_b = logarithm(problem.a), logarithm(problem.b)
    relaxation, near = Relaxation(problem.largest), 4 * tol
    for number in range(1, iterations + 1):
        wanted = problem.to_source(g / eps + log_b, at).mul_(-eps)
        worst = float(_errors(problem.a, f - wanted, eps).max())
        if worst < near or number == iterations:
            # with the first marginal made exact the error is that of the second, and often much less
            other = problem.to_target(wanted / eps + log_a, at).mul_(-eps)
            errors = _errors(problem.b, g - other, eps)
            if float(errors.max()) < tol or number == iterations:
                return wanted, g, number, [float(error) for error in errors]
            near = worst / 2
        f = torch.lerp(f, wanted, relaxation.factor)
        g = torch.lerp(g, problem.to_target(f / eps + log_a, at).mul_(-eps), relaxation.factor)
        relaxation.saw(worst)
    raise AssertionError("not reached")


def _errors(mass: torch.Tensor, over: torch.Tensor, eps: float) -> torch.Tensor:
    """Errors `(B,)` in L1 of marginals that are what they should be times `exp(over / eps)`."""
    over = torch.where(mass > 0, over / eps, 0.0).clamp(max=_LARGE)
    return (mass * torch.expm1(over).abs()).flatten(1).sum(1)
