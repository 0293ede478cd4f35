"""Runs that read folders and write files: sizes, depths, names, and nothing overwritten."""

import os

import cv2
import numpy as np
import pytest

from otframe import Pipeline
from otframe.errors import ImageReadError, OutputError, RequestError
from otframe.io import open_source
from otframe.values import Scalar, Table

TEXT = (
    'otframe: 1\ninputs: {photos: "Image[]"}\n'
    "nodes: {out: {use: toy.gain, in: photos, with: {factor: 1.0}}}\n"
    'outputs: {out: {from: out, to: "%s"}}'
)


@pytest.fixture
def folder(tmp_path):
    """Photographs of mixed sizes and depths: colour, grey, alpha, 16 bit, one pixel."""
    rng = np.random.default_rng(0)
    made = tmp_path / "photos"
    made.mkdir()
    shapes = {"colour": (12, 17, 3), "grey": (9, 8), "alpha": (8, 11, 4), "dot": (1, 1, 3)}
    for name, shape in shapes.items():
        cv2.imwrite(str(made / f"{name}.png"), rng.integers(0, 256, shape, dtype=np.uint8))
    cv2.imwrite(str(made / "deep.png"), rng.integers(0, 65536, (7, 5, 3), dtype=np.uint16))
    cv2.imwrite(str(made / "deep_grey.tiff"), rng.integers(0, 65536, (7, 5), dtype=np.uint16))
    return made


def test_every_photo_gives_one_of_the_same_size_depth_and_pixels(registry, folder, tmp_path):
    result = Pipeline.from_text(TEXT % "{stem}{suffix}", registry).run({"photos": folder}, out=tmp_path / "out")
    assert len(result.files) == 6
    for path in folder.iterdir():
        before = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        after = cv2.imread(str(tmp_path / "out" / path.name), cv2.IMREAD_UNCHANGED)
        assert before.dtype == after.dtype
        assert np.array_equal(before, after), path.name
    assert sorted(os.listdir(tmp_path / "out")) == sorted(os.listdir(folder))  # nothing temporary is left


