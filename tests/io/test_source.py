from __future__ import annotations

import hashlib
import os
import sys

import numpy as np
import pytest
import torch

from otframe.errors import DataError, InputError, PluginError, UnknownNameError
from otframe.io import ValuesSource, open_source, write
from otframe.io.names import natural
from otframe.io.source import JoinedSource
from otframe.testing import OpenRegistry
from otframe.values import AffineMap, GaussianLaw, Image, SolveInfo, Table, Value


@pytest.fixture
def folder(tmp_path, registry):
    for k, stem in enumerate(["10", "2", "1", "b10", "b9"]):
        write(Image(torch.full((3, 2, 2), k / 255), meta={"depth": "uint8"}), tmp_path / "in" / f"{stem}.png", registry)
    inside = tmp_path / "in"
    (inside / "notes.txt").write_text("no")
    (inside / ".hidden.png").write_bytes(b"no")
    (inside / "sub").mkdir()
    (inside / "sub.png").mkdir()
    return inside


def test_natural_order():
    names = ["10", "2", "b", "a10", "a9", "A9", "01", "1", "", "9" * 5000, "8" * 5001, "a", "7a"]
    got = sorted(names, key=natural)
    assert got.index("2") < got.index("10")
    assert got.index("a9") < got.index("a10")
    assert got.index("9" * 5000) < got.index("8" * 5001)
    names.reverse()
    assert sorted(names, key=natural) == got


def test_folder(folder, registry):
    source = open_source(str(folder), registry, Image)
    assert source.keys() == ("1", "2", "10", "b9", "b10")
    assert len(source) == 5
    assert source.value_type is Image
    assert float(source.load("2").pixels.max()) == np.float32(1) / np.float32(255)
    assert source.where("2") == str(folder / "2.png")
    assert source.digest("2") == hashlib.sha256((folder / "2.png").read_bytes()).hexdigest()


def test_suffix_case_does_not_matter(folder, registry):
    (folder / "1.png").rename(folder / "1.PNG")
    assert open_source(folder, registry, Image).keys()[0] == "1"


def test_two_files_of_one_stem(folder, registry):
    write(Image(torch.zeros(3, 2, 2)), folder / "2.jpg", registry)
    with pytest.raises(InputError) as caught:
        open_source(folder, registry, Image)
    assert "2.jpg" in caught.value.message
    assert "2.png" in caught.value.message
    assert open_source(str(folder / "*.png"), registry, Image).keys() == ("1", "2", "10", "b9", "b10")


def test_empty_folder_names_what_it_looked_for(tmp_path, registry):
    (tmp_path / "notes.txt").write_text("no")
    with pytest.raises(InputError, match="no file to read as Image") as caught:
        open_source(tmp_path, registry, Image)
    for suffix in (".png", ".exr", ".webp"):
        assert suffix in caught.value.hint
    assert ".safetensors" not in caught.value.hint


def test_missing_paths_name_the_siblings(folder, registry):
    for missing, near in (
        (folder.parent / "inn", "in"),
        (folder / "b8.png", "b9.png"),
        (folder.parent / "inn" / "x", "in"),
    ):
        with pytest.raises(InputError, match="no file or folder") as caught:
            open_source(missing, registry, Image)
        assert f"'{near}'" in caught.value.hint


def test_files_patterns_and_lists(folder, registry):
    assert open_source(folder / "b9.png", registry, Image).keys() == ("b9",)
    assert open_source(str(folder / "b*.png"), registry, Image).keys() == ("b9", "b10")
    assert open_source(str(folder.parent / "**" / "1*.png"), registry, Image).keys() == ("1", "10")
    assert open_source([folder / "10.png", str(folder / "2.png")], registry, Image).keys() == ("2", "10")
    with pytest.raises(InputError, match="no file matches"):
        open_source(str(folder / "z*.png"), registry, Image)
    with pytest.raises(InputError, match=r"no reader for '\.txt'"):
        open_source(folder / "notes.txt", registry, Image)
    with pytest.raises(InputError, match="there is no file"):
        open_source([folder / "none.png"], registry, Image)
    for wrong in ("", "a\0b"):
        with pytest.raises(InputError, match="wanted a path"):
            open_source(wrong, registry, Image)


def test_a_name_with_brackets_is_a_file_first(folder, registry):
    (folder / "1.png").rename(folder / "a[1].png")
    assert open_source(str(folder / "a[1].png"), registry, Image).keys() == ("a[1]",)


def test_broken_item_fails_alone(folder, registry):
    (folder / "2.png").write_bytes(b"")
    source = open_source(folder, registry, Image)
    assert source.load("1").size == (2, 2)
    with pytest.raises(DataError) as caught:
        source.load("2")
    assert caught.value.key == "2"


def test_a_reader_that_cannot_be_loaded_leaves_folders_of_other_files_readable(folder):
    registry = OpenRegistry()
    registry.add(".zzz", "a reader", kind="reader", plugin="broken")
    del registry._loaded["reader", ".zzz"]  # its module is not there
    assert open_source(folder, registry, Image).load("1").size == (2, 2)
    (folder / "x.zzz").write_bytes(b"x")
    with pytest.raises(PluginError, match="reader '.zzz' of plugin 'broken'"):
        open_source(folder / "x.zzz", registry, Image)


