"""The bases of components. A component's fields are its parameters; its verb's own type hints are its ports."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

__all__ = ["Accumulator", "Component", "Solver", "Transform"]


class Component(BaseModel):
    """Frozen parameters with typed verbs. Holds no state that a call changes.

    `references` are keys into `docs/references.bib`. `promises` are the truths that the conformance kit holds it to:
    `identity`, `translation`, `gaussian`, `sorting`, `assignment`, `permutation`, `symmetry`, `scaling`, `dirac`,
    `gradient`, `quantiles`, `inverse:patch.fold` (see `otframe.testing`).
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False, use_attribute_docstrings=True
    )

    references: ClassVar[tuple[str, ...]] = ()
    promises: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def examples(cls) -> list[Component]:
        """Instances that conformance tests run with; the defaults where they suffice."""
        return [cls()]


class Solver(Component):
    """Finds a transport or a measure: `solve(self, ...ports) -> Transport`.

    `carries` is what its affine maps, if it gives any, carry to the target: `mean`, `cov`, `variances`.
    """

    carries: ClassVar[tuple[str, ...]] = ("mean", "cov")


class Transform(Component):
    """Makes a value of values: `__call__(self, ...ports) -> value`, or a NamedTuple of values."""


class Accumulator(Transform):
    """Folds a stream: `lift(self, ...ports) -> S`, `merge(self, a: S, b: S) -> S`, `finish(self, s: S) -> value`.

    `merge` is associative up to rounding and changes neither argument; the engine folds in key order.
    """

    def lift(self, *ports: Any, **named: Any) -> Any:
        """The state of one item."""
        raise NotImplementedError(f"{type(self).__name__} has no lift")

    def merge(self, a: Any, b: Any) -> Any:
        """The state of two states' items together."""
        raise NotImplementedError(f"{type(self).__name__} has no merge")

    def finish(self, s: Any) -> Any:
        """The value of a state."""
        raise NotImplementedError(f"{type(self).__name__} has no finish")
