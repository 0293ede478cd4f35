"""Documents: YAML there and back, the builder, and what texts and numbers mean."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otframe.errors import ParameterError, PipelineError
from otframe.graph import (
    Builder,
    Document,
    InputSpec,
    LinkSpec,
    NodeSpec,
    OutputSpec,
    parse_document,
    parse_scalar,
    read_document,
    step,
    to_yaml,
)

DESIGN = """\
otframe: 1
title: Photo-realistic restoration by latent Gaussian transport
params: {patch: 3, alpha: 0.25}
inputs:
  restored: Image[]                                     # what the restorer gives: the source law
  clean: Image[]                                        # natural images: the target law
  photos: {type: "Image[]", default: "sample:denoised"}
nodes:
  vae: {use: autoencoder.tiny}
  restored_law: {in: restored, steps: [vae.encode, {patch.unfold: {size: $patch}}, gaussian.statistics]}
  clean_law:    {in: clean,    steps: [vae.encode, {patch.unfold: {size: $patch}}, gaussian.statistics]}
  operator:     {use: gaussian.transport, in: {source: restored_law, target: clean_law}}
  latent:       {in: photos, steps: [vae.encode]}
  moved:
    in: latent
    steps: [{patch.unfold: {size: $patch}}, {use: transport.apply, in: {transport: operator}}, patch.fold]
  natural:      {use: restore.residual, in: {image: photos, before: latent, after: moved, model: vae}}
  enhanced:     {use: image.blend, in: {a: natural, b: photos}, with: {weight: $alpha}}
outputs:
  enhanced: {from: enhanced, to: "{stem}.png"}
  operator: {from: operator, to: operator.safetensors}
"""


def test_the_design_example_round_trips() -> None:
    document = parse_document(DESIGN, "restoration.yaml")
    assert document.title == "Photo-realistic restoration by latent Gaussian transport"
    assert document.inputs["photos"] == InputSpec("Image[]", "sample:denoised")
    assert [link.use for link in document.nodes["moved"].links] == ["patch.unfold", "transport.apply", "patch.fold"]
    assert document.nodes["moved"].links[0].wires == {"": "latent"}
    assert document.nodes["moved"].links[1].wires == {"transport": "operator"}
    text = to_yaml(document)
    assert parse_document(text) == document
    assert to_yaml(parse_document(text)) == text
    assert "$patch" in text, "parameters stay parameters"
    assert max(map(len, text.splitlines())) <= 130


def test_the_builder_makes_the_same_document() -> None:
    b = Builder("Photo-realistic restoration by latent Gaussian transport", params={"patch": 3, "alpha": 0.25})
    restored, clean = b.input("restored", "Image[]"), b.input("clean", "Image[]")
    photos = b.input("photos", "Image[]", "sample:denoised")
    vae = b.node("vae", "autoencoder.tiny")
    unfold = ("patch.unfold", {"size": "$patch"})
    source = b.steps("restored_law", [vae.encode, unfold, "gaussian.statistics"], restored)
    target = b.steps("clean_law", [vae.encode, unfold, "gaussian.statistics"], clean)
    operator = b.node("operator", "gaussian.transport", wires={"source": source, "target": target})
    latent = b.steps("latent", [vae.encode], photos)
    apply = step("transport.apply", wires={"transport": operator})
    moved = b.steps("moved", [unfold, apply, "patch.fold"], latent)
    natural = b.node(
        "natural", "restore.residual", wires={"image": photos, "before": latent, "after": moved, "model": vae}
    )
    enhanced = b.node("enhanced", "image.blend", wires={"a": natural, "b": photos}, params={"weight": "$alpha"})
    b.output("enhanced", enhanced, to="{stem}.png")
    b.output("operator", operator, to="operator.safetensors")
    assert b.document() == parse_document(DESIGN)
    assert to_yaml(b.document()) == to_yaml(parse_document(DESIGN))


def test_the_builder_says_everything_a_file_says() -> None:
    b = Builder("All", "Every key once.", {"sizes": (1, 2)})
    a = b.input("a", "Image[]", doc="first")
    law = b.input("law", "GaussianLaw", optional=True)
    many = b.node("many", "toy.mix", wires={"models": {"x": law, "y": law}}, device="cpu")
    b.input("fit", "GaussianLaw", many, unless=[a, "law"])
    b.node("pair", "toy.split", [law, law], params={"sizes": (3, 4)}, rng="one", dtype="float64")
    b.steps("rows", [step("toy.odd", params={"size": "$n"}, skip=True), "toy.rows"], a, each=True, keep="memory")
    b.output("rows", a.pixels, "{stem}.csv", before=a, doc="the rows")
    text = """
