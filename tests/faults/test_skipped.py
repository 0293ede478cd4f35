"""A run that went on without an item: nothing that lacks it is taken for whole, neither values nor files."""

import json
import os

import pytest

from otframe import Pipeline
from otframe.errors import DataError
from otframe.run.call import Caller
from otframe.run.paths import FOLDER
from otframe.store import Store

LONG = bool(os.environ.get("OTFRAME_LONG"))
COUNT = 8
BAD = "03"


@pytest.fixture
def file(kit, tmp_path):
    """The pipeline whose folds may go on without an item."""
    text = kit.file.read_text(encoding="utf-8")
    text = text.replace("gaussian.statistics]}", "gaussian.statistics], skip: true}")
    text = text.replace("join: key}\noutputs", "join: key, skip: true}\noutputs")
    assert text.count("skip: true") == 3
    (tmp_path / "skips.yaml").write_text(text, encoding="utf-8")
    return tmp_path / "skips.yaml"


@pytest.fixture
def photos(kit, tmp_path):
    return kit.of(COUNT, tmp_path / "photos").photos


def told(out):
    """The files that the ledger tells of."""
    lines = [json.loads(line[17:]) for line in (out / FOLDER / "ledger.jsonl").read_bytes().splitlines()]
    return {line["file"] for line in lines if "file" in line}


def nodes(kit, store):
    """Of which nodes, and how often, a store has values."""
    kept = Store(store, kit.registry)
    found = [kept.told(path)["node"] for path in kept.entries()]
    return {name: found.count(name) for name in sorted(set(found))}


def all_of(folder, but=""):
    return {f"{folder}{number:02d}.png" for number in range(COUNT) if f"{number:02d}" != but}


def run(file, photos, out, **options):
    return Pipeline.from_yaml(file).run({"photos": str(photos)}, out=out, on_error="skip", **options)


@pytest.mark.parametrize("executor", ["serial", "threads", "processes"] if LONG else ["serial", "threads"])
def test_a_broken_photograph_that_is_repaired(kit, undisturbed, file, photos, tmp_path, executor):
    whole, out = (photos / f"{BAD}.png").read_bytes(), tmp_path / "out"
    (photos / f"{BAD}.png").write_bytes(whole[: len(whole) // 2])
    options = {"resume": True, "executor": executor, "workers": 2}
    result = run(file, photos, out, **options)
    assert [error.key for error in result.failures] == [BAD]
    assert set(kit.outputs(out)) == all_of("noisy/", BAD) | all_of("", BAD) | {
        "scores.csv",
        "scores.json",
        "map.safetensors",
    }
    assert told(out) == all_of("noisy/", BAD)
    assert nodes(kit, out / FOLDER / "values") == {"noisy": COUNT - 1}
    wrong = kit.outputs(out)
    assert wrong["map.safetensors"] != undisturbed(COUNT)["map.safetensors"]
    (photos / f"{BAD}.png").write_bytes(whole)
    result = run(file, photos, out, **options)
    assert not result.failures
    assert sum(file.found for file in result.files) == COUNT - 1
    kit.check_same(out, undisturbed(COUNT))
    assert kit.entries(out / FOLDER / "values") == kit.values(COUNT)


def test_the_command_line(kit, undisturbed, file, photos, tmp_path):
    whole, out = (photos / f"{BAD}.png").read_bytes(), tmp_path / "out"
    (photos / f"{BAD}.png").write_bytes(b"this is no photograph")
    options = ("--on-error", "skip", "--resume")
    tell = kit.end(start(kit, file, photos, out, *options), code=1)
    assert "1 item failed" in tell
    assert f"item '{BAD}'" in tell
    (photos / f"{BAD}.png").write_bytes(whole)
    kit.end(start(kit, file, photos, out, *options))
    kit.check_same(out, undisturbed(COUNT))
    assert kit.found(out) == COUNT - 1


def start(kit, file, photos, out, *options):
    return type(kit)(file, photos).start(out, *options)


NOISY = all_of("noisy/")
FITTED = {"law": 1, "clean": 1, "map": 1}
LEFT = {
    "photos": (NOISY - {f"noisy/{BAD}.png"}, {"noisy": COUNT - 1}),
    "colour": (NOISY - {f"noisy/{BAD}.png"}, {"noisy": COUNT - 1}),
    "noisy": (NOISY - {f"noisy/{BAD}.png"}, {"clean": 1, "noisy": COUNT - 1}),
    "law": (NOISY, {"clean": 1, "noisy": COUNT}),
    "clean": (NOISY, {"law": 1, "noisy": COUNT}),
    "moved": (NOISY | all_of("", BAD) | {"map.safetensors"}, FITTED | {"moved": COUNT - 1, "noisy": COUNT}),
    "out": (NOISY | all_of("", BAD) | {"map.safetensors"}, FITTED | {"moved": COUNT, "noisy": COUNT}),
    "scores": (NOISY | all_of("") | {"map.safetensors"}, FITTED | {"moved": COUNT, "noisy": COUNT}),
}
"""Where an item fails: the files that are told of, and the values that are kept."""


def fail_at(patch, name):
    """Let a node fail for one item, for a reason that does not lie in the item: it is gone the next time."""
    for verb in ("read", "_lift_or_call"):
        real = getattr(Caller, verb)

        def call(self, node, *arguments, real=real):
            if node.id == name and BAD in arguments:
                raise DataError("no memory was left", node=name, key=BAD)
            return real(self, node, *arguments)

        patch.setattr(Caller, verb, call)


@pytest.mark.parametrize("executor", ["serial", "threads"])
@pytest.mark.parametrize("name", LEFT)
def test_a_failure_that_does_not_come_again(kit, undisturbed, file, photos, tmp_path, monkeypatch, name, executor):
    """The photographs are the same, and so are the addresses: only what was made of all of them may be found."""
    files, values = LEFT[name]
    out, options = tmp_path / "out", {"resume": True, "executor": executor, "workers": 3}
    with monkeypatch.context() as patch:
        fail_at(patch, name)
        assert {error.key for error in run(file, photos, out, **options).failures} == {BAD}
    assert told(out) == files
    assert nodes(kit, out / FOLDER / "values") == dict(sorted(values.items()))
    result = run(file, photos, out, **options)
    assert not result.failures
    assert sum(file.found for file in result.files) == len(files)
    kit.check_same(out, undisturbed(COUNT))
    assert kit.entries(out / FOLDER / "values") == kit.values(COUNT)


@pytest.mark.parametrize("name", LEFT)
def test_after_a_whole_run_what_it_left_stays(kit, undisturbed, file, photos, tmp_path, monkeypatch, name):
    """A failure later on does not spoil what is kept; files are written anew, but for those that are missing."""
    out = tmp_path / "out"
    run(file, photos, out, resume=True)
    with monkeypatch.context() as patch:
        fail_at(patch, name)
        run(file, photos, out, store=out / FOLDER / "values")
    assert kit.entries(out / FOLDER / "values") == kit.values(COUNT)
    kit.check_same(out, undisturbed(COUNT))
    for path in [*out.glob("*.png"), out / "map.safetensors", out / "scores.csv"]:
        path.unlink()
    with monkeypatch.context() as patch:
        fail_at(patch, name)
        run(file, photos, out, resume=True)
    run(file, photos, out, resume=True)
    kit.check_same(out, undisturbed(COUNT))
