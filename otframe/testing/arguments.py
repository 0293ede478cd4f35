"""Arguments for a verb's ports, made from its type hints: which samples fit, type variables and gathering included."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from otframe.interfaces import Stream
from otframe.ports import Port, Signature, describe, substitute, unify
from otframe.testing.samples import Sample
from otframe.testing.violation import Violation

__all__ = ["ITEMS", "Listed", "Plan", "gathered", "plans"]

ITEMS = ("a", "b", "c")
"""Keys of what gathering ports are given."""

_PLAIN: tuple[Any, ...] = (
    *(0.5, 1, 2, 3, 5, 16, 0, -1, "a", "image"),
    *((0.5,), (1,), ("a",), (1, 2), (0.25, 0.75), ("a", "b"), (1, 2, 3), (0.2, 0.3, 0.5), ("a", "b", "c")),
    *({"a": 0.5}, {"a": 1}, {"a": "a"}),
)
"""Values for plain ports; the first that the port's hint and limits accept is given."""


class Listed(Stream[Any]):
    """A stream of values that are there."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = dict(values)

    def keys(self) -> tuple[str, ...]:
        """The keys, in order."""
        return tuple(self.values)

    def __getitem__(self, key: str) -> Any:
        return self.values[key]


@dataclass(frozen=True)
class Plan:
    """One choice of samples for the ports of a verb.

    Parameters
    ----------
    chosen : mapping
        The sample of each port that is filled.
    ports : mapping
        These ports.
    output : type
        What the verb promises under this choice.
    nothing : tuple of str
        Ports without a default that are handed None.
    special : bool
        Whether the samples are of the plain choice's types or derived from another sample's, and only other examples
        of them, which may be refused.
    """

    chosen: Mapping[str, Sample]
    ports: Mapping[str, Port]
    output: Any
    nothing: tuple[str, ...] = ()
    special: bool = False

    def make(self, seed: int) -> dict[str, Any]:
        """New arguments by port; the same for the same seed, no two ports alike."""
        absent = dict.fromkeys(self.nothing)
        return {**absent, **{name: self.port(name, 100 * seed + 7 * k) for k, name in enumerate(self.chosen)}}

    def port(self, name: str, seed: int) -> Any:
        """A new argument of one port."""
        sample, port = self.chosen[name], self.ports[name]
        if port.gather == "one":
            return sample.make(seed)
        return gathered(port, {key: sample.make(seed + k) for k, key in enumerate(ITEMS)})

    def __str__(self) -> str:
        return ", ".join(f"{name}: {sample.name}" for name, sample in self.chosen.items()) or "no arguments"


def gathered(port: Port, values: Mapping[str, Any]) -> Any:
    """Values as a gathering port takes them."""
    if port.gather == "sequence":
        return list(values.values())
    return Listed(values) if port.gather == "stream" else dict(values)


def plans(signature: Signature, samples: Sequence[Sample], owner: str) -> list[Plan]:
    """The plain choice, and for each port every other sample that fits it; `Violation` where none fits.

    Ports with a default are left to it, and filled once more together where samples fit.
    """
    needed = [port for port in signature.inputs if port.required]
    first, counts = _choose(needed, {}, samples, signature, owner)
    found = [first]
    for index, count in enumerate(counts):
        others = [_choose(needed, {index: k}, samples, signature, owner)[0] for k in range(1, count)]
        found += [replace(plan, special=_special(plan, first, samples)) for plan in others]
    if len(needed) < len(signature.inputs):
        with contextlib.suppress(Violation):  # nothing may fit an optional port
            found.append(_choose(signature.inputs, {}, samples, signature, owner)[0])
    return found


def _special(plan: Plan, first: Plan, samples: Sequence[Sample]) -> bool:
    """Whether a choice has other examples of the first one's types, or of types derived from those of other samples."""
    return all(
        sample.hint == first.chosen[name].hint or any(_derived(sample.hint, other.hint) for other in samples)
        for name, sample in plan.chosen.items()
    )


def _derived(hint: Any, base: Any) -> bool:
    return hint is not base and isinstance(hint, type) and isinstance(base, type) and issubclass(hint, base)


def _choose(
    ports: Sequence[Port], pick: Mapping[int, int], samples: Sequence[Sample], signature: Signature, owner: str
) -> tuple[Plan, list[int]]:
    chosen: dict[str, Sample] = {}
    counts: list[int] = []
    bindings: Mapping[Any, Any] = {}
    for index, port in enumerate(ports):
        fitting = [(_plain(port, owner), bindings)] if port.plain else list(_fitting(port, samples, bindings))
        if not fitting:
            raise Violation(
                f"{owner}: there is no sample of {describe(port.hint)} for port '{port.name}' of {signature.verb}; "
                "offer one through the hook otframe_samples"
            )
        chosen[port.name], bindings = fitting[min(pick.get(index, 0), len(fitting) - 1)]
        counts.append(len(fitting))
    nothing = tuple(port.name for port in signature.inputs if port.bare and port.optional and port.name not in chosen)
    plan = Plan(chosen, {port.name: port for port in ports}, substitute(signature.output, bindings), nothing)
    return plan, counts


def _fitting(
    port: Port, samples: Sequence[Sample], bindings: Mapping[Any, Any]
) -> Iterator[tuple[Sample, Mapping[Any, Any]]]:
    for sample in samples:
        found = unify(port.hint, sample.hint, bindings)
        if found is not None:
            yield sample, found


def _plain(port: Port, owner: str) -> Sample:
    check = TypeAdapter(port.check)
    for value in (*_literals(port.hint), *_PLAIN):
        try:
            accepted = check.validate_python(value)
        except ValidationError:
            continue
        return Sample(repr(accepted), port.hint, _always(accepted))
    raise Violation(
        f"{owner}: no plain value is known that port '{port.name}' takes ({describe(port.hint)}); give it a default"
    )


def _literals(hint: Any) -> tuple[Any, ...]:
    return tuple(arm for arm in get_args(hint) if isinstance(arm, (str, int, float, bool)))


def _always(value: Any) -> Callable[[int], Any]:
    return lambda seed: value
