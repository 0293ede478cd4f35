"""From documents to graphs: arrows, origins, inputs, what is absent, what is computed once, and nested components."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from otframe.errors import InputError, ParameterError, WiringError
from otframe.graph import Builder, Graph, Ref, compile_graph
from otframe.registry import Registry
from otframe.values import AffineMap, GaussianLaw, Image, Latent, PatchSet, Scalar

Compiled = Callable[..., Graph]

LAWS = """
inputs: {photos: "Image[]", truth: "Image[]", single: Image}
nodes:
  law: {in: photos, steps: [toy.unfold, toy.statistics]}
"""


def arrows(graph: Graph) -> dict[str, str]:
    return {name: node.arrow for name, node in graph.nodes.items()}


# --- arrows and origins ---------------------------------------------------------------------------


def test_arrows_types_and_origins(compiled: Compiled) -> None:
    graph = compiled(
        LAWS
        + """
  laws: {in: photos, each: true, steps: [toy.unfold, toy.statistics]}
  middle: {use: toy.middle, in: laws}
  map: {use: toy.gaussian, in: {source: laws, target: middle}}
  net: {use: toy.train, in: photos, with: {epochs: 3}}
  coded: {use: net.encode, in: photos}
  white: toy.white
  odd: {use: toy.odd, in: single}
outputs: {law: law, map: map, coded: coded, white: white, odd: odd, middle: middle}
"""
    )
    assert arrows(graph) == {
        "photos": "input",
        "single": "input",
        "truth": "input",
        "law/1": "map",
        "law": "reduce",
        "laws": "each",
        "middle": "once",
        "map": "map",
        "net": "once",
        "coded": "map",
        "white": "once",
        "odd": "once",
    }
    assert graph.nodes["law/1"].type == PatchSet[Image]
    assert graph.nodes["law"].type is GaussianLaw
    assert not graph.nodes["law"].streams
    assert graph.item_origins(graph.nodes["law"]) == {"photos"}
    assert graph.nodes["laws"].origins == graph.nodes["map"].origins == {"photos"}
    assert graph.nodes["middle"].whole == {"measures"}, "a stream is gathered into the list"
    assert graph.nodes["net"].whole == {"images"}, "a stream is handed over as a lazy view"
    assert graph.nodes["map"].describe() == "AffineMap[]"
    assert graph.nodes["coded"].model == Ref("net")
    assert graph.nodes["coded"].type is Latent
    order = list(graph.nodes)
    for name, node in graph.nodes.items():
        assert all(order.index(ref.node) < order.index(name) for ref in node.reads())
    assert graph.unused() == ["truth"]


def test_a_fold_of_single_values_is_no_stream(compiled: Compiled) -> None:
    graph = compiled(LAWS + "  one: {in: single, steps: [toy.unfold, toy.statistics]}\noutputs: {one: one}")
    assert graph.nodes["one"].arrow == "reduce"
    assert graph.item_origins(graph.nodes["one"]) == frozenset()


def test_streams_of_one_origin_zip_and_single_values_are_shared(compiled: Compiled) -> None:
    graph = compiled(
        LAWS + "  moved: {use: toy.odd, in: photos}\n"
        "  pair: {use: toy.blend, in: {a: photos, b: moved}, with: {weight: 1}}\n"
        "  mixed: {use: toy.blend, in: {a: photos, b: single}, with: {weight: 1}}\noutputs: {a: pair, b: mixed}"
    )
    assert graph.nodes["pair"].origins == graph.nodes["mixed"].origins == {"photos"}


def test_join(compiled: Compiled) -> None:
    joined = (
        LAWS
        + """
  both: {use: toy.blend, in: {a: photos, b: truth}, with: {weight: 1}, join: key}
  after: {use: toy.blend, in: {a: both, b: truth}, with: {weight: 1}}
  rows: {in: after, steps: [{use: toy.rows, in: {reference: truth}}]}
