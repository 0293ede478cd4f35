"""An address changes with everything that a value's bits depend on, and with nothing else."""

import cv2
import numpy as np
import pytest

from otframe.graph import Ref, parse_document
from otframe.interfaces import ModelPool
from otframe.run.setup import set_up
from otframe.store import address, fingerprint

TEXT = """\
otframe: 1
params: {factor: 2.0, strength: 3.0}
inputs: {photos: "Image[]", others: "Image[]"}
nodes:
  more: {use: toy.gain, in: photos, with: {factor: $factor}}
  noisy: {use: toy.noise, in: photos}
  halves: {use: toy.halves, in: more}
  net: {use: toy.doubler, with: {strength: $strength}}
  twice: {use: net.double, in: photos}
  law: {use: toy.mean, in: more}
  other: {use: toy.mean, in: others}
  each: {use: toy.mean, in: noisy, each: true}
  total: {use: toy.total, in: {parts: each}}
  scaled: {use: toy.scale, in: {factor: law, image: others}}
  deep: {use: toy.wrapped, in: photos, with: {inner: {use: toy.gain, with: {factor: $factor}}}}
outputs: {halves: halves.low, twice: twice, total: total, other: other, scaled: scaled, deep: deep}
"""
COMPUTED = {"net", "more", "noisy", "halves", "twice", "law", "other", "each", "total", "scaled", "deep"}


@pytest.fixture
def folders(tmp_path):
    rng = np.random.default_rng(1)
    for folder, names in {"photos": "ab", "others": "xy"}.items():
        (tmp_path / folder).mkdir()
        for name in names:
            cv2.imwrite(str(tmp_path / folder / f"{name}.png"), rng.integers(0, 256, (4, 5, 3), np.uint8))
    return tmp_path


@pytest.fixture
def told(registry, folders, monkeypatch):
    """All addresses of a run by node and key."""

    def call(text=TEXT, params=None, seed=0, pool=None, folder=folders):
        monkeypatch.setattr(fingerprint, "_version", lambda name: "1")
        inputs = {name: str(folder / name) for name in ("photos", "others")}
        pool = pool or ModelPool()
        setup = set_up(parse_document(text), registry, inputs, params or {}, seed, pool, None, None)
        found = setup.kept(folder / "values", False).addresses
        return {
            (name, key): found.of(Ref(name), key)
            for name in setup.graph.nodes
            if name in setup.graph.needed()
            for key in found.walked(name)
        }

    return call


def changed(before, after):
    return {name for name, key in before if before[name, key] != after.get((name, key))}


def test_the_same_run_has_the_same_addresses_and_each_value_its_own(told):
    first = told()
    assert first == told()
    assert None not in first.values()
    assert len(set(first.values())) == len(first)


@pytest.mark.parametrize(
    ("change", "which"),
    [
        ({"params": {"factor": 3.0}}, {"more", "halves", "law", "scaled", "deep"}),
        ({"params": {"strength": 2.0}}, {"net", "twice"}),
        ({"seed": 1}, {"noisy", "each", "total", "deep"}),
        ({"text": TEXT.replace("  noisy: {", "  noisy: {rng: other, ")}, {"noisy", "each", "total"}),
        ({"text": TEXT.replace("  noisy: {", "  noisy: {dtype: float64, ")}, {"noisy", "each", "total"}),
        ({"text": TEXT.replace("inner: {use: toy.gain", "inner: {use: toy.noise").replace(
            "toy.noise, with: {factor: $factor}", "toy.noise")}, {"deep"}),
        ({"text": TEXT.replace("use: net.double", "use: net.halve")}, {"twice"}),
        ({"text": TEXT.replace("{factor: law,", "{factor: other,")}, {"scaled", "law"}),  # no output needs the law
    ],
)  # fmt: skip
def test_what_a_change_touches(told, change, which):
    assert changed(told(), told(**change)) == which


def test_the_name_of_a_node_counts_where_it_draws_random_numbers_and_nowhere_else(told):
    renamed = TEXT.replace("more", "brighter").replace("law", "mean_of")
    before, after = told(), told(renamed)
    assert before["halves", "a"] == after["halves", "a"]
    assert before["scaled", "x"] == after["scaled", "x"]
    drawn = told(TEXT.replace("noisy", "grainy"))
    assert before["total", ""] != drawn["total", ""]


def test_device_and_dtype_of_the_run_count_for_all_that_is_computed(told):
    import torch

    after = told(pool=ModelPool("cpu", torch.float64))
    assert changed(told(), after) == COMPUTED