def test_a_corrupt_photo_fails_alone(registry, folder, tmp_path):
    whole = (folder / "colour.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_text("not an image")
    pipeline = Pipeline.from_text(TEXT % "{stem}.png", registry)
    with pytest.raises(ImageReadError) as caught:
        pipeline.run({"photos": folder}, out=tmp_path / "stopped")
    assert caught.value.key == "cut"
    assert caught.value.node == "photos"
    result = pipeline.run({"photos": folder}, out=tmp_path / "out", on_error="skip")
    assert sorted(error.key for error in result.failures) == ["cut", "text"]
    assert all(isinstance(error, ImageReadError) for error in result.failures)
    good = ["alpha", "colour", "deep", "deep_grey", "dot", "grey"]
    assert sorted(os.listdir(tmp_path / "out")) == [f"{name}.png" for name in good]


def test_inputs_are_never_overwritten(registry, folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(OutputError, match="would overwrite"):
        Pipeline.from_text(TEXT % "{stem}{suffix}", registry).run({"photos": folder}, out=folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_two_items_never_share_a_file(registry, images, tmp_path):
    text = (TEXT % "{stem}.png").replace("outputs: {out:", 'outputs: {again: {from: out, to: "{key}.png"}, out:')
    with pytest.raises(OutputError, match="would be written to"):
        Pipeline.from_text(text, registry).run({"photos": images("a", "b")}, out=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("to", ["../{stem}.png", "/tmp/{stem}.png", "{stem}/../../x.png", "{nothing}-{stem}.png"])
def test_templates_stay_inside_the_output_folder(registry, images, tmp_path, to):
    with pytest.raises((OutputError, RequestError)):
        Pipeline.from_text(TEXT % to, registry).run({"photos": images("a")}, out=tmp_path / "out")
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_an_unknown_suffix_is_found_before_anything_is_computed(registry, images, tmp_path, toys):
    with pytest.raises(OutputError, match="no writer"):
        Pipeline.from_text(TEXT % "{stem}.pgn", registry).run({"photos": images("a")}, out=tmp_path)
    assert not toys.LOG


def test_outputs_without_a_name_get_one_by_type(registry, images, tmp_path):
    text = (
        'otframe: 1\ninputs: {photos: "Image[]"}\n'
        "nodes: {mean: {use: toy.mean, in: photos}, out: {use: toy.gain, in: photos}}\noutputs: {mean: mean, out: out}"
    )
    result = Pipeline.from_text(text, registry).run({"photos": images("a")}, out=tmp_path)
    assert sorted(str(file.path.relative_to(tmp_path)) for file in result.files) == ["mean.safetensors", "out/a.png"]
    source = open_source(tmp_path / "mean.safetensors", registry, Scalar)
    assert source.load("mean").number == pytest.approx(0.1)


def test_a_default_path_is_meant_beside_the_pipeline_file(registry, folder, tmp_path):
    text = (TEXT % "{stem}.png").replace('"Image[]"', '{type: "Image[]", default: photos}')
    (tmp_path / "here.yaml").write_text(text)
    result = Pipeline.from_yaml(tmp_path / "here.yaml", registry).run(out=tmp_path / "out")
    assert len(result.files) == 6


@pytest.mark.parametrize("out", ["file", "file/in/it", "loose"])
def test_an_output_folder_that_cannot_be_one_is_found_before_anything_is_computed(
    registry, images, tmp_path, toys, out
):
    (tmp_path / "file").write_text("here")
    (tmp_path / "loose").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputError, match="results go to a folder") as caught:
        Pipeline.from_text(TEXT % "{stem}.png", registry).run({"photos": images("a")}, out=tmp_path / out)
    assert caught.value.exit_code == 2
    assert not toys.LOG


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="everything is allowed")
def test_an_output_folder_that_is_read_only_is_found_before_anything_is_computed(registry, images, tmp_path, toys):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="does not allow writing"):
        Pipeline.from_text(TEXT % "{stem}.png", registry).run({"photos": images("a")}, out=closed / "in")
    assert not toys.LOG


@pytest.mark.parametrize(
    ("outputs", "told"),
    [
        ("one: {from: more, to: run.csv}", "as the record of the run"),
        ("one: {from: more, to: t.csv}, two: {from: more, to: t.json}", "as output 'one'"),
    ],
)
def test_what_may_be_overwritten_counts_both_files_of_a_table_and_the_record(registry, tmp_path, outputs, told):
    text = (
        f"otframe: 1\ninputs: {{table: Table}}\nnodes: {{more: {{use: toy.again, in: table}}}}\noutputs: {{{outputs}}}"
    )
    given = {"table": Table(("a",), ((1,),))}
    with pytest.raises(OutputError, match=told) as caught:
        Pipeline.from_text(text, registry).run(given, out=tmp_path)
    assert caught.value.exit_code == 2


def test_keys_too_long_for_a_file_name_fail_as_items(registry, images, tmp_path):
    long = "a" * 300
    result = Pipeline.from_text(TEXT % "{stem}.png", registry).run(
        {"photos": images("b", long)}, out=tmp_path, on_error="skip"
    )
    assert [file.key for file in result.files] == ["b"]
    assert [error.key for error in result.failures] == [long]


@pytest.mark.parametrize("name", ["", "no/where/../../here", "photos/colour.png/../here"])
def test_a_folder_that_would_quietly_be_another_is_refused(registry, images, tmp_path, monkeypatch, folder, name):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError) as caught:
        Pipeline.from_text(TEXT % "{stem}.png", registry).run({"photos": images("a")}, out=name)
    assert caught.value.exit_code == 2
    assert "--out" in caught.value.hint
    assert sorted(tmp_path.rglob("*")) == before