outputs: {rows: rows}
"""
    )
    graph = compiled(joined)
    assert graph.nodes["both"].origins == graph.nodes["after"].origins == {"photos", "truth"}
    assert graph.classes() == {"photos": "photos", "truth": "photos"}
    with pytest.raises(WiringError, match="streams of different origins"):
        compiled(joined.replace(", join: key", ""))


def test_a_chain_gives_its_options_to_the_steps_they_are_for(compiled: Compiled) -> None:
    graph = compiled(
        LAWS + "  laws: {in: photos, steps: [{toy.unfold: {size: 5}}, toy.statistics], each: true, keep: memory,"
        " device: cpu}\noutputs: {laws: laws}"
    )
    assert dict(graph.nodes["laws"].options) == {"each": True, "keep": "memory", "device": "cpu"}
    assert "keep" not in graph.nodes["laws/1"].options
    assert graph.nodes["laws/1"].options["device"] == "cpu"


def test_a_steps_own_options_win(compiled: Compiled) -> None:
    graph = compiled(
        LAWS + "  out: {in: photos, steps: [{use: toy.odd, device: meta}, toy.odd], device: cpu}\noutputs: {out: out}"
    )
    assert graph.nodes["out/1"].options == {"device": "meta"}
    assert graph.nodes["out"].options == {"device": "cpu"}


# --- lists, labels, fields, plain ports -----------------------------------------------------------


def test_lists_and_labels(compiled: Compiled) -> None:
    graph = compiled(
        LAWS
        + """
  laws: {in: photos, each: true, steps: [toy.unfold, toy.statistics]}
  listed: {use: toy.middle, in: [law, law]}
  named: {use: toy.mix, in: {models: {b: law, a: law}}, with: {weights: {a: 0.2, b: 0.8}}}
  streamed: {use: toy.mix, in: laws}
  rows: {use: toy.middle, in: [laws, law]}
outputs: {a: listed, b: named, c: streamed, d: rows}
"""
    )
    assert graph.nodes["listed"].wires == {"measures": (Ref("law"), Ref("law"))}
    assert graph.nodes["listed"].whole == frozenset()
    assert graph.nodes["named"].wires == {"models": {"b": Ref("law"), "a": Ref("law")}}
    assert list(graph.nodes["named"].wires["models"]) == ["b", "a"], "labels keep their order"
    assert graph.nodes["named"].constants == {"weights": {"a": 0.2, "b": 0.8}}
    assert graph.nodes["streamed"].whole == {"models"}
    assert graph.nodes["streamed"].constants == {}, "an optional port with a default keeps it"
    assert graph.nodes["rows"].origins == {"photos"}, "a list that holds a stream maps over it"


def test_fields(compiled: Compiled) -> None:
    graph = compiled(
        LAWS + "  pair: {use: toy.split, in: {source: law, target: law}}\n"
        "  out: {in: photos, steps: [toy.unfold, {use: toy.apply, in: {transport: pair.flow}}, toy.fold]}\n"
        "outputs: {out: out, law: pair.law}"
    )
    assert graph.nodes["pair"].fields == {"flow": AffineMap, "law": GaussianLaw}
    assert graph.nodes["out/2"].wires["transport"] == Ref("pair", "flow")
    assert graph.nodes["out"].type is Image
    assert {output.name: output.type for output in graph.outputs} == {"out": Image, "law": GaussianLaw}


def test_plain_ports(compiled: Compiled) -> None:
    graph = compiled(
        'inputs: {photos: "Image[]", amount: float}\nnodes:\n'
        "  score: {use: toy.score, in: photos}\n"
        "  filled: {use: toy.blend, in: {a: photos, b: photos}, with: {weight: 1}}\n"
        "  wired: {use: toy.blend, in: {a: photos, b: photos, weight: score}}\n"
        "  given: {use: toy.blend, in: {a: photos, b: photos, weight: amount}}\n"
        "outputs: {a: filled, b: wired, c: given}"
    )
    assert graph.nodes["filled"].constants == {"weight": 1.0}
    assert type(graph.nodes["filled"].constants["weight"]) is float
    assert graph.nodes["score"].type is Scalar
    assert graph.nodes["wired"].wires["weight"] == Ref("score"), "a Scalar may be wired where a float is wanted"
    assert graph.nodes["given"].wires["weight"] == Ref("amount")


def test_a_plain_ports_limits_hold_for_parameters_too(registry: Registry) -> None:
    b = Builder(params={"w": 0.5})
    photos = b.input("photos", "Image")
    b.output("out", b.node("out", "toy.blend", wires={"a": photos, "b": photos}, params={"weight": "$w"}))
    for bad in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ParameterError, match=r"'weight' of 'toy\.blend'"):
            compile_graph(b.document(), registry, overrides={"w": bad})


def test_verbs_may_take_plain_ports(compiled: Compiled) -> None:
    graph = compiled(
        'inputs: {photos: "Image[]"}\nnodes:\n  vae: {use: toy.vae, with: {channels: 8}}\n'
        "  out: {in: photos, steps: [vae.encode, {vae.decode: {tile: 64}}]}\noutputs: {out: out}"
    )
    assert graph.nodes["out"].constants == {"tile": 64}
    assert graph.nodes["vae"].arrow == "model"
    assert graph.nodes["vae"].component.channels == 8  # type: ignore[union-attr]
    assert graph.nodes["out"].signature.takes_net  # type: ignore[union-attr]


# --- models ---------------------------------------------------------------------------------------


def test_models(compiled: Compiled, toys: Any) -> None:
    graph = compiled(
        'inputs: {photos: "Image[]"}\nnodes:\n  vae: toy.vae\n'
        "  step: {in: photos, steps: [{toy.restorer: {strength: 2}}, vae.encode, vae.decode]}\n"
        "  node: {use: toy.restorer, in: photos}\n  ported: {use: toy.residual, in: {image: photos, model: vae}}\n"
        "outputs: {a: step, b: node, c: ported}"
    )
    assert graph.nodes["step/1"].component == toys.Restore(strength=2.0), "a model with one verb is a step"
    assert graph.nodes["node"].signature.verb == "restore"  # type: ignore[union-attr]
    assert graph.nodes["step"].model == Ref("vae")
    assert graph.nodes["ported"].wires["model"] == Ref("vae")
    assert graph.nodes["ported"].origins == {"photos"}


# --- inputs ---------------------------------------------------------------------------------------

DEFAULTS = """
inputs:
  photos: Image[]
  law: {type: GaussianLaw, default: law.safetensors}
  map: {type: AffineMap, default: {from: fitted}, unless: law}
  fit: {type: AffineMap, default: {from: pair.flow}}
