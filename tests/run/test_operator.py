"""Operators: fit then apply equals one full run, saved files, what cannot be frozen, versions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import otframe
from otframe import Pipeline
from otframe.errors import InputError, RequestError, WiringError
from otframe.run.operator import stands_in

LINEAR = """
otframe: 1
params: {factor: 3.0, weight: 0.5}
inputs: {fit: "Image[]", photos: "Image[]"}
nodes:
  more:  {use: toy.gain, in: fit, with: {factor: $factor}}
  noisy: {in: more, steps: [toy.noise, toy.gain]}
  mean:  {use: toy.mean, in: noisy}
  parts: {use: toy.halves, in: photos}
  moved: {in: parts.low, steps: [toy.noise, {use: toy.add, in: {b: parts.high}, with: {weight: $weight}}]}
  out:   {use: toy.add, in: {a: moved, b: photos, weight: mean}}
outputs: {out: {from: out, to: "{stem}.png"}, mean: mean}
"""


def same(one, two):
    assert set(one) == set(two)
    return all(torch.equal(one[key].pixels, two[key].pixels) for key in one)


@pytest.fixture
def pipeline(registry):
    return Pipeline.from_text(LINEAR, registry)


def test_fit_then_apply_equals_one_run(pipeline, images, tmp_path, registry):
    fit, photos = images("x", "y"), images("a", "b", "c")
    whole = pipeline.run({"fit": fit, "photos": photos}, seed=7).values
    operator = pipeline.fit({"fit": fit}, seed=7)
    assert operator.open == ("photos",)
    assert list(operator.constants) == ["mean"]
    assert set(operator.document.params) == {"weight"}  # what the fit used cannot change any more
    assert same(operator(photos=photos)["out"], whole["out"])
    assert operator(photos=photos)["mean"].number == whole["mean"].number
    operator.save(tmp_path / "op.otf")
    loaded = otframe.load(tmp_path / "op.otf", registry)
    assert same(loaded(photos=photos)["out"], whole["out"])
    assert loaded.to_yaml() == operator.to_yaml()
    again = tmp_path / "again.otf"
    loaded.save(again)
    assert again.read_bytes() == (tmp_path / "op.otf").read_bytes()


def test_parameters_of_what_is_left_may_still_be_set(pipeline, images):
    fit, photos = images("x"), images("a")
    whole = pipeline.run({"fit": fit, "photos": photos}, params={"weight": 0.25, "factor": 2.0}).values
    operator = pipeline.fit({"fit": fit}, params={"factor": 2.0})
    assert same(operator.run({"photos": photos}, params={"weight": 0.25}).values["out"], whole["out"])
    with pytest.raises(RequestError, match="no parameter 'factor'"):
        operator.run({"photos": photos}, params={"factor": 3.0})


def test_a_chain_that_is_fitted_half_way_is_cut_there(registry, images):
    text = """
otframe: 1
inputs: {fit: "Image[]", photos: "Image[]"}
nodes:
  scaled: {in: fit, steps: [toy.noise, toy.mean, {use: toy.scale, in: {image: photos}}]}
outputs: {scaled: scaled}
"""
    pipeline = Pipeline.from_text(text, registry)
    fit, photos = images("x", "y"), images("a", "b")
    whole = pipeline.run({"fit": fit, "photos": photos}, seed=3).values
    operator = pipeline.fit({"fit": fit}, seed=3)
    assert list(operator.constants) == ["scaled_begun"]
    assert same(operator(photos=photos)["scaled"], whole["scaled"])


def test_called_on_one_array(pipeline, images):
    operator = pipeline.fit(fit=images("x"))
    array = images("a")["a"]
    made = operator(array)
    assert made.shape == array.shape
    assert np.array_equal(made, operator(photos=[array])["out"]["0000"].numpy())
    with pytest.raises(InputError, match="takes photos"):
        operator(array, array)


def test_a_fitted_input_cannot_be_given_again(pipeline, images):
    operator = pipeline.fit(fit=images("x"))
    with pytest.raises(InputError, match="'mean' is fitted"):
        operator(photos=images("a"), mean=1.0)
    with pytest.raises(RequestError, match="no input 'fit'"):
        operator(photos=images("a"), fit=images("x"))


MASKED = """
otframe: 1
inputs:
  fit: "Image[]"
  weights: {type: "Image[]", optional: true}
  photos: {type: "Image[]", default: {from: fit}}
nodes:
  mean: {use: toy.weighed, in: {image: fit, weight: weights}, join: key}
  out:  {use: toy.add, in: {a: photos, b: photos, weight: mean}}
outputs: {out: {from: out, to: "{stem}.png"}}
"""


def test_photographs_that_are_fitted_on_by_default_are_asked_for(registry, images):
    """What follows a bound stream is left open, and an optional mask of it is as absent as it was."""
    pipeline = Pipeline.from_text(MASKED, registry)
    fit = images("x", "y")
    operator = pipeline.fit(fit=fit)
    assert operator.open == ("photos",)
    assert list(operator.constants) == ["mean"]
    assert "weights" not in operator.document.inputs
    assert same(operator(photos=fit)["out"], pipeline(fit=fit)["out"])
    other = images("a")
    assert same(operator(photos=other)["out"], pipeline(fit=fit, photos=other)["out"])
    masks = {key: np.full_like(image, k) for k, (key, image) in enumerate(fit.items())}
    masked = pipeline.fit(fit=fit, weights=masks)
    assert masked.open == ("photos",)
    assert same(masked(photos=other)["out"], pipeline(fit=fit, weights=masks, photos=other)["out"])
    assert not same(masked(photos=other)["out"], operator(photos=other)["out"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("outputs: {", "outputs: {seen: weights, "),
        ("default: {from: fit}", "default: {from: weights}"),
        ("default: {from: fit}}", 'default: "sample:photos", unless: weights}'),
        ("weight: mean}}", "weight: mean}}\n  more: {use: toy.add, in: {a: fit, b: weights, weight: mean}, join: key}"),
    ],
)
def test_optional_inputs_that_something_else_names_stay(registry, images, before, after):
    assert before in MASKED
    pipeline = Pipeline.from_text(MASKED.replace(before, after), registry)
    told = ""
    try:
        pipeline.fit(fit=images("x"))
    except WiringError as error:  # a stream that would have to be kept may well be refused
        told = str(error)
    assert not any(wrong in told for wrong in ("there is no", "names no input", "not wired")), told


SHOWS_ITSELF = """otframe: 1
inputs:
  fit:    {type: "Image[]", default: {from: dark}}
  photos: {type: "Image[]", default: {from: light}, unless: fit}
  truth:  {type: "Image[]", default: {from: made}, optional: true, unless: [fit, photos]}
  made:   {type: "Image[]", default: "sample:photos/test", optional: true, unless: fit}
