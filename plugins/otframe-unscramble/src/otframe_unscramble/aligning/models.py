"""The second part, for each model of the operator: it is fitted and pictures are registered, in turns."""

from __future__ import annotations

from copy import copy

import torch

from otframe_unscramble.aligning.assignment import assigned
from otframe_unscramble.aligning.first import LAST_RIDGE
from otframe_unscramble.aligning.forward import inverse, scrambling, stationary
from otframe_unscramble.aligning.sparse import Sparse, candidates, sparse_rounds
from otframe_unscramble.aligning.state import Outcome, State, changed
from otframe_unscramble.aligning.trust import clipped

__all__ = ["dense", "forward", "sparse"]

_GRID = (1.0, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3)
_TRIED = 256
"""Pixels that a ridge is chosen by."""
_SLOW, _SLOWER = 4.0, 10.0
"""Models with many weights stop at so many times the change: what changes is noise by then."""


def sparse(state: State) -> Outcome:
    """Few weights a row."""
    settings, motion = state.settings, copy(state.motion)
    width = state.y.shape[1]
    state.tell(0.35, "candidates")
    signed = settings.constraint == "free"
    begun = candidates(state.ridge(LAST_RIDGE), state.z, min(settings.slots, width), signed=signed)
    made, z, errors = sparse_rounds(state, motion, begun)
    fine = state.fine(errors, motion) if settings.robust else None
    if fine is not None:
        # false pairs that the first part could not tell have left their mark
        state.give_up(fine, state.motion, motion)
        rounds = made.rounds
        made, z, errors = sparse_rounds(state, motion, Sparse(begun.columns, made.weights))
        made.rounds += rounds
    # few weights were fitted to these very samples
    used = float((made.weights != 0).sum(1).float().mean())
    error = _size(errors, state) * (len(state.y) / max(1.0, len(state.y) - used)) ** 2
    found = assigned(made, state.y, z) if settings.assignment else made.map(width)
    return Outcome(found, error, motion, made.rounds, made.change)


def dense(state: State) -> Outcome:
    """A ridge regression, registered against its held-out predictions."""
    motion, z, before, error, change, done = copy(state.motion), state.z, None, 0.0, 1.0, 0
    fit = state.ridge(_best_ridge(state))
    for done in range(1, state.settings.rounds + 1):
        predicted, fitted = (state.shaped(rows) for rows in fit.both(z))
        if state.moving:
            motion.improve(predicted, state.seen)
            motion.centre()
        error = _size(motion.errors(predicted, state.seen), state)
        # what was not seen is filled by the fit: filled by what others say, round after round, it may grow
        z, _, _ = state.cleared(fitted, motion)
        before, change = predicted, changed(predicted, before)
        state.tell(0.5 + 0.4 * done / state.settings.rounds, f"ridge, round {done}: change {change:.2%}")
        if change < _SLOW * state.settings.tol:
            break
    return Outcome(fit.map(z), error, motion, done, change / _SLOW)


def forward(state: State) -> Outcome:
    """A sparse scrambling, and its inverse."""
    motion, z, before, change, done = copy(state.motion), state.z, None, 1.0, 0
    even = stationary(state.shaped(z))
    while True:
        done += 1
        rows, left = scrambling(state.y, z, state.group, state.settings.facets)
        found = inverse(rows, left, z, even)
        predicted = state.shaped(found(state.y))
        before, change = predicted, changed(predicted, before)
        state.tell(0.5 + 0.4 * done / state.settings.rounds, f"scrambling, round {done}: change {change:.2%}")
        if state.moving:
            motion.improve(predicted, state.seen)
            motion.centre()
        z, errors, _ = state.cleared(predicted, motion)
        if change < _SLOWER * state.settings.tol or done == state.settings.rounds:
            return Outcome(found, _size(errors, state), motion, done, change / _SLOWER)


def _size(errors: torch.Tensor, state: State) -> float:
    """Mean squares of errors, outliers cut as in the first part, so that models are compared on the same terms."""
    return float(clipped(errors, state.cut).square().mean())


def _best_ridge(state: State) -> float:
    """The ridge whose held-out predictions err least, on some pixels."""
    some = state.z[:, :: max(1, state.z.shape[1] // _TRIED)].contiguous()
    best = (float("inf"), _GRID[0])
    for ridge in _GRID:
        missed = state.ridge(ridge).predictions(some) - some
        now = float(missed.square().mean())
        if now > best[0]:
            break
        best = (now, ridge)
    return best[1]
