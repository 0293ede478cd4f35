"""The whole alternation: the first part, the model that does best, and what is told of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import torch

from otframe.interfaces import Context
from otframe.values import DenseMap, LinearMap, LowRankMap, SolveInfo, SparseMap
from otframe_unscramble.aligning.first import begun
from otframe_unscramble.aligning.forward import MOST
from otframe_unscramble.aligning.models import dense, forward, sparse
from otframe_unscramble.aligning.motion import Motion
from otframe_unscramble.aligning.state import Outcome, Settings, State
from otframe_unscramble.aligning.trust import clipped, trusted, unexplained
from otframe_unscramble.values import Pairs, Unscrambler

__all__ = ["learnt"]

_USUAL = 16.0
"""Pictures whose largest value is within so many times 1 are taken as they are."""

Model = Callable[[State], Outcome]

_SURE = 0.2
"""Below which part of the ridge regression's error that of few weights leaves no doubt."""
_TURN, _LEAST = 7, 6
"""Each so many-th picture is held out where models are compared, if so many are left."""


def learnt(pairs: Pairs, settings: Settings, ctx: Context) -> Unscrambler:
    """Run all parts."""
    units = _unit(pairs.scrambled), _unit(pairs.clear)
    if settings.assignment:
        # a permutation has weights of 1, whatever the unit
        units = (max(units),) * 2
    if units != (1.0, 1.0):
        pairs = replace(pairs, scrambled=pairs.scrambled / units[0], clear=pairs.clear / units[1])
    state = begun(pairs, settings, ctx)
    found = _told(pairs, state, _chosen(state))
    return found if units[0] == units[1] else replace(found, map=_times(found.map, units[1] / units[0]))


def _unit(pictures: torch.Tensor) -> float:
    """What brings pictures of an unusual range, such as a sensor's counts, to about 1: a power of two, or 1."""
    most = float(pictures.abs().max())
    return 1.0 if most == 0 or 1 / _USUAL <= most <= _USUAL else 2.0 ** round(math.log2(most))


def _times(made: LinearMap, factor: float) -> LinearMap:
    held: Any = made
    scaled = {DenseMap: "matrix", LowRankMap: "left", SparseMap: "weights"}[type(held)]
    changed: LinearMap = replace(held, **{scaled: getattr(held, scaled) * factor})
    return changed


def _chosen(state: State) -> Outcome:
    """What the model that was asked for gives, or the best of them."""
    model = state.settings.model
    if model == "dense":
        return dense(state)
    if model == "forward":
        return forward(state)
    few = sparse(state)
    # held-out predictions of the ridge regression are what few weights must better, by far where they choose themselves
    if model == "sparse" or state.settings.assignment or few.error < _SURE * state.error:
        return few
    best = _best(state)
    return few if best is sparse else best(state)


def _best(state: State) -> Model:
    """The model that predicts best what it was not fitted to: some pictures, held out and registered anew."""
    models: list[Model] = [sparse, dense]
    if max(state.y.shape[1], state.z.shape[1]) <= MOST:
        models.append(forward)
    count = len(state.y) // state.group
    tried = torch.arange(count, device=state.y.device) % _TURN == _TURN // 2
    if int((~tried).sum()) < _LEAST or not bool(tried.any()):
        return sparse
    rest, held = state.part(~tried), state.part(tried)

    def error(model: Model) -> float:
        outcome = model(rest.part(torch.ones_like(rest.kept)))
        predicted, motion = held.shaped(outcome.map(held.y)), held.motion.fresh()
        if held.moving:
            motion.begin(predicted, held.seen, coarse=False)
        else:
            motion.rest(held.seen)
        return float(clipped(motion.errors(predicted, held.seen), state.cut).square().mean())

    return min(models, key=error)


def _told(pairs: Pairs, state: State, outcome: Outcome) -> Unscrambler:
    """The value: displacements and worth of all pairs, those that were given up too."""
    y, clear = (part.to(state.y.device) for part in pairs.rows())
    seen, predicted = state.shaped(clear), state.shaped(outcome.map(y))
    motion = _of_all(state, outcome.motion, predicted, seen)
    share = unexplained(seen, motion.errors(predicted, seen), motion.inside(seen), state.group)
    # some are found out too late to be left out, when all else is known
    fine = state.kept & trusted(share) if state.settings.robust else state.kept
    trust = torch.where(fine, (1 - share).clamp(0, 1), torch.zeros_like(share))
    home = pairs.clear.device
    height, width = pairs.scrambled.shape[2:]
    return Unscrambler(
        _moved(outcome.map, home),
        (height, width),
        state.size,
        SolveInfo(state.rounds + outcome.rounds, outcome.change < state.settings.tol, outcome.change),
        pairs.keys,
        motion.v.reshape(-1, state.group, 2).double().to(home),
        trust.double().to(home),
    )


def _of_all(state: State, motion: Motion, predicted: torch.Tensor, seen: torch.Tensor) -> Motion:
    """The displacements of all pairs: those of the kept ones, and of the others as near as can be told."""
    if bool(state.kept.all()):
        return motion
    samples = state.kept.repeat_interleave(state.group)
    lost = motion.fresh()
    lost.begin(predicted[~samples], seen[~samples], coarse=False)
    return motion.joined(lost, samples)


def _moved(made: LinearMap, device: torch.device) -> LinearMap:
    held: Any = made
    parts = {field.name: getattr(held, field.name) for field in fields(held)}
    moved: LinearMap = replace(held, **{n: p.to(device) for n, p in parts.items() if isinstance(p, torch.Tensor)})
    return moved
