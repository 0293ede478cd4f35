"""`Subject`: the component under test, its examples, and calling its verbs as the engine does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch

from otframe.errors import DataError, OtframeError
from otframe.interfaces import Accumulator, Component, Context, Model, ModelPool, current_pool
from otframe.ports import Signature, signature, verbs
from otframe.registry import Registry
from otframe.testing.arguments import Plan, plans
from otframe.testing.samples import Sample, samples
from otframe.testing.violation import Violation
from otframe.values import Image

__all__ = ["Subject", "Trial", "Untested"]

Inputs = list[dict[str, Any]]
_FOLDED = 3


class Untested(Exception):  # noqa: N818 - no error: another check tells what is wrong
    """A check that has nothing to look at, as the component does not run at all."""


@dataclass(frozen=True)
class Subject:
    """A component, whose name is told in every message."""

    name: str
    cls: type[Component]
    registry: Registry
    pool: ModelPool = field(default_factory=ModelPool)
    _refusals: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def examples(self) -> list[Component]:
        """The component's examples; none for a model that cannot be made without a file and gives none."""
        own = self.cls.examples.__func__ is not Component.examples.__func__  # type: ignore[attr-defined]
        needs = [name for name, found in self.cls.model_fields.items() if found.is_required()]
        if needs and not own:
            if issubclass(self.cls, Model):
                return []
            raise Violation(
                f"{self.name}: parameters {', '.join(needs)} have no default, so the class must give examples()"
            )
        try:
            found = self.cls.examples()
        except Exception as error:
            raise Violation(f"{self.name}: examples() raised {type(error).__name__}: {error}") from error
        wrong = [example for example in found if not isinstance(example, self.cls)]
        if wrong:
            raise Violation(f"{self.name}: examples() must give instances of {self.cls.__name__}, got {wrong[0]!r}")
        return found

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """What ports are filled with."""
        return samples(self.registry)

    def trials(self, *, strict: bool = False) -> Iterator[Trial]:
        """Every example with every verb and every choice of samples but those of special samples that it refuses.

        What keeps them from being made is `Untested`; with `strict` a missing sample is told as the `Violation` it is.
        """
        try:
            examples = self.examples
        except Violation as error:
            raise Untested(str(error)) from error
        try:
            for example in examples:
                yield from list(self.trials_of(example))
        except Violation as error:
            if strict:
                raise
            raise Untested(str(error)) from error

    def trials_of(self, example: Component) -> Iterator[Trial]:
        """Every verb of one example with every choice of samples."""
        try:
            signatures = [signature(self.cls, verb) for verb in verbs(self.cls)]
        except OtframeError as error:
            raise Untested(str(error)) from error
        made = tuple(self._made_by(example, signatures))
        known = (*made, *(sample for sample in self.samples if all(sample.hint != own.hint for own in made)))
        for found in signatures:
            for plan in plans(found, known, self.name):
                trial = Trial(self, example, found, plan)
                if not (plan.special and self._refused(trial)):
                    yield trial

    def _refused(self, trial: Trial) -> bool:
        """Whether the component refuses a trial's samples by a `DataError` that says why."""
        key = str(trial)
        if key not in self._refusals:
            try:
                trial.run(trial.inputs())
            except DataError as error:
                self._refusals[key] = bool(error.message.strip())
            except Exception:  # told by the checks that run it
                self._refusals[key] = False
            else:
                self._refusals[key] = False
        return self._refusals[key]

    def _made_by(self, example: Component, signatures: Sequence[Signature]) -> Iterator[Sample]:
        """What one verb of a model gives, another takes: a latent fits the network that made it alone."""
        for found in signatures if isinstance(example, Model) else ():
            if found.fields or found.output is Image:
                continue
            trial = Trial(self, example, found, plans(found, self.samples, self.name)[0])
            yield Sample(f"what {found.verb} gives", found.output, trial.sample)


@dataclass(frozen=True)
class Trial:
    """One verb of one example with one choice of samples. An accumulator folds three items and finishes."""

    subject: Subject
    component: Component
    signature: Signature
    plan: Plan

    @property
    def verb(self) -> str:
        """What the verb is called in messages."""
        return "call" if self.signature.verb == "__call__" else self.signature.verb

    def __str__(self) -> str:
        return f"{self.subject.name}: {self.verb} of {self.component!r} ({self.plan})"

    def inputs(self, seed: int = 0) -> Inputs:
        """New arguments: one set, or three for an accumulator."""
        count = _FOLDED if isinstance(self.component, Accumulator) else 1
        return [self.plan.make(_FOLDED * seed + k) for k in range(count)]

    def run(self, inputs: Inputs, *, seed: int = 0) -> Any:
        """What comes out; whatever the component raises passes."""
        states = [self.call(self.signature.verb, arguments, seed, f"item-{k}") for k, arguments in enumerate(inputs)]
        if not isinstance(self.component, Accumulator):
            return states[0]
        merge, finish = self.component.merge, self.component.finish
        with torch.no_grad():
            state = states[0]
            for other in states[1:]:
                state = merge(state, other)
            return finish(state)

    def call(self, verb: str, arguments: dict[str, Any], seed: int = 0, key: str = "item-0") -> Any:
        """One call of a verb, with what the engine would inject."""
        extra: dict[str, Any] = {}
        if self.signature.takes_ctx:
            extra["ctx"] = Context(seed=seed, node="conformance", key=key, pool=self.subject.pool)
        token = current_pool.set(self.subject.pool)
        try:
            with torch.no_grad():
                return getattr(self.component, verb)(**arguments, **extra)
        finally:
            current_pool.reset(token)

    def sample(self, seed: int) -> Any:
        """What comes out for the arguments of a seed."""
        return self.attempt(self.inputs(seed))

    def attempt(self, inputs: Inputs, *, seed: int = 0) -> Any:
        """What comes out; `Untested` where the component fails on ordinary input, which another check tells."""
        with self.attempting():
            return self.run(inputs, seed=seed)

    @contextlib.contextmanager
    def attempting(self) -> Iterator[None]:
        """`Untested` where what is inside fails."""
        try:
            yield
        except Exception as error:
            raise Untested(f"{self} does not run: {error}") from error
