"""Keys are letters, not bytes: accents written in one piece or in two, as macOS does, are one key."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
import torch

from otframe import Pipeline
from otframe.errors import InputError, OutputError
from otframe.io import ValuesSource, open_source, write
from otframe.io.names import as_key
from otframe.io.source import JoinedSource, Source
from otframe.values import Image

ONE = "caf\u00e9-\u00c5"
TWO = unicodedata.normalize("NFD", ONE)
BLEND = """
otframe: 1
inputs: {a: "Image[]", b: "Image[]"}
nodes: {out: {use: image.blend, in: {a: a, b: b}, with: {weight: 0.5}, join: key}}
outputs: {out: {from: out, to: "{stem}.png"}}
"""


def image(level):
    return Image(torch.full((3, 4, 4), level / 255), meta={"depth": "uint8"})


@pytest.fixture
def folder(tmp_path, registry):
    """Writes images of the given names into a folder, where the disk tells the two spellings apart."""

    def make(name, *stems):
        for level, stem in enumerate(stems, start=1):
            write(image(level), tmp_path / name / f"{stem}.png", registry)
        if len(list((tmp_path / name).iterdir())) < len(stems):
            pytest.skip("this disk takes both spellings for one name")
        return tmp_path / name

    return make


def test_the_two_spellings_differ_and_are_one_key():
    assert ONE != TWO
    assert as_key(ONE) == as_key(TWO) == ONE
    assert as_key("\udcff.x") == "\udcff.x"  # a name that is not UTF-8


def test_files_are_named_by_one_spelling_and_read_where_they_lie(folder, registry):
    given = folder("in", TWO, "b")
    written = {path.name for path in given.iterdir()}
    for what in (given, str(given / "*.png"), [given / f"{TWO}.png", given / "b.png"]):
        source = open_source(what, registry, Image)
        assert source.keys() == ("b", ONE)
        assert source.where(ONE) in {str(given / name) for name in written}
        assert source.load(ONE).meta["stem"] == ONE
        assert source.digest(ONE)


def test_two_spellings_in_one_folder_are_told_of(folder, registry):
    given = folder("in", ONE, TWO)
    with pytest.raises(InputError, match="two files have the key") as caught:
        open_source(given, registry, Image)
    assert "accents" in caught.value.hint
    assert ONE in caught.value.message
    assert TWO in caught.value.message


def test_folders_of_both_spellings_join_and_outputs_have_one(folder, tmp_path, registry):
    first, second = folder("one", ONE, "b"), folder("two", TWO, "b")
    result = Pipeline.from_text(BLEND, registry).run({"a": str(first), "b": str(second)}, out=tmp_path / "out")
    assert sorted(file.path.name for file in result.files) == ["b.png", f"{ONE}.png"]
    assert {as_key(path.name) for path in (tmp_path / "out").iterdir()} == {"b.png", f"{ONE}.png"}


def test_values_from_python_join_too(registry):
    array = np.zeros((4, 4, 3), np.float32)
    made = Pipeline.from_text(BLEND, registry)(a={ONE: array}, b={TWO: array})
    assert list(made["out"]) == [ONE]
    with pytest.raises(InputError, match="two values have the key") as caught:
        ValuesSource({ONE: array, TWO: array}, registry=registry)
    assert "accents" in caught.value.hint


class Scheme(Source):
    """What a plugin's reader may give: keys as they come."""

    def __init__(self, *names):
        self.names, self.value_type = names, Image

    def keys(self):
        return self.names

    def load(self, key):
        assert key in self.names
        return image(self.names.index(key))

    def where(self, key):
        return f"place of {self.names.index(key)}"

    def digest(self, key):
        return str(self.names.index(key))


def test_sources_of_others_are_named_the_same_way(registry):
    source = open_source(Scheme("b", TWO), registry, Image)
    assert source.keys() == ("b", ONE)
    assert (source.where(ONE), source.digest(ONE), source.value_type) == ("place of 1", "1", Image)
    assert source.origin(ONE).digest(TWO) == "1"
    assert source.load(ONE).pixels.equal(image(1).pixels)
    plain = Scheme("a", "b")
    assert open_source(plain, registry, Image) is plain
    with pytest.raises(InputError, match="place of 0 and place of 1") as caught:
        open_source(Scheme(ONE, TWO), registry, Image)
    assert "accents" in caught.value.hint
    with pytest.raises(InputError, match="two items have the key"):
        JoinedSource({ONE: Scheme("a"), TWO: Scheme("a")}, Image)


def test_an_output_does_not_fall_on_an_input_of_the_other_spelling(folder, registry):
    given = folder("in", TWO)
    text = BLEND.replace("join: key", "").replace("b: b", "b: a").replace(', b: "Image[]"', "")
    with pytest.raises(OutputError, match="would overwrite"):
        Pipeline.from_text(text, registry).run({"a": str(given)}, out=given)
