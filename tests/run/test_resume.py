"""What an earlier run left is taken where it is what this run would make, and only there."""

import json

import cv2
import numpy as np
import pytest

from otframe import Pipeline
from otframe.errors import DataError, OutputError, ParameterError
from otframe.registry import Registry
from otframe.run import Observer
from otframe.run.record import RunRecord
from otframe.store import Store

TEXT = """\
otframe: 1
params: {factor: 0.5, weight: 1.0}
inputs: {photos: "Image[]"}
nodes:
  darker: {use: toy.gain, in: photos, with: {factor: $factor}}
  law: {use: toy.mean, in: darker}
  noisy: {use: toy.noise, in: photos, keep: disk}
  shifted: {use: toy.scale, in: {factor: law, image: noisy}}
  mixed: {use: toy.add, in: {a: shifted, b: photos}, with: {weight: $weight}}
  count: {use: toy.count, in: mixed}
outputs:
  mixed: {from: mixed, to: "{stem}.png"}
  dark: {from: darker, to: "dark/{stem}.png"}
  count: count
"""
NAMES = ("a", "b", "c")


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(3)
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in NAMES:
        cv2.imwrite(str(folder / f"{name}.png"), rng.integers(0, 256, (6, 7, 3), np.uint8))
    return folder


@pytest.fixture
def go(registry, photos, tmp_path, toys):
    """Run into `out`; what was computed, what was written, what was found."""

    def call(out="out", text=TEXT, resume=True, **options):
        toys.LOG.clear()
        watch = Watch()
        folder = tmp_path / out
        pipeline = Pipeline.from_text(text, registry)
        options = {"observers": [watch], **options}
        watch.result = pipeline.run({"photos": photos}, out=folder, resume=resume, **options)
        watch.files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and ".otframe" not in path.parts
        }
        watch.gains = sum(line[0] == "gain" for line in toys.LOG)
        return watch

    return call


class Watch(Observer):
    def __init__(self):
        self.computed, self.wrote, self.found, self.values = [], [], [], frozenset()

    def run_started(self, info):
        self.values = info.found

    def node_finished(self, node, key, seconds):
        self.computed.append((node, key))

    def output_written(self, file):
        (self.found if file.found else self.wrote).append((file.output, file.key))

    def of(self, node):
        return [key for name, key in self.computed if name == node]


@pytest.mark.parametrize("executor", ["serial", "threads"])
def test_a_run_that_is_repeated_computes_nothing(go, executor):
    first = go(executor=executor)
    assert len(first.wrote) == 7
    assert not first.found
    again = go(executor=executor)
    assert again.computed == []
    assert again.wrote == []
    assert sorted(again.found) == sorted(first.wrote)
    assert again.files == first.files
    assert [file.path for file in again.result.files if file.found]


def test_without_resume_files_are_written_again_from_what_is_kept(go, tmp_path):
    store = tmp_path / "out" / ".otframe" / "values"
    first = go(resume=False, store=store)
    again = go(resume=False, store=store)
    assert sorted(again.wrote) == sorted(first.wrote)
    assert again.values == {"law", "count"}
    assert again.of("law") == []
    assert again.gains == 3, "only for the output `dark`"
    assert again.files == first.files


def test_nothing_is_taken_or_left_where_it_is_not_asked_for(go, tmp_path):
    first = go(resume=False)
    assert not (tmp_path / "out" / ".otframe").exists()
    again = go(resume=False)
    assert sorted(again.computed) == sorted(first.computed)


@pytest.mark.parametrize("lost", ["b.png", "dark/c.png", "count.csv", "count.json"])
def test_a_file_that_is_missing_or_changed_is_made_again(go, tmp_path, lost):
    first = go()
    path = tmp_path / "out" / lost
    for spoil in (path.unlink, lambda: path.write_bytes(first.files[lost][:-1] + b"?")):
        spoil()
        again = go()
        assert again.files == first.files
        name = "count" if "count" in lost else "dark" if "dark" in lost else "mixed"
        assert again.wrote == [(name, path.stem if name != "count" else "")]
        assert {key for _, key in again.computed} <= {path.stem, ""}


def test_only_what_a_parameter_touches_is_made_again(go):
    first = go()
    again = go(params={"weight": 0.5})
    assert sorted(again.wrote) == [("count", ""), *(("mixed", name) for name in NAMES)]
    assert again.values == {"law"}
    assert again.of("noisy") == list(NAMES), "taken from the store, item by item"
    assert again.gains == 0
    assert {name: again.files[name] for name in again.files if "dark" in name} == {
        name: first.files[name] for name in first.files if "dark" in name
    }
    back = go()
    assert back.files == first.files
    assert sorted(back.wrote) == [("count", ""), *(("mixed", name) for name in NAMES)]
    fresh = go("other", params={"weight": 0.5})
    assert fresh.files == again.files


