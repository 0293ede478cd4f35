"""The merge laws of accumulators."""

from __future__ import annotations

from typing import Any

from otframe.interfaces import Accumulator
from otframe.testing.snapshot import difference, snapshot
from otframe.testing.subject import Subject, Trial
from otframe.testing.violation import Violation

__all__ = ["merge_associative", "states_kept"]

ROUNDING = 1e-6
"""How far two groupings may differ, of the largest number: float32 sums of many terms."""


def merge_associative(subject: Subject) -> None:
    """`merge(merge(a, b), c)` finishes as `merge(a, merge(b, c))` does, up to rounding."""
    for trial in subject.trials():
        fold = _fold(trial)
        with trial.attempting():
            a, b, c = _states(trial)
            left = fold.finish(fold.merge(fold.merge(a, b), c))
            a, b, c = _states(trial)
            right = fold.finish(fold.merge(a, fold.merge(b, c)))
        told = difference(snapshot(left), snapshot(right), rtol=ROUNDING)
        if told:
            raise Violation(f"{subject.name}: merge is not associative: (a b) c and a (b c) differ: {told}")


def states_kept(subject: Subject) -> None:
    """`merge` and `finish` leave the states that they are given as they were."""
    for trial in subject.trials():
        fold = _fold(trial)
        with trial.attempting():
            a, b, _ = _states(trial)
            before = snapshot({"a": a, "b": b})
            merged = fold.merge(a, b)
        for name, state in (("a", a), ("b", b)):
            told = difference(before[name], snapshot(state))
            if told:
                raise Violation(f"{subject.name}: merge changed its argument '{name}': {told}")
        before = snapshot(merged)
        with trial.attempting():
            fold.finish(merged)
        told = difference(before, snapshot(merged))
        if told:
            raise Violation(f"{subject.name}: finish changed the state: {told}")


def _fold(trial: Trial) -> Accumulator:
    assert isinstance(trial.component, Accumulator)
    return trial.component


def _states(trial: Trial) -> list[Any]:
    """Fresh states of three items, equal at each call."""
    return [trial.call("lift", arguments, key=f"item-{k}") for k, arguments in enumerate(trial.inputs())]
