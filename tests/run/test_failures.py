"""Failures where they are seldom looked for: in the parts of a fold, in lists, in readers and writers, of memory."""

import numpy as np
import pytest

from otframe import Pipeline
from otframe.errors import ComponentError, DataError, OutputError, ParameterError
from otframe.io.source import ValuesSource
from otframe.run import Observer

PHOTOS = 'inputs: {photos: "Image[]"}\n'
GAIN = PHOTOS + "nodes: {out: {use: toy.gain, in: photos}}\noutputs: {out: out}"


@pytest.mark.parametrize("on_error", ["stop", "skip"])
@pytest.mark.parametrize("part", ["lift", "merge", "finish"])
def test_each_part_of_a_fold_is_named(run, images, part, on_error):
    text = PHOTOS + f"nodes: {{out: {{use: toy.fails, in: photos, with: {{at: {part}}}}}}}\noutputs: {{out: out}}"
    with pytest.raises(ComponentError, match=f"'toy.fails' raised ValueError: no {part}") as caught:
        run(text, inputs={"photos": images("a", "b")}, on_error=on_error)
    assert caught.value.node == "out"
    assert caught.value.key == ("a" if part == "lift" else "")


@pytest.mark.parametrize("how", ["torch", "numpy", "python"])
def test_no_memory_is_not_called_a_defect(run, images, how):
    text = PHOTOS + f"nodes: {{out: {{use: toy.greedy, in: photos, with: {{how: {how}}}}}}}\noutputs: {{out: out}}"
    with pytest.raises(DataError, match=r"'toy\.greedy' ran out of memory") as caught:
        run(text, inputs={"photos": images("a")})
    assert "smaller images" in caught.value.hint


def gathering(skip):
    return PHOTOS + (
        "nodes:\n  some: {use: toy.broken, in: photos, with: {on: b}}\n  parts: {use: toy.mean, in: some, each: true}\n"
        f"  total: {{use: toy.total, in: parts, skip: {str(skip).lower()}}}\noutputs: {{total: total}}"
    )


def test_a_failed_item_does_not_go_missing_from_a_list_unless_told(run, images):
    given = {"photos": images("a", "b", "c")}
    with pytest.raises(DataError, match="this image is not liked") as caught:
        run(gathering(False), inputs=given, on_error="skip")
    assert caught.value.hint.splitlines() == [
        "give another",
        "'total' needs all items; say `skip: true` there to go on with those that are left",
    ]
    assert run(gathering(True), inputs=given, on_error="skip").values["total"].number == pytest.approx(0.4)
    with pytest.raises(DataError, match="nothing is left to gather"):
        run(gathering(True), inputs={"photos": images("b")}, on_error="skip")


def test_the_error_told_is_the_one_that_the_fold_misses_the_item_for(run, images):
    text = PHOTOS + (
        "nodes:\n  first: {use: toy.broken, in: photos, with: {on: b, how: untyped}}\n"
        "  second: {use: toy.broken, in: photos, with: {on: b}}\n  mean: {use: toy.mean, in: second}\n"
        "outputs: {first: first, mean: mean}"
    )
    with pytest.raises(DataError) as caught:
        run(text, inputs={"photos": images("a", "b")}, on_error="skip")
    assert caught.value.node == "second"


def test_a_reader_that_breaks_fails_one_item(run, images, registry):
    class Breaks(ValuesSource):
        def load(self, key):
            if key == "b":
                raise ZeroDivisionError("half read")
            return super().load(key)

    result = run(GAIN, inputs={"photos": Breaks(images("a", "b"), registry=registry)}, on_error="skip")
    assert list(result.values["out"]) == ["a"]
    (error,) = result.failures
    assert (error.node, error.key) == ("photos", "b")
    assert "the reader of the value 'b'" in error.message


@pytest.mark.parametrize("error", [ZeroDivisionError("oh"), OutputError("the disk is full")])
def test_a_writer_that_breaks_fails_one_item(run, images, monkeypatch, tmp_path, error):
    write = Pipeline._write

    def breaks(self, value, path):
        if path.stem == "b":
            raise error
        return write(self, value, path)

    monkeypatch.setattr(Pipeline, "_write", breaks)
    result = run(GAIN, inputs={"photos": images("a", "b")}, out=tmp_path, on_error="skip")
    assert [file.key for file in result.files] == ["a"]
    (failure,) = result.failures
    assert (failure.node, failure.key) == ("out", "b")
    assert error.args[0] in failure.message


def test_an_interrupt_goes_through_and_is_told_to_observers(run, images, toys, monkeypatch):
    told = []

    class Watch(Observer):
        def run_failed(self, error):
            told.append(type(error))

    def interrupted(self, image):
        raise KeyboardInterrupt

    monkeypatch.setattr(toys.Gain, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(GAIN, inputs={"photos": images("a")}, observers=[Watch()], on_error="skip")
    assert told == [KeyboardInterrupt]


def test_devices_are_tried_before_anything_is_computed(run, images, toys):
    for options, told in (
        ({"device": "toaster"}, "there is no such device type"),
        ({"device": "meta"}, "'meta' cannot"),
    ):
        with pytest.raises(ParameterError, match=told):
            run(GAIN, inputs={"photos": images("a")}, **options)
    text = PHOTOS + "nodes: {out: {use: toy.gain, in: photos, device: toaster}}\noutputs: {out: out}"
    with pytest.raises(ParameterError, match="device 'toaster' cannot be used") as caught:
        run(text, inputs={"photos": images("a")})
    assert caught.value.node == "out"
    assert caught.value.where.line == 3
    assert not toys.LOG


def test_on_error_is_one_of_two(run, images):
    with pytest.raises(ParameterError, match="'stop' or 'skip', got 'ignore'"):
        run(GAIN, inputs={"photos": images("a")}, on_error="ignore")


def test_an_array_that_is_no_image_is_named(run, images):
    given = [images("a")["a"], np.zeros((4, 4, 7), np.uint8)]
    with pytest.raises(DataError, match="wanted an array") as caught:
        run(GAIN, inputs={"photos": given})
    assert (caught.value.node, caught.value.key) == ("photos", "0001")


def test_time_is_told_for_all_parts_of_a_fold_and_for_files_that_are_written(run, images, tmp_path):
    text = PHOTOS + "nodes: {mean: {use: toy.mean, in: photos}}\noutputs: {mean: mean, photos: photos}"
    assert set(run(text, inputs={"photos": images("a")}).seconds) == {"photos", "mean"}
    assert set(run(text, inputs={"photos": images("a")}, out=tmp_path).seconds) == {"photos", "mean", "write"}