otframe: 1
title: All
description: Every key once.
params: {sizes: [1, 2]}
inputs:
  a: {type: "Image[]", doc: first}
  law: {type: GaussianLaw, optional: true}
  fit: {type: GaussianLaw, default: {from: many}, unless: [a, law]}
nodes:
  many: {use: toy.mix, in: {models: {x: law, y: law}}, device: cpu}
  pair: {use: toy.split, in: [law, law], with: {sizes: [3, 4]}, rng: one, dtype: float64}
  rows:
    in: a
    steps: [{use: toy.odd, with: {size: $n}, skip: true}, toy.rows]
    each: true
    keep: memory
outputs:
  rows: {from: a.pixels, to: "{stem}.csv", before: a, doc: the rows}
"""
    assert b.document() == parse_document(text)
    assert parse_document(to_yaml(b.document())) == b.document()


def test_the_builder_refuses_what_a_file_cannot_hold() -> None:
    b = Builder()
    photos = b.input("photos", "Image")
    with pytest.raises(ParameterError, match="'photos' cannot name an input or node, or already does"):
        b.node("photos", "toy.odd")
    with pytest.raises(ParameterError, match="'a b' cannot name"):
        b.input("a b", "Image")
    with pytest.raises(ParameterError, match="no option 'eech'") as caught:
        b.node("rows", "toy.rows", photos, eech=True)
    assert "did you mean 'each'?" in caught.value.hint
    with pytest.raises(ParameterError, match="at least one step"):
        b.steps("none", [])
    b.output("photos", photos)
    with pytest.raises(ParameterError, match="cannot name an output"):
        b.output("photos", photos)


def test_a_document_is_not_changed_by_its_builder_afterwards() -> None:
    b = Builder()
    before = b.document()
    b.input("photos", "Image")
    assert before.inputs == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1e3", 1000.0),
        ("-2.5E+2", -250.0),
        ("12", 12),
        ("010", 10),
        ("1_000", 1000),
        ("0x1F", 31),
        ("0o17", 15),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("null", None),
        ("~", None),
        ("2024-01-01", "2024-01-01"),
        ("12:30", "12:30"),
        ("1.2.3", "1.2.3"),
        ("'1e-3'", "1e-3"),
        ("[1, a, 0.5]", [1, "a", 0.5]),
        ("{a: 1}", {"a": 1}),
        ("", ""),
        ("#ff8800", "#ff8800"),
        ("a b", "a b"),
    ],
)
def test_scalars(text: str, value: Any) -> None:
    found = parse_scalar(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "value",
    ["yes", "no", "on", "null", "~", "1e-3", "12", "0x1F", "true", "2024-01-01", "", " ", "a: b", "# c", "- a", "*x",
     "&x", "!x", "%a", "@a", "`", "a\nb", "a\n\nb\n", "\ta", "'", '"', "{x}", "[x", "é", "日本", "\U0001f600", "a\\nb",
     "\u2028", "\x85", "a, b", "?", "-", "=", "<<", "\ufeff", ".inf", "0_1", "1__0", "x" * 300, "ab " * 100,
     "  a  b  " * 30, "$x", "$$x"],
)  # fmt: skip
def test_texts_stay_texts(value: str) -> None:
    document = Document(
        title=value,
        description=value,
        params={"p": value, "q": [value, {"r": value}]},
        nodes={"a": NodeSpec((LinkSpec("toy.odd", params={value or "k": value}),))},
        outputs={"a": OutputSpec("a")},
    )
    assert parse_document(to_yaml(document)) == document


def test_comments_and_anchors_are_read() -> None:
    document = parse_document(
        "otframe: 1\nparams: {a: &size [3, 4], b: *size}  # twice\nnodes: {a: toy.white}\noutputs: {a: a}\n"
    )
    assert document.params == {"a": [3, 4], "b": [3, 4]}


def test_places_know_the_line_and_column() -> None:
    document = parse_document(DESIGN, "f.yaml")
    line = DESIGN.splitlines()[15]
    for path, text in [(("in", "transport"), "transport: operator"), (("with",), "{use: transport.apply")]:
        where = document.where("nodes", "moved", "steps", 1, *path)
        assert str(where) == f"f.yaml:16:{line.index(text) + 1}", "the part, or the nearest around it"
    assert str(document.where("nodes", "other")) == "f.yaml:8:1"
    assert Document().where("nodes") is None
    assert str(Document(file="f.yaml").where("nodes")) == "f.yaml"


def test_reading_a_file_keeps_its_name(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(DESIGN, encoding="utf-8")
    assert read_document(path).file == str(path)
    assert read_document(path) == parse_document(DESIGN)


# --- generated documents --------------------------------------------------------------------------

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
texts = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20)
filled = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=20)
plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
data = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)
parameters = st.dictionaries(filled, data, max_size=3)
wiring = filled | st.lists(filled, min_size=1, max_size=3) | st.dictionaries(filled, filled, min_size=1, max_size=3)
wires = st.dictionaries(names | st.just(""), wiring, max_size=3)
options = st.fixed_dictionaries(
    {},
    optional={
        "device": filled,
        "dtype": st.sampled_from(["float32", "float64"]),
        "each": st.booleans(),
        "join": st.just("key"),
        "keep": st.just("memory"),
        "rng": filled,
        "skip": st.booleans(),
    },
)
uses = st.from_regex(r"[a-z]{1,5}\.[a-z]{1,5}", fullmatch=True) | st.just("$use")
links = st.builds(LinkSpec, uses, wires, parameters, options)
nodes = st.builds(lambda link: NodeSpec((link,)), links) | st.builds(
    lambda chain, shared: NodeSpec(tuple(chain), True, shared), st.lists(links, min_size=1, max_size=3), options
)
inputs = st.builds(
    InputSpec, filled, st.none() | filled, st.none(), st.booleans(), st.lists(filled, max_size=2).map(tuple), texts
) | st.builds(lambda type_, node: InputSpec(type_, default_from=node), filled, filled)
outputs = st.builds(OutputSpec, filled, st.none() | filled, texts, texts)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    found = draw(st.lists(names, unique=True, min_size=1, max_size=4))
    split = draw(st.integers(0, len(found) - 1))
    return Document(
        title=draw(texts),
        description=draw(texts),
        params=draw(st.dictionaries(names, data, max_size=3)),
        inputs={name: draw(inputs) for name in found[:split]},
        nodes={name: draw(nodes) for name in found[split:]},
        outputs=draw(st.dictionaries(names, outputs, min_size=1, max_size=3)),
    )


@settings(max_examples=150, deadline=None)
@given(documents())
def test_round_trip(document: Document) -> None:
    text = to_yaml(document)
    again = parse_document(text)
    assert again == document
    assert list(again.nodes) == list(document.nodes)
    assert to_yaml(again) == text


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(PipelineError):
        parse_document(text)
    with contextlib.suppress(PipelineError):
        parse_scalar(text)


def test_a_folded_text_is_one_line() -> None:
    text = "otframe: 1\ndescription: >-\n  two lines\n  of text\nnodes: {a: {use: x}}\noutputs: {a: a}"
    assert parse_document(text).description == "two lines of text"