def test_one_more_photo_is_made_and_the_folds_anew(go, photos):
    go()
    cv2.imwrite(str(photos / "d.png"), np.full((5, 5, 3), 9, np.uint8))
    again = go()
    assert again.files == go("fresh").files
    assert again.of("noisy") == ["a", "b", "c", "d"]
    assert [key for name, key in again.wrote if name == "dark"] == ["d"]


def test_another_seed_leaves_what_is_not_random(go):
    go()
    again = go(seed=1)
    assert sorted(again.wrote) == [("count", ""), *(("mixed", name) for name in NAMES)]
    assert again.files == go("fresh", seed=1).files


def test_a_damaged_value_is_computed_again(go, tmp_path, registry):
    first = go()
    store = Store(tmp_path / "out" / ".otframe" / "values", registry)
    entries = list(store.entries())
    assert sorted(store.told(entry)["node"] for entry in entries) == ["count", "law", *["noisy"] * 3]
    for entry in entries:
        data = bytearray(entry.read_bytes())
        data[len(data) // 2] ^= 4
        entry.write_bytes(data)
    for name in first.files:
        (tmp_path / "out" / name).unlink()
    with pytest.warns(UserWarning, match="is made again") as told:
        again = go()
    assert len(told) == 5
    assert again.values == frozenset()
    assert again.files == first.files
    assert len(list(store.entries())) == 5


def test_a_fold_over_fewer_items_is_not_kept_as_the_whole(go, toys, registry):
    text = (
        TEXT.replace(
            "darker: {use: toy.gain, in: photos, with: {factor: $factor}}",
            "fine: {use: toy.broken, in: photos, with: {on: b}}\n"
            "  darker: {use: toy.gain, in: fine, with: {factor: $factor}}",
        )
        .replace("in: darker}", "in: darker, skip: true}")
        .replace("in: mixed}", "in: mixed, skip: true}")
    )
    first = go(text=text, on_error="skip")
    assert [error.key for error in first.result.failures] == ["b"]
    again = go(text=text, on_error="skip")
    assert again.values == frozenset()
    assert sorted(again.found) == [("dark", "a"), ("dark", "c")], "what no fold has touched"
    assert again.files == first.files


def test_what_cannot_be_stored_is_told_of(go, toys, monkeypatch):
    def refuse(self, address, value, **told):
        raise DataError("it cannot be stored")

    monkeypatch.setattr(Store, "put", refuse)
    text = TEXT.replace(", keep: disk", "")
    first = go(text=text)
    assert first.result.notes == [
        f"'{name}' is computed by every run: it cannot be stored" for name in ("law", "count")
    ]
    with pytest.raises(DataError, match="cannot be stored") as caught:
        go("other")
    assert (caught.value.node, caught.value.key) == ("noisy", "a")


def test_values_marked_disk_are_computed_once_in_a_run_of_its_own_too(registry, photos, toys):
    text = (
        'otframe: 1\ninputs: {photos: "Image[]"}\nnodes:\n'
        "  darker: {use: toy.gain, in: photos, with: {factor: .5}, keep: disk}\n"
        "  law: {use: toy.mean, in: darker}\n  out: {use: toy.scale, in: {factor: law, image: darker}}\n"
        "outputs: {out: out}\n"
    )
    toys.LOG.clear()
    kept = Pipeline.from_text(text, registry)(photos=photos)["out"]
    assert sum(line[0] == "gain" for line in toys.LOG) == 3
    toys.LOG.clear()
    plain = Pipeline.from_text(text.replace(", keep: disk", ""), registry)(photos=photos)["out"]
    assert sum(line[0] == "gain" for line in toys.LOG) == 6
    assert all((kept[name].pixels == plain[name].pixels).all() for name in NAMES)


def test_named_tuples_come_back_as_they_were(registry, photos, tmp_path):
    text = (
        'otframe: 1\ninputs: {photos: "Image[]"}\nnodes:\n  parts: {use: toy.halves, in: photos, keep: disk}\n'
        "outputs: {low: parts.low, high: parts.high}\n"
    )
    pipeline = Pipeline.from_text(text, registry)
    first = pipeline.run({"photos": photos}, store=tmp_path / "store").values
    again = pipeline.run({"photos": photos}, store=tmp_path / "store").values
    for name in ("low", "high"):
        assert all((first[name][key].pixels == again[name][key].pixels).all() for key in NAMES)


def test_an_operator_is_fitted_from_what_a_run_left(registry, photos, tmp_path, toys):
    text = TEXT.replace('{photos: "Image[]"}', '{photos: "Image[]", examples: "Image[]"}').replace(
        "{use: toy.gain, in: photos,", "{use: toy.gain, in: examples,"
    )
    text = text.replace('  dark: {from: darker, to: "dark/{stem}.png"}\n', "")
    pipeline = Pipeline.from_text(text, registry)
    store = tmp_path / "store"
    whole = pipeline.run({"photos": photos, "examples": photos}, store=store).values["mixed"]
    toys.LOG.clear()
    operator = pipeline.fit({"examples": photos}, store=store)
    assert not toys.LOG, "the law was there"
    applied = operator(photos=photos)["mixed"]
    assert all((whole[name].pixels == applied[name].pixels).all() for name in NAMES)


def test_the_record_says_what_was_found(go, tmp_path, registry):
    record = tmp_path / "run.json"
    go()
    go(params={"weight": 0.2}, observers=[RunRecord(record, registry)], text=TEXT)
    told = json.loads(record.read_text())
    assert told["found"] == ["law"]
    assert {file["output"]: file["found"] for file in told["files"]} == {"dark": True, "mixed": False, "count": False}


def test_what_killed_runs_left_half_written_is_removed(go, tmp_path):
    go()
    rest = [
        tmp_path / "out" / ".a.0123456789ab.part.png",
        tmp_path / "out" / "dark" / ".a.0123456789ab.part.png",
        tmp_path / "out" / ".otframe" / "values" / "00" / ".ab.0123456789ab.part.otv",
    ]
    for path in rest:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    mine = tmp_path / "out" / ".hidden.part.png"
    mine.write_bytes(b"mine")
    go()
    assert [path.exists() for path in rest] == [False] * 3
    assert mine.exists()


def test_wrong_requests(registry, photos, tmp_path):
    pipeline = Pipeline.from_text(TEXT, registry)
    with pytest.raises(ParameterError, match="nothing to resume"):
        pipeline.run({"photos": photos}, resume=True)
    with pytest.raises(OutputError, match="keep their own files"):
        Pipeline.from_text(TEXT.replace("dark/{stem}", ".otframe/{stem}"), registry).run(
            {"photos": photos}, out=tmp_path / "out"
        )
    assert not (tmp_path / "out").exists()


def states(preview):
    return {state.name: (state.word, state.items - state.there) for state in preview}


def test_a_preview_says_hit_stale_or_new_and_leaves_everything_alone(go, registry, photos, tmp_path):
    pipeline = Pipeline.from_text(TEXT, registry)

    def look(**options):
        return pipeline.preview({"photos": photos}, out=tmp_path / "out", resume=True, **options)

    assert {word for word, _ in states(look()).values()} == {"new"}
    assert not (tmp_path / "out").exists()
    go()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    assert {word for word, _ in states(look()).values()} == {"hit"}
    found = look(params={"weight": 0.5})
    assert states(found) == {
        "photos": ("new", 3),
        "darker": ("hit", 0),
        "law": ("hit", 0),
        "noisy": ("hit", 0),
        "shifted": ("new", 3),
        "mixed": ("stale", 3),
        "count": ("stale", 1),
        "dark": ("hit", 0),
    }
    why = {state.name: state.why for state in found}
    assert why["count"] == "'mixed': weight 1.0 -> 0.5"
    assert why["mixed"] == "weight 1.0 -> 0.5"
    cv2.imwrite(str(photos / "b.png"), np.zeros((4, 4, 3), np.uint8))
    changed = {state.name: state for state in look()}
    assert (changed["noisy"].word, changed["noisy"].items - changed["noisy"].there) == ("stale", 1)
    assert "'photos': content" in changed["noisy"].why or changed["noisy"].why == "'photos': other content"
    assert changed["dark"].there == 2
    (tmp_path / "out" / "dark" / "a.png").unlink()
    assert {path: path.stat().st_mtime_ns for path in before if path.exists() and path.is_file()} == {
        path: time for path, time in before.items() if path.exists() and path.is_file()
    }


def test_worker_processes_keep_and_find_items_too(photos, tmp_path):
    text = """
otframe: 1
inputs: {photos: "Image[]"}
nodes:
  noisy: {use: degrade.noise, in: photos, with: {sigma: 20}, keep: disk}
  law: {in: noisy, steps: [{patch.unfold: {size: 3}}, gaussian.statistics]}
  half: {use: image.blend, in: {a: noisy, b: photos}, with: {weight: 0.5}}
outputs: {half: {from: half, to: "{stem}.png"}, law: {from: law, to: law.safetensors}}
"""
    pipeline = Pipeline.from_text(text)

    def files(out):
        return {path.name: path.read_bytes() for path in (tmp_path / out).iterdir() if path.is_file()}

    pipeline.run({"photos": photos}, out=tmp_path / "plain")
    options = {"executor": "processes", "workers": 2, "resume": True}
    pipeline.run({"photos": photos}, out=tmp_path / "out", **options)
    assert files("out") == files("plain")
    store = Store(tmp_path / "out" / ".otframe" / "values", Registry.installed())
    assert sorted(store.told(entry)["node"] for entry in store.entries()) == ["law", *["noisy"] * 3]
    for name in files("out"):
        (tmp_path / "out" / name).unlink()
    watch = Watch()
    pipeline.run({"photos": photos}, out=tmp_path / "out", observers=[watch], **options)
    assert files("out") == files("plain")
    assert watch.values == {"law"}
    (tmp_path / "out" / "b.png").unlink()
    watch = Watch()
    pipeline.run({"photos": photos}, out=tmp_path / "out", observers=[watch], **options)
    assert watch.wrote == [("half", "b")]
    assert files("out") == files("plain")
