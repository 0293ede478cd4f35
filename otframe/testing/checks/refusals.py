"""Input that cannot be used is refused by a typed error that says why; nothing is swallowed or spread silently."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otframe.errors import OtframeError
from otframe.interfaces import Solver, Stream
from otframe.ports import Port
from otframe.testing.arguments import gathered
from otframe.testing.snapshot import difference, snapshot
from otframe.testing.subject import Inputs, Subject, Trial
from otframe.testing.variants import first_replaced, other_dimension, smallest, spoiled, spoilt_share
from otframe.testing.violation import Violation
from otframe.values import GaussianLaw, PointCloud

__all__ = ["dimension", "empty", "nan"]

_SLACK = 1.5
_REFUSED = object()
_MEASURES = (GaussianLaw, PointCloud)


def empty(subject: Subject) -> None:
    """Nothing to gather is a typed error; a single pixel, patch or point gives a finite result or one."""
    for trial in subject.trials():
        trial.attempt(trial.inputs())
        for name, port in trial.plan.ports.items():
            if port.gather == "one":
                continue
            inputs = trial.inputs()
            inputs[0][name] = gathered(port, {})
            if _answer(trial, inputs, f"nothing on port '{name}'") is not _REFUSED:
                raise Violation(f"{subject.name}: {trial.verb} gives a result of nothing on port '{name}'; refuse it")
        inputs = [
            {**arguments, **{name: _small(port, arguments[name]) for name, port in trial.plan.ports.items()}}
            for arguments in trial.inputs()
        ]
        made = _answer(trial, inputs, "the smallest inputs")
        if made is not _REFUSED and spoilt_share(made) > 0:
            raise Violation(f"{subject.name}: {trial.verb} gives NaN for the smallest inputs; refuse them")


def _small(port: Port, value: Any) -> Any:
    if port.gather == "one":
        return smallest(value)
    return gathered(port, {key: smallest(item) for key, item in _items(value)})


def nan(subject: Subject) -> None:
    """A NaN is refused, or stays where it is: one NaN pixel gives one, never none and never more.

    A component that does not look at the value at all may give what it gives without a NaN.
    """
    for trial in subject.trials():
        clean = snapshot(trial.attempt(trial.inputs()))
        for name, argument in trial.inputs()[0].items():
            bad = spoiled(_first(argument))
            if bad is None:
                continue
            inputs = trial.inputs()
            inputs[0][name] = first_replaced(argument, bad)
            made = _answer(trial, inputs, f"a NaN on port '{name}'")
            if made is _REFUSED:
                continue
            share = spoilt_share(made)
            if share == 0 and difference(clean, snapshot(made)):
                raise Violation(f"{subject.name}: {trial.verb} gives a finite result for a NaN on port '{name}'")
            if share > _SLACK * spoilt_share(bad):
                raise Violation(
                    f"{subject.name}: {trial.verb} spreads a NaN on port '{name}' over its result; "
                    "refuse it (DataError)"
                )


def dimension(subject: Subject) -> None:
    """A value of another dimension or size than the others is taken or refused; a solver's measures must agree."""
    for trial in subject.trials():
        trial.attempt(trial.inputs())
        for name, argument in trial.inputs()[0].items():
            for changed in other_dimension(_first(argument)):
                inputs = trial.inputs()
                inputs[0][name] = first_replaced(argument, changed)
                made = _answer(trial, inputs, f"another dimension or size on port '{name}'")
                if made is not _REFUSED and isinstance(trial.component, Solver) and _several_measures(inputs[0]):
                    raise Violation(
                        f"{subject.name}: {trial.verb} takes measures of different dimensions ('{name}' differs); "
                        "refuse them (DataError)"
                    )


def _answer(trial: Trial, inputs: Inputs, given: str) -> Any:
    """What comes out, or that it was refused well."""
    try:
        return trial.run(inputs)
    except OtframeError as error:
        if not error.message.strip():
            raise Violation(f"{trial.subject.name}: {trial.verb} refuses {given} without a word") from error
        return _REFUSED
    except Exception as error:
        raise Violation(
            f"{trial.subject.name}: {trial.verb} raises {type(error).__name__} for {given}: {error}; "
            "raise a DataError that says what was wanted and what came"
        ) from error


def _items(argument: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(argument, Stream):
        yield from argument
    elif isinstance(argument, dict):
        yield from argument.items()
    else:
        yield from ((str(k), value) for k, value in enumerate(argument))


def _first(argument: Any) -> Any:
    if isinstance(argument, (Stream, dict, list)):
        return next(value for _, value in _items(argument))
    return argument


def _several_measures(arguments: dict[str, Any]) -> bool:
    values: list[Any] = []
    for argument in arguments.values():
        gathers = isinstance(argument, (Stream, dict, list))
        values += [item for _, item in _items(argument)] if gathers else [argument]
    return sum(isinstance(value, _MEASURES) for value in values) > 1