def test_content_counts_and_so_does_the_name_of_a_file_but_not_its_folder(told, folders):
    before = told()
    folders.rename(folders.with_name("elsewhere"))
    folder = folders.with_name("elsewhere")
    assert told(folder=folder) == before
    pixels = cv2.imread(str(folder / "photos" / "b.png"))
    cv2.imwrite(str(folder / "photos" / "b.png"), 255 - pixels)
    after = told(folder=folder)
    assert {at for at in before if before[at] != after[at]} == {
        *((name, "b") for name in ("photos", "more", "noisy", "halves", "twice", "each", "deep")),
        ("law", ""), ("total", ""), ("scaled", "x"), ("scaled", "y"),
    }  # fmt: skip
    cv2.imwrite(str(folder / "photos" / "b.png"), pixels)
    assert told(folder=folder) == before
    (folder / "photos" / "b.png").rename(folder / "photos" / "c.png")
    renamed = told(folder=folder)
    assert renamed["more", "a"] == before["more", "a"]
    assert renamed["more", "c"] != before["more", "b"]


def test_one_more_photo_changes_folds_and_no_other_item(told, folders):
    before = told()
    cv2.imwrite(str(folders / "photos" / "c.png"), np.zeros((4, 5, 3), np.uint8))
    after = told()
    assert {at for at in before if before[at] != after[at]} == {
        ("law", ""), ("total", ""), ("scaled", "x"), ("scaled", "y")
    }  # fmt: skip


def test_code_counts(told, toys, monkeypatch):
    before = told()
    true = fingerprint.code_of
    monkeypatch.setattr(address, "code_of", lambda m, d="": "other" if m == toys.__name__ else true(m, d))
    assert changed(before, told()) == COMPUTED
    monkeypatch.setattr(address, "code_of", lambda m, d="": "" if m == toys.__name__ else true(m, d))
    unknown = told()
    assert {name for (name, _), found in unknown.items() if found is None} == COMPUTED, (
        "code that cannot be told from another has no address"
    )


def test_versions_of_libraries_count(told, monkeypatch):
    before = told()
    monkeypatch.setattr(address, "environment", lambda device: {"torch": "9.9"})
    assert changed(before, told()) == COMPUTED


def test_a_photo_that_cannot_be_read_has_no_address_nor_what_is_made_of_it(told, folders, monkeypatch):
    from otframe.errors import InputError
    from otframe.io.source import FileSource

    true = FileSource.digest

    def digest(self, key):
        if self.path.stem == "b":
            raise InputError("it cannot be read")
        return true(self, key)

    monkeypatch.setattr(FileSource, "digest", digest)
    found = told()
    assert {at for at in found if found[at] is None} == {
        *((name, "b") for name in ("photos", "more", "noisy", "halves", "twice", "each", "deep")),
        ("law", ""), ("total", ""), ("scaled", "x"), ("scaled", "y"),
    }  # fmt: skip


def test_files_that_parameters_name_count(tmp_path):
    from pathlib import Path

    from otframe.interfaces import Transform

    class Inner(Transform):
        weights: Path
        label: str = "plain"

    class Outer(Transform):
        inner: Inner
        several: tuple[Path, ...] = ()

    file, folder = tmp_path / "w.bin", tmp_path / "model"
    file.write_bytes(b"one")
    folder.mkdir()
    (folder / "part").write_bytes(b"two")
    made = Outer(inner=Inner(weights=file), several=(folder, tmp_path / "absent"))
    before = fingerprint.files_of(made)
    assert set(before) == {"inner.weights", "several.0"}
    (folder / "part").write_bytes(b"three")
    middle = fingerprint.files_of(made)
    assert middle["inner.weights"] == before["inner.weights"]
    assert middle["several.0"] != before["several.0"]
    file.write_bytes(b"eno")
    assert fingerprint.files_of(made)["inner.weights"] != before["inner.weights"]


def test_a_chain_of_any_length_has_an_address(registry, folders):
    links = "".join(f"  n{i}: {{use: toy.gain, in: {f'n{i - 1}' if i else 'photos'}}}\n" for i in range(1500))
    text = f'otframe: 1\ninputs: {{photos: "Image[]"}}\nnodes:\n{links}outputs: {{end: n1499}}\n'
    inputs = {"photos": str(folders / "photos")}
    setup = set_up(parse_document(text), registry, inputs, {}, 0, ModelPool(), None, None)
    assert setup.kept(folders / "values", False).addresses.of(Ref("n1499"), "a")