def test_values_files(tmp_path, registry):
    law = GaussianLaw(torch.zeros(2).double(), torch.eye(2).double(), 3)
    write(law, tmp_path / "law.safetensors", registry)
    source = open_source(tmp_path / "law.safetensors", registry, GaussianLaw)
    assert source.keys() == ("law",)
    assert source.value_type is GaussianLaw
    assert torch.equal(source.load("law").cov, law.cov)
    assert open_source(tmp_path, registry, GaussianLaw).keys() == ("law",)
    with pytest.raises(InputError, match="gives GaussianLaw, wanted Image"):
        open_source(tmp_path / "law.safetensors", registry, Image)
    with pytest.raises(InputError, match="gives GaussianLaw, wanted AffineMap"):
        open_source(tmp_path / "law.safetensors", registry, AffineMap)
    assert open_source(tmp_path / "law.safetensors", registry, Value).keys() == ("law",)
    (tmp_path / "bad.safetensors").write_bytes(b"no")
    with pytest.raises(DataError, match=r"bad\.safetensors"):
        open_source(tmp_path / "bad.safetensors", registry, GaussianLaw)


def test_values_from_python(registry):
    array = np.zeros((4, 5, 3), np.uint8)
    image = Image.from_numpy(array)
    assert open_source(array, registry, Image).keys() == ("0000",)
    assert open_source([array, image], registry, Image).keys() == ("0000", "0001")
    source = open_source({"b": array, "a10": image, "a9": array}, registry, Image)
    assert source.keys() == ("a9", "a10", "b")
    assert source.load("a10") is image
    assert source.load("b").meta["stem"] == "b"
    assert "'b'" in source.where("b")
    assert open_source(source, registry, Image) is source
    for wrong in ([object()], {"a": None}, {1: array}, {"": array}):
        with pytest.raises(InputError):
            open_source(wrong, registry, Image)
    with pytest.raises(InputError, match="gives Image, wanted GaussianLaw"):
        open_source(array, registry, GaussianLaw)
    assert open_source([], registry, Image).keys() == ()
    info = AffineMap(0.0, SolveInfo(), torch.eye(2), torch.zeros(2))
    assert open_source(info, registry, AffineMap).load("0000") is info


def test_digests_tell_content(registry):
    a, b = np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint8)
    source = ValuesSource(
        {"a": Image.from_numpy(a), "a2": Image.from_numpy(a), "b": Image.from_numpy(b)}, registry=registry
    )
    assert source.digest("a") == source.digest("a2") != source.digest("b")
    numbers = ValuesSource([1, 1.0], registry=registry)
    assert numbers.digest("0000") != numbers.digest("0001")


def test_unknown_scheme(registry):
    with pytest.raises(UnknownNameError, match="no reader of 'sampel:'") as caught:
        open_source("sampel:photos", registry, Image)
    assert "'sample:'" in caught.value.hint
    with pytest.raises(UnknownNameError, match="https:"):
        open_source("https://example.org/a.png", registry, Image)


def test_import_of_entries_is_light():
    import subprocess

    program = (
        "import sys, otframe.builtin_io; print(sorted({'torch', 'numpy', 'OpenImageIO', 'cv2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_entry_loads(registry):
    for table in ("reader", "writer"):
        for entry, plugin in registry.entries(table):
            assert plugin == "otframe"
            types = registry.load(entry.name, table).value_type
            assert all(isinstance(kind, type) for kind in (types if isinstance(types, tuple) else (types,)))


def test_table_source(tmp_path, registry):
    write(Table(("a",), ((1,),)), tmp_path / "t.csv", registry)
    assert open_source(tmp_path, registry, Table).load("t").rows == ((1,),)


def test_a_list_may_hold_files_folders_and_patterns(folder, tmp_path, registry):
    for stem in ("x", "y1", "y2"):
        write(Image(torch.rand(3, 2, 2)), tmp_path / f"{stem}.png", registry)
    given = [folder, tmp_path / "x.png", str(tmp_path / "y*.png")]
    assert open_source(given, registry, Image).keys() == ("1", "2", "10", "b9", "b10", "x", "y1", "y2")
    with pytest.raises(InputError, match="two files have the key '1'"):
        open_source([folder, folder / ".." / "in" / "1.png"], registry, Image)
    with pytest.raises(InputError, match="has no file to read"):
        open_source([folder, folder / "sub"], registry, Image)
    with pytest.raises(InputError, match="there is no file"):
        open_source([folder, tmp_path / "nowhere"], registry, Image)
    with pytest.raises(InputError, match="cannot be one of several"):
        open_source([folder, "sample:photos"], registry, Image)


def test_items_of_a_container_do_not_hide_a_file_of_the_same_key(registry):
    several = ValuesSource({"0": 1, "1": 2}, registry=registry)
    with pytest.raises(InputError, match="two items have the key 'a-1'"):
        JoinedSource({"a": several, "a-1": ValuesSource(3, registry=registry)}, Value)


def test_dead_links_and_what_is_no_file_are_named(folder, registry):
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    with pytest.raises(InputError, match=r"gone\.png' is a link that leads nowhere"):
        open_source(folder, registry, Image)
    (folder / "gone.png").unlink()
    os.mkfifo(folder / "pipe.png")
    assert "pipe" not in open_source(folder, registry, Image).keys()
    with pytest.raises(InputError, match=r"pipe\.png' is no file"):
        open_source(folder / "pipe.png", registry, Image)
