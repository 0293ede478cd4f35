"""The test function that `conformance` makes, and its marks."""

from __future__ import annotations

import pytest

from otframe.testing import OpenRegistry, Violation, conformance


@pytest.fixture
def found(wrong):
    """The parameters of the conformance test of a plugin with two wrong components, by id, and the test itself."""
    registry = OpenRegistry()
    registry.add("wrong.changes", wrong.Changes)
    registry.add("wrong.raises", wrong.Raises)
    known = {"wrong.raises-*": "not written yet", "*-inputs_kept": "works in place"}
    test = conformance("test", registry=registry, known=known)
    parameters = {parameter.id: parameter for parameter in test.pytestmark[0].args[1]}
    return test, parameters


def test_a_violation_is_told_in_one_line(found):
    test, parameters = found
    with pytest.raises(pytest.fail.Exception, match="wrong.changes: call changed its input 'image'"):
        test(*parameters["wrong.changes-inputs_kept"].values)


def test_a_component_that_raises_is_told_with_its_traceback(found):
    test, parameters = found
    with pytest.raises(Violation, match="raised RuntimeError: no matrix") as caught:
        test(*parameters["wrong.raises-runs"].values)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_what_cannot_be_looked_at_is_skipped(found):
    test, parameters = found
    with pytest.raises(pytest.skip.Exception, match="does not run: no matrix"):
        test(*parameters["wrong.raises-repeats"].values)


def test_known_deviations_are_strict(found):
    _, parameters = found
    (mark,) = parameters["wrong.changes-inputs_kept"].marks
    assert mark.kwargs == {"reason": "works in place", "strict": True}
    assert parameters["wrong.changes-runs"].marks == ()
    assert all(parameter.marks for key, parameter in parameters.items() if key.startswith("wrong.raises"))
