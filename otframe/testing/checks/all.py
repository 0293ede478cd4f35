"""What every component must do: ports, documentation, parameters, and calls that leave no trace."""

from __future__ import annotations

import contextlib
import inspect
import json
import random
import re
from collections.abc import Iterator
from typing import Any, get_args

import numpy as np
import torch

from otframe.errors import OtframeError
from otframe.graph import build_component, describe_component
from otframe.interfaces import Model, Solver
from otframe.ports import describe, is_plain, signature, verbs
from otframe.run.call import fits
from otframe.testing.snapshot import difference, snapshot, tensors
from otframe.testing.subject import Subject, Untested
from otframe.testing.violation import Violation
from otframe.values import Value

__all__ = ["documented", "examples", "inputs_kept", "ports", "repeats", "round_trip", "runs"]

_KEY = re.compile(r"[a-z]+(?:1[6-9]|20)\d\d[a-z]+")
_CITED = re.compile(rf"\[({_KEY.pattern})\]_")


def ports(subject: Subject) -> None:
    """Every verb's ports and result are values, models or plain things, told by its type hints."""
    names = verbs(subject.cls)
    if not names:
        raise Violation(f"{subject.name}: it has no verb; a model marks its own with @verb")
    for verb in names:
        try:
            found = signature(subject.cls, verb)
        except OtframeError as error:
            raise Violation(f"{subject.name}: {error.message}") from error
        for label, hint in [
            *((f"port '{port.name}' of {verb}", port.hint) for port in found.inputs),
            *((f"the result of {verb}", hint) for hint in (found.fields.values() or (found.output,))),
        ]:
            if not _flows(hint):
                raise Violation(
                    f"{subject.name}: {label} is {describe(hint)}, which flows on no wire: "
                    "use a value, a model or a plain type"
                )


def _flows(hint: Any) -> bool:
    if is_plain(hint):
        return True
    if isinstance(hint, type):
        return issubclass(hint, Value | Model)
    if getattr(hint, "__bound__", None) is not None:
        return _flows(hint.__bound__)
    arms = getattr(hint, "__constraints__", ()) or get_args(hint)
    origin = getattr(hint, "__origin__", None)
    if isinstance(origin, type) and issubclass(origin, Value):
        return True
    return bool(arms) and all(_flows(arm) for arm in arms)


def documented(subject: Subject) -> None:
    """The class, its verbs and its parameters are explained, and works are cited by key; a solver cites one."""
    cls = subject.cls
    if not cls.__dict__.get("__doc__"):
        raise Violation(f"{subject.name}: its class {cls.__name__} has no docstring")
    for verb in verbs(cls):
        if not inspect.getdoc(getattr(cls, verb, None)):
            raise Violation(f"{subject.name}: {verb} has no docstring")
    for name, field in cls.model_fields.items():
        if not field.description:
            raise Violation(f"{subject.name}: parameter '{name}' has no docstring: write a text under it")
    for key in cls.references:
        if not _KEY.fullmatch(key):
            raise Violation(f"{subject.name}: reference '{key}' is no key such as gelbrich1990formula")
    missing = sorted(set(_CITED.findall(cls.__doc__ or "")) - set(cls.references))
    if missing:
        raise Violation(f"{subject.name}: its docstring cites {', '.join(missing)}, which `references` does not list")
    if issubclass(cls, Solver) and not cls.references:
        raise Violation(f"{subject.name}: a solver names the work that its method is from in `references`")


def examples(subject: Subject) -> None:
    """`examples()` gives instances; a component without weights has some."""
    if not subject.examples and not issubclass(subject.cls, Model):
        raise Violation(f"{subject.name}: examples() is empty; only a model that needs a file may have none")


def round_trip(subject: Subject) -> None:
    """Parameters are frozen, refuse unknown names, and come back from what a pipeline file holds."""
    config = subject.cls.model_config
    if not config.get("frozen"):
        raise Violation(f"{subject.name}: its parameters can be changed; keep frozen=True in model_config")
    if config.get("extra") != "forbid":
        raise Violation(f'{subject.name}: it takes unknown parameters silently; keep extra="forbid" in model_config')
    try:
        found = subject.examples
    except Violation as error:
        raise Untested(str(error)) from error
    for example in found:
        told = describe_component(example, subject.registry).get("with", {})
        try:
            back = build_component(subject.registry, subject.name, json.loads(json.dumps(told)))
        except OtframeError as error:
            raise Violation(f"{subject.name}: {example!r} is written as {told}, which is refused: {error}") from error
        if back != example:
            raise Violation(f"{subject.name}: {example!r} is written as {told} and read as {back!r}")


def runs(subject: Subject) -> None:
    """Each example runs on samples and gives what its hints promise, finite."""
    for trial in subject.trials(strict=True):
        try:
            inputs = trial.inputs()
        except Untested:
            continue  # another verb, which makes them, is told to fail
        try:
            made = trial.run(inputs)
        except Exception as error:
            raise Violation(f"{trial} raised {type(error).__name__}: {error}") from error
        if not fits(made, trial.plan.output):
            raise Violation(f"{trial} promises {describe(trial.plan.output)} and gave {type(made).__name__}")
        for path, tensor in tensors(made):
            if tensor.is_floating_point() and not torch.isfinite(tensor).all():
                raise Violation(f"{trial} gave {path} with NaN or infinity for finite input")


def inputs_kept(subject: Subject) -> None:
    """A call changes neither its inputs nor the component."""
    for trial in subject.trials():
        inputs = trial.inputs()
        before = snapshot(inputs)
        component = snapshot(trial.component)
        trial.attempt(inputs)
        for k, arguments in enumerate(inputs):
            for name, value in arguments.items():
                told = difference(before[str(k)][name], snapshot(value))
                if told:
                    raise Violation(f"{subject.name}: {trial.verb} changed its input '{name}': {told}")
        told = difference(component, snapshot(trial.component))
        if told:
            raise Violation(f"{subject.name}: {trial.verb} changed the component itself: {told}")


def repeats(subject: Subject) -> None:
    """The same inputs and seed give the same bits, whatever ran before and whatever the global seeds are."""
    for trial in subject.trials():
        with _global_seed(1):
            first = snapshot(trial.attempt(trial.inputs()))
        trial.attempt(trial.inputs(1))
        with _global_seed(2):
            again = snapshot(trial.attempt(trial.inputs()))
        told = difference(first, again)
        if told:
            raise Violation(
                f"{subject.name}: {trial.verb} gives something else when it is called again with the same inputs and "
                f"seed: {told}; draw from ctx.rng, and keep no state"
            )


@contextlib.contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    """The global generators, which a component may draw from by mistake, at a seed; as they were afterwards."""
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        random.setstate(states[1])
        np.random.set_state(states[2])
