"""A primal-dual method for the relaxed transport problem, with the proof of how near the result is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from otframe.interfaces import Context
from otframe_color.relaxed_problem import Problem

__all__ = ["Solved", "solved"]

_EVERY = 40
_FURTHER = 1.8
"""Each step goes so many times as far as the method says; twice is where it would diverge."""
_ENOUGH, _LONG = 0.4, 0.3
"""The iteration starts anew at its mean where the gap has fallen to this part, or where this part of all iterations has
gone by."""
_NEWTON, _POWERS, _SAFE = 60, 60, 0.9


@dataclass(frozen=True, eq=False)
class Solved:
    """The best plan that was found: its shares, objective, the gap to a lower bound, and the iterations."""

    shares: torch.Tensor
    objective: float
    gap: float
    iterations: int


@dataclass(eq=False)
class _State:
    shares: torch.Tensor
    columns: torch.Tensor
    flows: torch.Tensor

    def mixed(self, other: _State, weight: float) -> _State:
        return _State(
            torch.lerp(self.shares, other.shares, weight),
            torch.lerp(self.columns, other.columns, weight),
            torch.lerp(self.flows, other.flows, weight),
        )


def solved(problem: Problem, *, gap: float, max_iter: int, ctx: Context) -> Solved:
    """Solve by preconditioned primal-dual steps [pock2011diagonal]_.

    They go further than the plain method's, and start anew at their means [applegate2021practical]_.
    Every so often the plan is made to keep its bounds and laid against the best dual value: the gap is a proof.

    Parameters
    ----------
    problem : Problem
        What to solve.
    gap : float
        The gap at which it ends.
    max_iter : int
        Iterations after which it ends anyway.
    ctx : Context
        Told the progress.
    """
    y, a = problem.y, problem.a
    steps, column_step, flow_steps = _steps(problem)
    started = torch.zeros_like(problem.costs).scatter_(1, problem.costs.argmin(1, keepdim=True), 1.0)
    state = _State(problem.feasible(started), torch.zeros_like(y[:, 0]), torch.zeros_like(problem.offset))
    best = _Best(problem, state.shares)
    origin, mean, count = state, state, 0
    threshold = torch.zeros_like(a)[:, None]
    since = best.look(state)
    weight, turn = 1.0, 0
    while best.gap > gap and turn < max_iter:
        step = steps / weight
        prices = problem.prices(state.columns, state.flows)
        shares, threshold = _simplex(state.shares - step * prices, threshold)
        ahead = 2 * shares - state.shares
        pace = weight * column_step
        columns = state.columns + pace * (a @ ahead)
        columns = columns - pace * torch.minimum(torch.maximum(columns / pace, problem.low), problem.high)
        flows = state.flows + weight * flow_steps * (problem.along(ahead @ y) - problem.offset)
        if problem.norm == "absolute":
            flows = flows.clamp(-problem.strength, problem.strength)
        elif problem.strength > 0:
            flows = flows / (1 + weight * flow_steps / (2 * problem.strength))
        else:
            flows = torch.zeros_like(flows)
        made = _State(shares, columns, flows)
        state = state.mixed(made, _FURTHER)
        turn, count = turn + 1, count + 1
        mean = mean.mixed(made, 1 / count)
        if turn % _EVERY:
            continue
        here, there = best.look(made), best.look(mean)
        ctx.progress(turn / max_iter, f"gap {best.gap:.1e}")
        if min(here, there) <= _ENOUGH * since or count >= _LONG * turn:
            state = made if here < there else mean
            weight = _balanced(weight, origin, state, (steps, column_step, flow_steps))
            origin, mean, count = state, state, 0
            since = min(here, there)
    return Solved(best.shares, best.primal, max(best.gap, 0.0), turn)


class _Best:
    """The best plan and the best bound so far."""

    def __init__(self, problem: Problem, shares: torch.Tensor) -> None:
        self._problem = problem
        self.shares, self.primal, self.dual = shares, problem.primal(shares), -math.inf

    @property
    def gap(self) -> float:
        return self.primal - self.dual

    def look(self, state: _State) -> float:
        """Keep what is better of a state; its own gap."""
        shares = self._problem.feasible(state.shares)
        primal, dual = self._problem.primal(shares), self._problem.dual(state.columns, state.flows)
        if primal < self.primal:
            self.shares, self.primal = shares, primal
        self.dual = max(self.dual, dual)
        return primal - dual


def _simplex(values: torch.Tensor, threshold: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The nearest shares to each row, and what was taken off it: by Newton's method, from thresholds of before.

    The sum of what stays is convex and piecewise linear in the threshold, so that it ends after a few steps.
    """
    threshold = torch.minimum(threshold, values.amax(1, keepdim=True) - 1 / values.shape[1])
    for _ in range(_NEWTON):
        over = values - threshold
        held = over > 0
        excess = torch.where(held, over, 0.0).sum(1, keepdim=True) - 1
        move = excess / held.sum(1, keepdim=True)
        threshold = threshold + move
        if bool((move.abs() <= 1e-14 * (1 + threshold.abs())).all()):
            break
    shares = (values - threshold).clamp_(min=0)
    return shares / shares.sum(1, keepdim=True), threshold


def _steps(problem: Problem) -> tuple[torch.Tensor, float, torch.Tensor]:
    """Step sizes of the shares `(n, 1)`, the columns, and the flows `(e, 1)`, as long as they may be together.

    Each is set by the sums of its row or column, and all are then scaled by the operator's norm, by power iteration.
    """
    y, a = problem.y, problem.a
    first, second = problem.edges
    degree = torch.zeros_like(a).index_add_(0, first, problem.scales).index_add_(0, second, problem.scales)
    steps = 1 / (a + degree * y.abs().amax())[:, None]
    flow_steps = (1 / (2 * problem.scales * y.abs().sum(0).amax()).clamp_(min=1e-300))[:, None]
    column_step = len(y) ** 0.5  # masses of columns are small, and their prices are not
    values, norm = torch.ones_like(problem.costs), 1.0
    values += 0.5 * torch.sin(torch.arange(values.numel(), dtype=y.dtype)).reshape(values.shape).to(y)  # of no symmetry
    for _ in range(_POWERS):
        values = values / torch.linalg.vector_norm(values)
        shares = values * steps.sqrt()
        columns, flows = column_step * (a @ shares), flow_steps * problem.along(shares @ y)
        values = (a[:, None] * columns + problem.back(flows) @ y.T) * steps.sqrt()
        norm = float(torch.linalg.vector_norm(values))
    return steps * (_SAFE / norm), column_step, flow_steps


def _balanced(weight: float, origin: _State, state: _State, sizes: tuple[torch.Tensor, float, torch.Tensor]) -> float:
    """The ratio of dual to primal steps, nearer to that of how far both have to go."""
    steps, column_step, flow_steps = sizes
    primal = float(((state.shares - origin.shares).square() / steps).sum())
    dual = float((state.columns - origin.columns).square().sum()) / column_step
    dual += float(((state.flows - origin.flows).square() / flow_steps).sum())
    if not (primal > 1e-24 and dual > 1e-24):
        return weight
    return math.exp(0.25 * math.log(dual / primal) + 0.5 * math.log(weight))