nodes:
  own: {in: photos, steps: [toy.unfold, toy.statistics]}
  fitted: {use: toy.gaussian, in: {source: own, target: law}}
  pair: {use: toy.split, in: {source: own, target: own}}
  out: {use: toy.inverse, in: map}
  second: {use: toy.inverse, in: fit}
outputs: {out: out, second: second}
"""


def test_inputs_with_defaults(compiled: Compiled) -> None:
    graph = compiled(DEFAULTS, given=["photos"])
    assert graph.sources == {"photos": None, "law": "law.safetensors"}
    assert graph.aliases == {"map": "fitted", "fit": "pair"}
    assert graph.nodes["out"].wires["map"] == Ref("fitted")
    assert graph.nodes["second"].wires["map"] == Ref("pair", "flow"), "a default may be a field"
    assert "map" not in graph.nodes

    bound = compiled(DEFAULTS, given=["photos", "map"])
    assert bound.nodes["out"].wires["map"] == Ref("map")
    assert bound.nodes["map"].arrow == "input"
    assert "fitted" in bound.unused()


def test_unless(compiled: Compiled) -> None:
    with pytest.raises(InputError, match=r"input 'map' .* has no default where 'law' is given"):
        compiled(DEFAULTS, given=["photos", "law"])
    graph = compiled(DEFAULTS, given=["photos", "law", "map"])
    assert graph.sources == {"photos": None, "law": None, "map": None}


def test_without_given_every_input_that_needs_a_value_has_one(compiled: Compiled) -> None:
    graph = compiled(DEFAULTS)
    assert graph.sources == {"photos": None, "law": "law.safetensors"}


OPTIONAL = """
inputs:
  photos: Image[]
  inside: {type: Image, optional: true}
  outside: {type: Image, optional: true}
nodes:
  mask: {use: toy.mask, in: {image: photos, inside: inside, outside: outside}}
  touched: {in: inside, steps: [toy.odd, toy.odd]}
  law: {in: touched, steps: [toy.unfold, toy.statistics]}
  other: {in: photos, steps: [toy.unfold, toy.statistics]}
  named: {use: toy.mix, in: {models: {a: law, b: other}}}
  listed: {use: toy.middle, in: [law, other, law]}
  none: {use: toy.middle, in: [law]}
outputs:
  mask: mask
  touched: {from: touched, before: inside}
  named: named
  listed: {from: listed, before: law}
  none: none
