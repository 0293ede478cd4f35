"""Joined inputs that differ in their keys: refused, or with `on_error="skip"` told of item by item and left out."""

import json

import cv2
import numpy as np
import pytest

from otframe import Pipeline
from otframe.errors import DataError, InputError
from otframe.io import open_source
from otframe.run.partial import PartialSource, completed
from otframe.run.record import RunRecord
from otframe.run.shipping import pack, unpack

INPUTS = 'inputs: {x: "Image[]", y: "Image[]"}\n'
ITEMS = INPUTS + (
    "nodes:\n  sum: {use: toy.add, in: {a: x, b: y}, join: key}\n  own: {use: toy.gain, in: x}\n"
    "outputs: {sum: sum, own: own}"
)


def folding(skip):
    return INPUTS + (
        f"nodes: {{mean: {{use: toy.weighed, in: {{image: x, weight: y}}, join: key, skip: {str(skip).lower()}}}}}\n"
        "outputs: {mean: mean}"
    )


@pytest.fixture
def given(images):
    return {"x": images("a", "b", "c"), "y": images("b", "c", "d")}


def test_each_item_that_one_lacks_is_a_failure_of_its_own(run, given):
    result = run(ITEMS, inputs=given, on_error="skip")
    assert list(result.values["sum"]) == ["b", "c"]
    assert list(result.values["own"]) == ["a", "b", "c"], "what needs one input alone is made of all it has"
    assert [(error.node, error.key) for error in result.failures] == [("y", "a"), ("x", "d")]
    assert result.failures[0].message == "there is no 'a' to go with the value 'a' given from Python of 'x'"


def test_without_it_nothing_is_started(run, given, toys, tmp_path):
    with pytest.raises(InputError, match="only in 'x': a; only in 'y': d") as caught:
        run(ITEMS, inputs=given, out=tmp_path / "out")
    assert "--on-error skip" in caught.value.hint
    assert not toys.LOG
    assert not (tmp_path / "out").exists()


def test_a_fold_goes_on_with_the_rest_where_it_may(run, given, images):
    with pytest.raises(DataError, match="there is no 'a'") as caught:
        run(folding(False), inputs=given, on_error="skip")
    assert "'mean' needs all items; say `skip: true`" in caught.value.hint
    both = {name: {key: given[name][key] for key in ("b", "c")} for name in given}
    wanted = run(folding(True), inputs=both).values["mean"]
    assert run(folding(True), inputs=given, on_error="skip").values["mean"] == wanted


def test_inputs_with_nothing_in_common_are_refused_as_before(run, images):
    with pytest.raises(InputError, match="keys differ") as caught:
        run(ITEMS, inputs={"x": images("a"), "y": images("b")}, on_error="skip")
    assert "--on-error" not in caught.value.hint, "it would be of no use"


def test_inputs_that_are_not_joined_keep_their_keys(run, images):
    text = INPUTS + "nodes:\n  a: {use: toy.gain, in: x}\n  b: {use: toy.gain, in: y}\noutputs: {a: a, b: b}"
    result = run(text, inputs={"x": images("p"), "y": images("q")}, on_error="skip")
    assert not result.failures
    assert (list(result.values["a"]), list(result.values["b"])) == (["p"], ["q"])


@pytest.fixture
def folders(tmp_path):
    for folder, names in (("x", "abc"), ("y", "bcd")):
        (tmp_path / folder).mkdir()
        for name in names:
            cv2.imwrite(str(tmp_path / folder / f"{name}.png"), np.full((3, 3, 3), ord(name), np.uint8))
    return {name: tmp_path / name for name in ("x", "y")}


@pytest.mark.parametrize("executor", ["serial", "threads"])
def test_files_are_written_for_the_rest_and_the_record_tells(run, registry, folders, tmp_path, executor):
    out = tmp_path / "out"
    record = RunRecord(out / "run.json", registry)
    options = {"out": out, "on_error": "skip", "executor": executor, "resume": True}
    run(ITEMS, inputs=folders, observers=[record], **options)
    assert {str(path.relative_to(out)) for path in out.rglob("*.png")} == {
        *("sum/b.png", "sum/c.png", "own/a.png", "own/b.png", "own/c.png")
    }
    told = json.loads((out / "run.json").read_text("utf-8"))
    assert {(failure["node"], failure["key"]) for failure in told["failures"]} == {("y", "a"), ("x", "d")}
    # the missing partner comes: what was made stays, and the rest is made
    cv2.imwrite(str(folders["y"] / "a.png"), np.full((3, 3, 3), 7, np.uint8))
    result = run(ITEMS, inputs=folders, **options)
    assert [(error.node, error.key) for error in result.failures] == [("x", "d")]
    assert {file.key for file in result.files if not file.found} == {"a"}
    assert (out / "sum" / "a.png").exists()


def test_a_preview_takes_the_same_request(registry, folders, tmp_path):
    pipeline = Pipeline.from_text("otframe: 1\n" + ITEMS, registry)
    with pytest.raises(InputError, match="keys differ"):
        pipeline.preview(folders, out=tmp_path / "out")
    found = {state.name: state.items for state in pipeline.preview(folders, out=tmp_path / "out", on_error="skip")}
    assert found["sum"] == 4


def test_sources_without_a_gap_stay_as_they_are(registry, folders, images):
    sources = {name: open_source(path, registry) for name, path in folders.items()}
    assert completed({"x": sources["x"]}, {"x": "x"})["x"] is sources["x"]
    assert completed(sources, {"x": "x", "y": "y"}) == sources
    found = completed(sources, {"x": "x", "y": "x"})
    assert all(isinstance(source, PartialSource) for source in found.values())
    assert found["x"].keys() == found["y"].keys() == ("a", "b", "c", "d")
    assert found["x"].digest("b") == sources["x"].digest("b")
    assert found["x"].where("b") == str(folders["x"] / "b.png")
    assert found["x"].origin("b") is sources["x"].origin("b")


def test_it_goes_to_another_process(registry, folders):
    found = PartialSource(open_source(folders["x"], registry), {"d": ("y", open_source(folders["y"], registry))})
    there = unpack(pack(found, registry), registry)
    assert there.keys() == found.keys()
    with pytest.raises(DataError, match="there is no 'd' to go with .*d.png of 'y'"):
        there.load("d")
