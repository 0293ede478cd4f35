"""Each wrong component fails the check that it is made for, with a message that says so, and no other."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
import torch

from otframe.plugin import Entry
from otframe.registry import Plugin
from otframe.testing import OpenRegistry, Violation, cases
from otframe.testing.subject import Untested
from otframe.values import Value

WRONG = {
    "SaysSolver": ("kind", "its entry says 'solver', but SaysSolver is no solver"),
    "Untyped": ("ports", "the result of __call__ is object, which flows on no wire"),
    "Unmarked": ("ports", "Unmarked.restore: port 'image' has no type hint"),
    "Undocumented": ("documented", "parameter 'offset' has no docstring"),
    "Uncited": ("documented", "cites gelbrich1990formula, which `references` does not list"),
    "NoExamples": ("examples", "parameters factor have no default, so the class must give examples"),
    "Tolerant": ("round_trip", "takes unknown parameters silently"),
    "Raises": ("runs", "call of Raises.* raised RuntimeError: no matrix"),
    "Liar": ("runs", "promises Image and gave Scalar"),
    "Changes": ("inputs_kept", "call changed its input 'image': pixels differs by up to"),
    "Unseeded": ("repeats", "again with the same inputs and seed: pixels differs"),
    "Forgets": ("device_kept", "gives pixels on cpu for inputs on"),
    "Mixes": ("device_kept", "fails for inputs on another device: RuntimeError: Expected all tensors"),
    "TakesNothing": ("empty", "raises ZeroDivisionError for nothing on port 'images'"),
    "Spreads": ("nan", "spreads a NaN on port 'image'"),
    "Swallows": ("nan", "gives a finite result for a NaN on port 'image'"),
    "AnySizes": ("dimension", "raises RuntimeError for another dimension or size on port 'a'"),
    "AnyDimensions": ("dimension", "takes measures of different dimensions"),
    "MeansOnly": ("marginals", "does not carry the source to the target: cov differs"),
    "Stretch": ("promise identity", "identity: the moved points differs"),
    "Cheap": ("promise translation", r"translation: the cost is 7.125, must be 14.25"),
    "NotGaussian": ("promise gaussian", "gaussian: the moved points differs"),
    "NotSorting": ("promise sorting", "sorting: the moved points differs"),
    "NotAssigning": ("promise assignment", "assignment: the moved points differs"),
    "Magic": ("promise magic", "which is no truth; there are identity, "),
    "NotApplicable": ("promise gaussian", "says nothing about what its ports take"),
    "NotInverse": ("promise inverse:wrong.right", "wrong.right does not turn its result back"),
    "MeanOfMeans": ("merge_associative", r"merge is not associative: \(a b\) c and a \(b c\) differ: number is"),
    "MergesInPlace": ("states_kept", "merge changed its argument 'a'"),
    "FinishesInPlace": ("states_kept", "finish changed the state"),
    "LargeOnly": ("any_size", r"restore of an image \(C, H, W\) = \(3, 1, 1\) is refused"),
    "LosesAlpha": ("any_size", "loses the alpha"),
    "LoadsItself": ("pooled", "loaded its network 4 times in three calls"),
}
BASES = ("Right", "Shift", "Mean")
RIGHT = (
    "Cells", "Blur", "Halves", "Streamed", "Labelled", "Masked", "Plain", "Generic", "Either", "White", "Constant",
    "Uses", "Names", "Wrapped", "Rough", "Exact",
)  # fmt: skip


def failing(name, cls, **options):
    """Every check of a component that fails, with its message."""
    registry = OpenRegistry()
    registry.add(name, cls, **options)
    return told(registry, "test", name)


def told(registry, plugin, name):
    found = {}
    for case in cases(plugin, registry):
        if case.component == name:
            try:
                case.run()
            except Untested:
                pass
            except Violation as error:
                found[case.check] = str(error)
    return found


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_component_fails_its_check_alone(name, wrong):
    check, message = WRONG[name]
    registry = OpenRegistry()
    registry.add("wrong.right", wrong.Right, plugin="others")
    registry.add(f"wrong.{name}", getattr(wrong, name), kind="solver" if name == "SaysSolver" else None)
    found = told(registry, "test", f"wrong.{name}")
    assert list(found) == [check], found
    assert found[check].startswith(f"wrong.{name}")
    assert re.search(message, found[check]), found[check]


@pytest.mark.parametrize("name", BASES)
def test_what_the_wrong_ones_derive_from_passes(name, wrong):
    assert failing(f"wrong.{name}", getattr(wrong, name)) == {}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_component_passes(name, right):
    registry = OpenRegistry()
    registry.add("right.Halves", right.Halves, plugin="others")
    registry.add(f"right.{name}", getattr(right, name))
    found = [case for case in cases("test", registry) if case.component == f"right.{name}"]
    for case in found:
        case.run()  # neither `Violation` nor `Untested`
    assert len(found) > 10 or name == "Halves"


def test_every_check_has_a_wrong_component(wrong):
    registry = OpenRegistry()
    for name in (*WRONG, *BASES):
        registry.add(f"wrong.{name}", getattr(wrong, name), kind="solver" if name == "SaysSolver" else None)
    checks = {case.check for case in cases("test", registry) if case.component != "test"}
    assert checks == {check for check, _ in WRONG.values()}


def test_a_component_that_cannot_be_loaded():
    registry = OpenRegistry()
    entry = Entry("wrong.gone", "otframe_wrong_gone:Gone", "transform", "")
    registry._tables["component"]["wrong.gone"] = (entry, "test")
    registry.plugins.append(Plugin("test", "test", "0", entries=(entry,)))
    assert "cannot be imported" in told(registry, "test", "wrong.gone")["loads"]


def test_a_plugin_that_is_not_there_or_failed():
    registry = OpenRegistry()
    registry.plugins.append(Plugin("broken", "otframe-broken", "1", "ImportError: no such thing"))
    assert "there are: otframe" in told(registry, "otframe-nowhere", "otframe-nowhere")["loads"]
    assert "no such thing" in told(registry, "otframe-broken", "otframe-broken")["loads"]


def test_a_heavy_entry_module(tmp_path, monkeypatch):
    package = tmp_path / "otframe_heavy"
    package.mkdir()
    (package / "__init__.py").write_text("import numpy\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry = OpenRegistry()
    registry.plugins.append(Plugin("heavy", "heavy", "1", entries=(Entry("a.b", "otframe_heavy:A", "model", ""),)))
    assert re.search("entry module otframe_heavy loads numpy", told(registry, "heavy", "heavy")["entry_light"])


@dataclass
class Changeable(Value):
    """Points (n, d)."""

    points: torch.Tensor


@dataclass(frozen=True)
class Shapeless(Value):
    """Holds some points."""

    points: torch.Tensor


@dataclass(frozen=True)
class Unstorable(Value):
    """Holds a set, and points (n, d)."""

    points: torch.Tensor
    names: set


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (Changeable, "frozen=True"),
        (Shapeless, "does not tell 'points' and its shape"),
        (Unstorable, "cannot be stored: 'names' holds set"),
    ],
)
def test_wrong_values(cls, message):
    registry = OpenRegistry()
    registry.add(cls.__name__, cls)
    registry.add("a sample", lambda seed: Unstorable(torch.zeros(2, 2), {"a"}), kind="sample")
    assert message in told(registry, "test", "test")["values"]
