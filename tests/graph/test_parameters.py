"""From documents to graphs: parameters, nested components, and components made from Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from otframe.errors import ParameterError
from otframe.graph import Graph, Ref, build_component, component, describe_component
from otframe.registry import Registry
from otframe.values import Table

Compiled = Callable[..., Graph]


# --- parameters and nested components -------------------------------------------------------------


def test_dollar_parameters(compiled: Compiled, toys: Any) -> None:
    text = """
params: {size: 5, which: odd, source: photos, method: toy.gaussian, floor: 1e-3, name: run, many: [law, law]}
inputs: {photos: "Image[]"}
nodes:
  odd: {use: toy.odd, in: $source, with: {size: $size, layers: [1, $size]}}
  law: {in: photos, steps: [{toy.unfold: {size: $size}}, toy.statistics]}
  map: {use: $method, in: {source: law, target: law}, with: {floor: $floor}}
  middle: {use: toy.middle, in: $many}
  moved: {use: toy.transfer, in: $which, with: {solver: {use: $method, with: {floor: $floor}}}}
outputs: {moved: {from: moved, to: "${name}-$size/{stem}$$.png"}, map: map, middle: middle}
"""
    graph = compiled(text)
    assert graph.nodes["odd"].component == toys.Odd(size=5, layers=[1, 5])
    assert graph.nodes["map"].component == toys.Gaussian(floor=1e-3)
    assert graph.nodes["moved"].component == toys.Transfer(solver=toys.Gaussian(floor=1e-3))
    assert graph.nodes["moved"].wires == {"image": Ref("odd")}
    assert graph.nodes["middle"].wires == {"measures": (Ref("law"), Ref("law"))}
    assert graph.outputs[0].to == "run-5/{stem}$.png"
    again = compiled(text, overrides={"size": 7, "floor": 2})
    assert again.nodes["odd"].component == toys.Odd(size=7, layers=[1, 7])
    assert again.nodes["map"].component.floor == 2.0  # type: ignore[union-attr]
    assert again.params["size"] == 7


def test_dollar_signs_in_texts(compiled: Compiled) -> None:
    graph = compiled(
        'inputs: {photos: "Image[]"}\nnodes:\n'
        '  rows: {use: toy.rows, in: photos, with: {columns: ["$$price", "a$$b", "5$"]}}\noutputs: {rows: rows}'
    )
    assert graph.nodes["rows"].component.columns == ("$price", "a$b", "5$")  # type: ignore[union-attr]
    assert graph.nodes["rows"].type is Table


NESTED = {
    "bare": ({"solver": "toy.gaussian"}, {"solver": {"use": "toy.gaussian"}}),
    "full": (
        {"solver": {"use": "toy.gaussian", "with": {"floor": 0.5}}},
        {"solver": {"use": "toy.gaussian", "with": {"floor": 0.5}}},
    ),
    "all": (
        {
            "solver": "toy.gaussian",
            "other": {"use": "toy.middle"},
            "chain": ["toy.middle", {"use": "toy.gaussian", "with": {"mode": "fast"}}],
            "named": {"a": "toy.mix", "b": {"use": "toy.gaussian"}},
            "rate": "toy.middle",
        },
        {
            "solver": {"use": "toy.gaussian"},
            "other": {"use": "toy.middle"},
            "chain": [{"use": "toy.middle"}, {"use": "toy.gaussian", "with": {"mode": "fast"}}],
            "named": {"a": {"use": "toy.mix"}, "b": {"use": "toy.gaussian"}},
            "rate": {"use": "toy.middle"},
        },
    ),
    "number beside a component": (
        {"solver": "toy.gaussian", "rate": 2},
        {"solver": {"use": "toy.gaussian"}, "rate": 2.0},
    ),
    "none": ({"solver": "toy.gaussian", "other": None}, {"solver": {"use": "toy.gaussian"}}),
}


@pytest.mark.parametrize("case", NESTED)
def test_nested_components(case: str, registry: Registry, toys: Any) -> None:
    given, described = NESTED[case]
    made = build_component(registry, "toy.transfer", given)
    assert describe_component(made, registry) == {"use": "toy.transfer", "with": described}
    again = build_component(registry, "toy.transfer", describe_component(made, registry)["with"])
    assert again == made


def test_components_from_python(registry: Registry, toys: Any) -> None:
    made = component("toy.transfer", registry, solver=toys.Gaussian(floor=0.5), chain=[toys.Middle()])
    assert made == toys.Transfer(solver=toys.Gaussian(floor=0.5), chain=[toys.Middle()])
    assert component("toy.odd", registry=registry) == toys.Odd()
    assert describe_component(toys.Odd(), registry) == {"use": "toy.odd"}
    with pytest.raises(ParameterError, match="must be odd, got 4"):
        component("toy.odd", registry, size=4)


def test_a_hidden_class_is_described_by_its_place(registry: Registry, toys: Any) -> None:
    class Hidden(toys.Odd):
        pass

    described = describe_component(Hidden(), registry)
    assert described["use"].endswith("Hidden")