"""


def test_absence_goes_as_far_as_it_must(compiled: Compiled) -> None:
    graph = compiled(OPTIONAL, given=["photos", "outside"])
    assert graph.nodes["mask"].wires == {"image": Ref("photos"), "outside": Ref("outside")}
    assert graph.nodes["mask"].constants == {"inside": None}, "an optional port without a default gets nothing"
    assert set(graph.absent) >= {"inside", "touched", "law", "none"}
    assert graph.absent["none"] == "input 'inside' was not given"
    assert graph.nodes["named"].wires == {"models": {"b": Ref("other")}}, "labelled ports drop absent values"
    assert graph.nodes["listed"].wires == {"measures": (Ref("other"),)}
    assert [output.name for output in graph.outputs] == ["mask", "named", "listed"]
    assert graph.outputs[2].before is None
    assert set(graph.absent_outputs) == {"touched", "none"}


def test_nothing_is_absent_where_all_is_given(compiled: Compiled) -> None:
    graph = compiled(OPTIONAL, given=["photos", "inside", "outside"])
    assert not graph.absent
    assert graph.nodes["mask"].constants == {}
    assert len(graph.outputs) == 5
    assert len(compiled(OPTIONAL).outputs) == 5


# --- computed once --------------------------------------------------------------------------------


def test_identical_nodes_are_computed_once(compiled: Compiled) -> None:
    graph = compiled(
        'params: {p: 3}\ninputs: {photos: "Image[]"}\nnodes:\n'
        "  a: {in: photos, steps: [{toy.unfold: {size: 3}}, toy.fold]}\n"
        "  b: {in: photos, steps: [{toy.unfold: {size: $p}}, toy.fold]}\n"
        "  c: {in: photos, steps: [{toy.unfold: {size: 5}}, toy.fold]}\n"
        "  d: {use: toy.fold, in: e, keep: memory}\n  e: {use: toy.unfold, in: {field: photos}}\n"
        "outputs: {a: a, b: b, c: c, d: d}"
    )
    same = {graph.aliases.get(name, name) for name in "abd"}
    assert len(same) == 1
    assert sum(node.use == "toy.unfold" for node in graph.nodes.values()) == 2
    kept = graph.nodes[same.pop()]
    assert kept.options["keep"] == "memory", "what one of the twins asks for holds for both"
    assert {output.source.node for output in graph.outputs} == {kept.id, "c"}


def test_models_and_their_verbs_are_computed_once(compiled: Compiled) -> None:
    graph = compiled(
        'inputs: {photos: "Image[]"}\nnodes:\n  m: toy.vae\n  n: {use: toy.vae, with: {channels: 4}}\n'
        "  o: {use: toy.vae, with: {channels: 5}}\n  a: {use: m.encode, in: photos}\n  b: {use: n.encode, in: photos}\n"
        "  c: {use: o.encode, in: photos}\noutputs: {a: a, b: b, c: c}"
    )
    assert graph.aliases == {"n": "m", "b": "a"}


def test_random_nodes_are_their_own_unless_they_share_a_name(compiled: Compiled) -> None:
    graph = compiled(
        'inputs: {draws: "Draw[]"}\nnodes:\n  a: {use: toy.noise, in: draws}\n  b: {use: toy.noise, in: draws}\n'
        "  c: {use: toy.noise, in: draws, rng: one}\n  d: {use: toy.noise, in: draws, rng: one}\n"
        "  e: {use: toy.noise, in: draws, rng: a}\noutputs: {a: a, b: b, c: c, d: d, e: e}"
    )
    assert graph.aliases == {"d": "c", "e": "a"}
    assert [graph.nodes[name].rng for name in "abc"] == ["a", "b", "one"]


def test_checking_reads_and_loads_nothing(compiled: Compiled) -> None:
    graph = compiled(
        'inputs: {photos: {type: "Image[]", default: /nowhere/at/all}}\nnodes:\n  vae: toy.vae\n'
        "  out: {in: photos, steps: [vae.encode, vae.decode, toy.restorer]}\noutputs: {out: out}"
    )
    assert graph.sources == {"photos": "/nowhere/at/all"}


def test_parsing_needs_no_torch() -> None:
    code = "import sys, otframe, otframe.plugin, otframe.registry, otframe.errors; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_where_of_nodes(compiled: Compiled) -> None:
    graph = compiled('inputs: {photos: "Image[]"}\nnodes:\n  out: {use: toy.odd, in: photos}\noutputs: {out: out}')
    assert str(graph.nodes["out"].where) == "<text>:4:3"
    assert str(graph.nodes["photos"].where) == "<text>:2:10"
