"""The whole alternation: ridge regressions and registrations, the sparse part, other models, and what is told of it."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, fields, replace
from typing import Protocol

import torch

from otframe.interfaces import Context
from otframe.values import LinearMap, SolveInfo
from otframe_unscramble.aligning.assignment import assigned
from otframe_unscramble.aligning.displace import Interpolation
from otframe_unscramble.aligning.forward import MOST, inverse, scrambling
from otframe_unscramble.aligning.held_out import HeldOut
from otframe_unscramble.aligning.motion import Motion
from otframe_unscramble.aligning.sparse import candidates, contrast, sparse_rounds
from otframe_unscramble.aligning.support import Constraint
from otframe_unscramble.aligning.trust import clip_of, trusted, unexplained
from otframe_unscramble.values import Pairs, Unscrambler

__all__ = ["Alternation", "Outcome", "Settings"]

_RIDGES = (0.1, 0.03, 0.01)
"""Of the ridge regressions, in turn: first predictions are blurred, and need not be sharp."""
_GRID = (1.0, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3)
_TRIED = 256
_TAU = 0.05
_DENSE_ROUNDS = 3
_FORWARD_ROUNDS = 2


class Settings(Protocol):
    """The parameters of `unscramble.aligned`."""

    model: str
    slots: int
    facets: int
    constraint: Constraint
    prune: float
    together: bool
    reach: float
    spread: float | None
    warp: float | None
    interpolation: Interpolation
    robust: bool
    assignment: bool
    rounds: int
    tol: float


@dataclass
class Outcome:
    """What a model gave: the map, the mean squared error of predictions, and the displacements that go with it."""

    map: LinearMap
    error: float
    motion: Motion
    rounds: int
    change: float


class Alternation:
    """One fit. Samples of pictures that are given up leave `y` and `seen`; `kept` says which pictures these hold."""

    def __init__(self, pairs: Pairs, settings: Settings, ctx: Context) -> None:
        self.pairs, self.settings, self.ctx = pairs, settings, ctx
        self.device = ctx.device if ctx.device.type != "cpu" else pairs.clear.device
        self.group = pairs.channels
        self.size = (int(pairs.clear.shape[2]), int(pairs.clear.shape[3]))
        y, x = (part.to(self.device) for part in pairs.rows())
        self.all_y, self.all_seen = y, x.reshape(-1, *self.size)
        self.kept = torch.ones(pairs.count, dtype=torch.bool, device=self.device)
        self.y, self.seen = self.all_y, self.all_seen
        self.motion = self._motion()
        self.iterations = 0
        self.error = float("inf")
        self.z = self.seen.flatten(1)

    def learnt(self) -> Unscrambler:
        """Run all parts."""
        self._ridge_part()
        return self._told(self._chosen())

    # first part -------------------------------------------------------------------------------------------------------

    def _ridge_part(self) -> None:
        for number, ridge in enumerate(_RIDGES):
            self._tell(0.1 * number, f"ridge regression {number + 1} of {len(_RIDGES)}")
            self.error = self._ridge_round(ridge, coarse=number == 0)

    def _ridge_round(self, ridge: float, *, coarse: bool) -> float:
        """Predict, give up what is no pair, register, bring back. Gives the mean squared error of predictions."""
        fit = HeldOut(self.y, self.group, ridge)
        predicted = self._held_out(fit)
        self._register(predicted, coarse=coarse)
        if self.settings.robust and coarse:
            share = unexplained(self.seen, self.motion.applied(predicted), self.group)
            fine = trusted(share)
            if not bool(fine.all()) and int(fine.sum()) >= 4:
                self._keep(fine)
                fit = HeldOut(self.y, self.group, ridge)
                self.z = self.seen.flatten(1)
                predicted = self._held_out(fit)
                self._register(predicted, coarse=True)
        moved = self.motion.applied(predicted)
        errors = self.seen - moved
        clip = clip_of(errors) if self.settings.robust else None
        self.z = self.motion.undone(self.seen, predicted, _TAU, clip).flatten(1)
        self.iterations += 1
        return float(errors.square().mean())

    def _held_out(self, fit: HeldOut) -> torch.Tensor:
        return fit.predictions(self.z).reshape(-1, *self.size)

    def _register(self, predicted: torch.Tensor, *, coarse: bool) -> None:
        if self.settings.reach > 0:
            self.motion.begin(predicted, self.seen, coarse=coarse)
            self.motion.centre(self._counted())
        else:
            self.motion.v = torch.zeros(len(self.seen), 2, device=self.device)

    def _keep(self, fine: torch.Tensor) -> None:
        self.kept = self.kept.clone()
        self.kept[self.kept.clone()] = fine
        samples = self.kept.repeat_interleave(self.group)
        self.y, self.seen = self.all_y[samples], self.all_seen[samples]

    # second part ------------------------------------------------------------------------------------------------------

    def _chosen(self) -> Outcome:
        """What the model that was asked for gives, or the best of them."""
        model = self.settings.model
        if model == "dense":
            return self._dense()
        if model == "forward":
            return self._forward()
        sparse = self._sparse()
        # the last predictions of the ridge regression are a bound that few weights must come under
        if model == "sparse" or self.settings.assignment or sparse.error < self.error:
            return sparse
        others = [self._dense()]
        if max(self.y.shape[1], self.z.shape[1]) <= MOST:
            others.append(self._forward())
        return min([sparse, *others], key=lambda outcome: outcome.error)

    def _sparse(self) -> Outcome:
        settings, motion = self.settings, copy(self.motion)
        width = self.y.shape[1]
        self._tell(0.35, "candidates")
        fit = HeldOut(self.y, self.group, _RIDGES[-1])
        begun = candidates(fit, self.z, min(settings.slots, width))
        del fit
        made, z, errors = sparse_rounds(
            self.y,
            self.seen,
            self.z,
            motion,
            begun,
            counted=self._counted(),
            constraint=settings.constraint,
            prune=settings.prune,
            robust=settings.robust,
            moving=settings.reach > 0,
            tol=settings.tol,
            rounds=settings.rounds,
            tell=lambda done, change: self._tell(
                0.35 + 0.6 * done / settings.rounds, f"round {done}: predictions change by {change:.2%}"
            ),
        )
        # few weights were fitted to these very samples
        used = float((made.weights > 0).sum(1).float().mean())
        error = errors * (len(self.y) / max(1.0, len(self.y) - used)) ** 2
        found = assigned(made, self.y, z) if settings.assignment else made.map(width)
        return Outcome(found, error, motion, made.rounds, made.change)

    def _dense(self) -> Outcome:
        begun, z, error = copy(self.motion), self.z, self.error
        change = 1.0
        for number in range(_DENSE_ROUNDS):
            self._tell(0.6 + 0.1 * number, f"ridge regression {len(_RIDGES) + number + 1}")
            before = error
            error = self._ridge_round(self._best_ridge(), coarse=False)
            change = abs(before - error) / max(before, 1e-20)
        found = HeldOut(self.y, self.group, self._best_ridge()).map(self.z)
        outcome = Outcome(found, error, self.motion, _DENSE_ROUNDS, change * 0.5)
        self.motion, self.z = begun, z
        return outcome

    def _forward(self) -> Outcome:
        settings, motion, z = self.settings, copy(self.motion), self.z
        error, change, before = 0.0, 1.0, None
        for number in range(_FORWARD_ROUNDS + 1):
            self._tell(0.6 + 0.1 * number, "what scrambles")
            rows, left = scrambling(self.y, z, self.group, settings.facets)
            found = inverse(rows, left, z, self.size)
            predicted = found(self.y).reshape(-1, *self.size)
            if settings.reach > 0:
                motion.improve(predicted, self.seen)
                motion.centre(self._counted())
            errors = self.seen - motion.applied(predicted)
            error = float(errors.square().mean())
            clip = clip_of(errors) if settings.robust else None
            z = motion.undone(self.seen, predicted, _TAU, clip).flatten(1)
            if before is not None:
                change = float((predicted - before).square().mean().sqrt() / contrast(predicted))
            before = predicted
        return Outcome(found, error, motion, _FORWARD_ROUNDS + 1, change)

    def _best_ridge(self) -> float:
        """The ridge whose predictions err least, on some pixels."""
        step = max(1, self.z.shape[1] // _TRIED)
        some = self.z[:, ::step].contiguous()
        best = (float("inf"), _GRID[0])
        for ridge in _GRID:
            missed = HeldOut(self.y, self.group, ridge).predictions(some) - some
            now = float(missed.square().mean())
            if now > best[0]:
                break
            best = (now, ridge)
        return best[1]

    # the end ----------------------------------------------------------------------------------------------------------

    def _told(self, outcome: Outcome) -> Unscrambler:
        """The value: displacements and worth of all pairs, those that were given up too."""
        settings = self.settings
        predicted = outcome.map(self.all_y).reshape(-1, *self.size)
        v = torch.zeros(len(self.all_y), 2, device=self.device)
        samples = self.kept.repeat_interleave(self.group)
        v[samples] = outcome.motion.v
        home = self.pairs.clear.device
        if settings.reach > 0 and not bool(self.kept.all()):
            lost = self._motion()
            lost.begin(predicted[~samples], self.all_seen[~samples], coarse=False)
            v[~samples] = lost.v
        share = self._shares(outcome, predicted, samples, v)
        trust = torch.where(self.kept, (1 - share).clamp(0, 1), torch.zeros_like(share))
        info = SolveInfo(self.iterations + outcome.rounds, outcome.change < settings.tol, outcome.change)
        return Unscrambler(
            _moved(outcome.map, home),
            self.pairs.scrambled.shape[2:],
            self.size,
            info,
            self.pairs.keys,
            v.reshape(-1, self.group, 2).double().to(home),
            trust.double().to(home),
        )

    def _shares(
        self, outcome: Outcome, predicted: torch.Tensor, samples: torch.Tensor, v: torch.Tensor
    ) -> torch.Tensor:
        whole = self._motion()
        whole.v = v
        moved = whole.applied(predicted)
        moved[samples] = outcome.motion.applied(predicted[samples])
        return unexplained(self.all_seen, moved, self.group)

    def _motion(self) -> Motion:
        settings = self.settings
        return Motion(
            self.group,
            settings.together,
            settings.reach,
            settings.spread,
            settings.interpolation,
            settings.warp,
        )

    def _counted(self) -> torch.Tensor:
        return torch.ones(len(self.seen), dtype=torch.bool, device=self.device)

    def _tell(self, share: float, what: str) -> None:
        self.ctx.progress(share, what)


def _moved(made: LinearMap, device: torch.device) -> LinearMap:
    parts = {field.name: getattr(made, field.name) for field in fields(made)}  # type: ignore[arg-type]
    return replace(made, **{n: p.to(device) for n, p in parts.items() if isinstance(p, torch.Tensor)})  # type: ignore[type-var]