nodes:
  dark:   {use: toy.gain, in: made, with: {factor: 0.5}}
  light:  {use: toy.gain, in: made}
  mean:   {use: toy.mean, in: fit}
  out:    {use: toy.scale, in: {factor: mean, image: photos}}
  count:  {use: toy.count, in: truth}
outputs: {out: {from: out, before: photos}, count: count}
"""


def test_what_a_pipeline_shows_itself_on_is_no_part_of_the_operator(registry, images):
    """Where its own inputs are bound the rest of a simulation does not count, and is asked for if it is needed."""
    pipeline = Pipeline.from_text(SHOWS_ITSELF, registry)
    operator = pipeline.fit(fit=images("x", "y"))
    assert operator.open == ("photos",)
    assert set(operator.document.outputs) == {"out"}
    given = {"photos": images("a")}
    assert same(operator(**given)["out"], pipeline(fit=images("x", "y"), **given)["out"])
    with pytest.raises(InputError, match="'photos'.* is not given"):
        operator()
    with pytest.raises(InputError, match="no default where 'fit' is given"):
        pipeline(fit=images("x"))


def test_what_cannot_be_an_operator(registry, images):
    head = 'otframe: 1\ninputs: {fit: "Image[]", photos: "Image[]"}\n'
    stream = head + (
        "nodes:\n  more: {use: toy.gain, in: fit}\n  out: {use: toy.add, in: {a: more, b: photos}, join: key}\n"
        "outputs: {out: out}"
    )
    with pytest.raises(WiringError, match="stream 'more'.*would have to be kept") as caught:
        Pipeline.from_text(stream, registry).fit(fit=images("x"))
    assert caught.value.node == "more"
    nothing = head + "nodes: {mean: {use: toy.mean, in: fit}}\noutputs: {mean: mean}"
    with pytest.raises(WiringError, match="nothing is left to apply"):
        Pipeline.from_text(nothing, registry).fit(fit=images("x"))
    apart = head + "nodes: {out: {use: toy.gain, in: photos}}\noutputs: {out: out}"
    with pytest.raises(WiringError, match="nothing to fit"):
        Pipeline.from_text(apart, registry).fit(fit=images("x"))
    with pytest.raises(RequestError, match="no input 'fitt'"):
        Pipeline.from_text(nothing, registry).fit(fitt=images("x"))


def test_files_that_are_no_operators(tmp_path, registry, pipeline, images):
    (tmp_path / "text.otf").write_text("nothing")
    with pytest.raises(RequestError, match="is not an operator"):
        otframe.load(tmp_path / "text.otf", registry)
    with pytest.raises(RequestError, match="is not an operator"):
        otframe.load(tmp_path / "missing.otf", registry)
    operator = pipeline.fit(fit=images("x"))
    operator.save(tmp_path / "op.otf")
    whole = (tmp_path / "op.otf").read_bytes()
    (tmp_path / "cut.otf").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RequestError, match="is not an operator"):
        otframe.load(tmp_path / "cut.otf", registry)


def test_a_missing_plugin_is_told_before_anything_runs(tmp_path, pipeline, images):
    pipeline.fit(fit=images("x")).save(tmp_path / "op.otf")
    with pytest.raises(RequestError, match="needs plugin 'toys'"):
        otframe.load(tmp_path / "op.otf", otframe.Registry(points=[]))


@given(st.tuples(*[st.integers(0, 3)] * 6))
@settings(max_examples=60)
def test_versions_that_may_stand_in(numbers):
    here, there = numbers[:3], numbers[3:]
    compatible = stands_in(".".join(map(str, here)), ".".join(map(str, there)))
    breaking = here[:2] != there[:2] if there[0] == 0 else here[0] != there[0]
    assert compatible == (not breaking and here >= there)


def test_a_fitted_input_of_one_value_gets_just_that(registry, images, tmp_path):
    text = (
        'otframe: 1\ninputs: {one: Image, photos: "Image[]"}\n'
        "nodes: {out: {use: image.blend, in: {a: photos, b: one}, with: {weight: 0.5}}}\noutputs: {out: out}"
    )
    pipeline = Pipeline.from_text(text, registry)
    given = images("a", "b")
    assert pipeline.fit(one=next(iter(given.values()))).open == ("photos",)
    with pytest.raises(InputError, match="takes one value, got 2: a, b") as caught:
        pipeline.fit(one=given)
    assert caught.value.node == "one"
    with pytest.raises(InputError, match="gives Scalar, wanted Image") as caught:
        pipeline.fit(one=otframe.values.Scalar(1.0))
    assert caught.value.node == "one"
