"""Special samples of a type may be refused, with words and a `DataError`; plain ones, and other types, may not."""

from __future__ import annotations

from typing import ClassVar, TypeVar

import pytest

from otframe.errors import DataError
from otframe.interfaces import Transform
from otframe.testing import OpenRegistry, Violation, cases
from otframe.testing.subject import Untested
from otframe.values import Density, PointCloud, Scalar

M = TypeVar("M", PointCloud, Density)


class Spread(Transform):
    """The number of points, for those that are refused by no rule."""

    refuses: ClassVar = staticmethod(lambda measure: False)
    error: ClassVar[type[Exception]] = DataError
    why: ClassVar[str] = "points of equal weight are wanted"

    def __call__(self, measure: M) -> Scalar:
        """How many there are."""
        if type(self).refuses(measure):
            raise self.error(self.why)
        held = measure.points if isinstance(measure, PointCloud) else measure.mass
        if not held.isfinite().all():
            raise DataError("finite points are wanted")
        return Scalar(float(len(held)))


def weighted(measure):
    return isinstance(measure, PointCloud) and measure.weights is not None


class Uniform(Spread):
    """Takes no weights, and says so."""

    refuses = staticmethod(weighted)


class Mute(Uniform):
    """Takes no weights, and does not say so."""

    why = " "


class Crashing(Uniform):
    """Takes no weights, and fails."""

    error = ValueError


class Plain(Spread):
    """Takes weights alone."""

    refuses = staticmethod(lambda measure: isinstance(measure, PointCloud) and measure.weights is None)


class OneType(Spread):
    """Says that it takes densities."""

    refuses = staticmethod(lambda measure: isinstance(measure, Density))


def failing(cls):
    registry = OpenRegistry()
    registry.add("special.count", cls)
    found = set()
    for case in cases("test", registry):
        try:
            case.run()
        except Untested:
            pass
        except Violation:
            found.add(case.check)
    return found


def test_weights_may_be_refused():
    assert "runs" not in failing(Uniform)


@pytest.mark.parametrize("cls", [Mute, Crashing, Plain, OneType])
def test_nothing_else_may_be_refused(cls):
    assert "runs" in failing(cls)
