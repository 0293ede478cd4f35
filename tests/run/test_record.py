"""`run.json`: what a run was made of, and how it went."""

import hashlib
import json

import cv2
import numpy as np
import pytest

from otframe import Pipeline, Registry
from otframe.errors import OtframeError
from otframe.run.record import RunRecord

TEXT = """\
otframe: 1
title: Recorded
params: {share: 0.25}
inputs: {photos: "Image[]", others: "Image[]"}
nodes:
  patches: {in: photos, steps: [{patch.unfold: {size: 3}}, patch.fold]}
  mixed: {use: image.blend, in: {a: patches, b: others}, with: {weight: $share}, join: key}
outputs:
  mixed: {from: mixed, to: "mixed/{stem}.png", before: photos}
"""


@pytest.fixture
def core():
    return Registry(points=[])


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, name in enumerate("ab"):
        cv2.imwrite(str(folder / f"{name}.png"), np.full((8, 9, 3), 50 * i + 20, np.uint8))
    return folder


def _run(core, photos, out, others=None, **options):
    record = RunRecord(out / "run.json", core)
    inputs = {"photos": photos, "others": others or photos}
    Pipeline.from_text(TEXT, core).run(inputs, out=out, observers=[record], **options)
    return json.loads((out / "run.json").read_text("utf-8"))


def test_record_has_what_is_needed_to_do_it_again(core, photos, tmp_path):
    data = _run(core, photos, tmp_path / "out", seed=7)
    assert (data["title"], data["status"], data["seed"], data["device"]) == ("Recorded", "done", 7, "cpu")
    assert data["executor"] == "serial"
    assert data["file"] == "<text>"
    assert data["params"] == {"share": 0.25}
    assert {"otframe", "python", "torch", "numpy", "plugins"} <= set(data["versions"])
    assert data["started"] < data["ended"]
    assert data["started"].endswith("+00:00")
    assert list(data["keys"].values()) == [["a", "b"]]
    source = data["sources"]["photos"][0]
    assert source["where"] == str(photos / "a.png")
    assert source["digest"] == hashlib.sha256((photos / "a.png").read_bytes()).hexdigest()
    assert data["error"] is None
    assert data["failures"] == []


def test_record_has_the_resolved_graph(core, photos, tmp_path):
    data = _run(core, photos, tmp_path / "out")
    nodes = {node["name"]: node for node in data["graph"]["nodes"]}
    assert nodes["patches/1"]["use"] == "patch.unfold"
    assert nodes["mixed"]["with"] == {"weight": 0.25}
    assert nodes["mixed"]["in"] == {"a": "patches", "b": "others"}
    assert nodes["mixed"]["arrow"] == "map"
    assert nodes["mixed"]["type"] == "Image[]"
    assert nodes["mixed"]["origins"] == ["others", "photos"]
    assert data["graph"]["outputs"][0]["before"] == "photos"
    assert data["passes"][0]["nodes"][-1] == "mixed"


def test_record_lists_files_and_times(core, photos, tmp_path):
    data = _run(core, photos, tmp_path / "out")
    assert [(f["output"], f["key"], f["path"]) for f in data["files"]] == [
        ("mixed", "a", "mixed/a.png"),
        ("mixed", "b", "mixed/b.png"),
    ]
    assert data["seconds"]["mixed"] >= 0
    assert data["wall_seconds"] > 0
    assert [p.name for p in (tmp_path / "out").iterdir() if p.name.startswith(".")] == []


def _misfits():
    return {"a": np.zeros((8, 9, 3)), "b": np.zeros((4, 4, 3))}


def test_record_of_a_run_that_stopped(core, photos, tmp_path):
    with pytest.raises(OtframeError, match="same size"):
        _run(core, photos, tmp_path / "out", _misfits())
    data = json.loads((tmp_path / "out/run.json").read_text("utf-8"))
    assert data["status"] == "failed"
    assert data["error"]["node"] == "mixed"
    assert data["error"]["key"] == "b"
    assert data["error"]["where"] == "<text>:7:3"
    assert len(data["files"]) == 1


def test_record_of_a_run_that_went_on(core, photos, tmp_path):
    data = _run(core, photos, tmp_path / "out", _misfits(), on_error="skip")
    assert data["status"] == "partial"
    assert [failure["key"] for failure in data["failures"]] == ["b"]
    assert data["error"] is None


def test_record_is_there_while_the_run_goes_on(core, photos, tmp_path):
    seen = []

    def cancel():
        seen.append(json.loads((tmp_path / "out/run.json").read_text("utf-8"))["status"])
        return len(seen) > 1

    with pytest.raises(OtframeError, match="cancelled"):
        _run(core, photos, tmp_path / "out", cancel=cancel)
    assert seen[0] == "running"
    assert json.loads((tmp_path / "out/run.json").read_text("utf-8"))["status"] == "cancelled"
