"""The first part: ridge regressions, and registration against what they say of pictures they have not seen."""

from __future__ import annotations

import torch

from otframe.errors import DataError
from otframe.interfaces import Context
from otframe_unscramble.aligning.motion import Motion
from otframe_unscramble.aligning.state import Settings, State
from otframe_unscramble.aligning.trust import clipped
from otframe_unscramble.values import Pairs

__all__ = ["LAST_RIDGE", "begun"]

_RIDGES = (0.1, 0.03, 0.01)
"""In turn: first predictions are blurred by the displacements, and need not be sharp."""
LAST_RIDGE = _RIDGES[-1]

_DARK = 0.1
"""Below which part of pictures' mean what lies outside them is dark."""


def begun(pairs: Pairs, settings: Settings, ctx: Context) -> State:
    """Displacements found to a tenth of a pixel or so, pictures brought back by them, false pairs given up."""
    device = ctx.device if ctx.device.type != "cpu" else pairs.clear.device
    y, clear = (part.to(device) for part in pairs.rows())
    for name, part in (("scrambled", y), ("clear", clear)):
        if not bool(part.any()):
            raise DataError(f"the {name} pictures are all black", hint="there is nothing to learn from", port="pairs")
    seen = clear.reshape(-1, *pairs.clear.shape[2:])
    group = pairs.channels
    motion = Motion(
        group,
        settings.together,
        settings.reach,
        settings.spread,
        settings.interpolation,
        settings.warp,
        settings.edges == "dark",
    )
    kept = torch.ones(pairs.count, dtype=torch.bool, device=device)
    state = State(y, seen, clear, kept, group, motion, settings, ctx.progress)
    for number, ridge in enumerate(_RIDGES):
        state.tell(0.1 * number, f"ridge regression {number + 1} of {len(_RIDGES)}")
        _round(state, ridge, coarse=number == 0)
    return state


def _round(state: State, ridge: float, *, coarse: bool) -> None:
    """Predict, register, give up what is no pair, bring back."""
    predicted = _predictions(state, ridge)
    _register(state, predicted, coarse=coarse)
    if state.settings.robust:
        fine = state.fine(state.motion.errors(predicted, state.seen), state.motion)
        if fine is not None:
            state.give_up(fine, state.motion)
            predicted = predicted[fine.repeat_interleave(state.group)]
            if coarse:
                # the first predictions were made of false pairs too
                predicted = _predictions(state, ridge)
                _register(state, predicted, coarse=True)
    if state.settings.edges == "auto":
        state.motion.dark = state.motion.outside(state.seen) < _DARK
    state.z, errors, state.cut = state.cleared(predicted, state.motion)
    state.error = float(clipped(errors, state.cut).square().mean())
    state.rounds += 1


def _predictions(state: State, ridge: float) -> torch.Tensor:
    return state.shaped(state.ridge(ridge).predictions(state.z))


def _register(state: State, predicted: torch.Tensor, *, coarse: bool) -> None:
    if state.moving:
        state.motion.begin(predicted, state.seen, coarse=coarse)
        state.motion.centre()
    else:
        state.motion.rest(state.seen)
