"""Which checks a component gets: those of every component, those of its kind, and one for each truth it promises."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial

from otframe.interfaces import Accumulator, Component, Model, Solver, Transform
from otframe.testing.checks import accumulators, devices, models, promises, refusals, solvers
from otframe.testing.checks import all as every
from otframe.testing.subject import Subject
from otframe.testing.violation import Violation

__all__ = ["checks_for"]

Check = Callable[[Subject], None]

_STATIC: dict[str, Check] = {
    "ports": every.ports,
    "documented": every.documented,
    "examples": every.examples,
    "round_trip": every.round_trip,
}
_EVERY: dict[str, Check] = {
    "runs": every.runs,
    "inputs_kept": every.inputs_kept,
    "repeats": every.repeats,
    "device_kept": devices.device_kept,
    "empty": refusals.empty,
    "nan": refusals.nan,
    "dimension": refusals.dimension,
}
_BY_KIND: dict[type[Component], dict[str, Check]] = {
    Solver: {"marginals": solvers.marginals},
    Accumulator: {"merge_associative": accumulators.merge_associative, "states_kept": accumulators.states_kept},
    Model: {"any_size": models.any_size, "pooled": models.pooled},
    Transform: {},
}
_KINDS: dict[str, type[Component]] = {
    "solver": Solver,
    "accumulator": Accumulator,
    "model": Model,
    "transform": Transform,
}


def checks_for(subject: Subject, kind: str) -> dict[str, Check]:
    """The checks of a component by name; `kind` is what its entry says. One without examples is only looked at."""
    cls = subject.cls
    found: dict[str, Check] = {"kind": partial(_kind, kind), **_STATIC}
    with contextlib.suppress(Violation):  # what is wrong with the examples, `examples` tells
        if not subject.examples:
            return found
    found.update(_EVERY)
    for base, checks in _BY_KIND.items():
        if issubclass(cls, base):
            found.update(checks)
    found.update({f"promise {text}": partial(promises.kept, text) for text in cls.promises})
    return found


def _kind(kind: str, subject: Subject) -> None:
    """The entry says what the component is."""
    is_fold = kind == "transform" and issubclass(subject.cls, Accumulator)
    if is_fold or not issubclass(subject.cls, _KINDS[kind]):
        raise Violation(f"{subject.name}: its entry says '{kind}', but {subject.cls.__name__} is no {kind}")
