"""The store gives back what was put there, bit for bit, or nothing."""

import os

import numpy as np
import pytest
import torch

from otframe.errors import DataError, OutputError
from otframe.registry import Registry
from otframe.store import Lock, Store
from otframe.values import AffineMap, GaussianLaw, Image, Scalar, SolveInfo, Table


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "values", Registry(points=[]))


def law():
    return GaussianLaw(torch.arange(3, dtype=torch.float64), torch.eye(3, dtype=torch.float64).T, 7)


def same(a, b):
    if isinstance(a, torch.Tensor):
        assert a.dtype == b.dtype
        assert a.stride() == b.stride()
        assert torch.equal(a, b)
    elif hasattr(a, "__dataclass_fields__"):
        assert type(a) is type(b)
        for name in a.__dataclass_fields__:
            same(getattr(a, name), getattr(b, name))
    elif isinstance(a, tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    else:
        assert a == b


VALUES = {
    "image": Image(torch.rand(4, 3, 5).permute(1, 0, 2), torch.rand(4, 5), meta={"stem": "b", "icc": b"\0", "a": 1}),
    "law": law(),
    "map": AffineMap(1.0, SolveInfo(3, True, 1e-9), torch.eye(2), torch.zeros(2)),
    "table": Table(("z", "a"), (("x", float("inf")), ("y", 2))),
    "number": 0.1 + 0.2,
    "whole": 3,
    "named tuple": (Scalar(1.0), law()),
    "nothing": None,
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_what_was_put_comes_back(store, name):
    assert store.get("here") is None
    assert not store.has("here")
    store.put("here", VALUES[name], node="n")
    assert store.has("here")
    same(VALUES[name], store.get("here").value)
    if name == "image":
        assert list(store.get("here").value.meta) == ["stem", "icc", "a"], "the order of mappings is kept"
    assert store.get("there") is None
    (entry,) = store.entries()
    assert store.told(entry) == {"address": "here", "node": "n"}


def test_a_value_that_cannot_be_stored_is_told_of_and_leaves_nothing(store):
    with pytest.raises(DataError, match="cannot be stored"):
        store.put("here", object())
    assert not list(store.folder.rglob("*"))


def test_every_changed_byte_is_noticed(store):
    store.put("here", law())
    path = store.path("here")
    whole = path.read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << (place % 8)
        path.write_bytes(changed)
        with pytest.warns(UserWarning, match="is made again"):
            assert store.get("here") is None
        assert not path.exists()
    for length in range(0, len(whole), 17):
        path.write_bytes(whole[:length])
        with pytest.warns(UserWarning, match="is made again"):
            assert store.get("here") is None
    path.write_bytes(whole)
    assert store.get("here") is not None


def test_an_entry_under_a_wrong_name_is_not_taken(store):
    store.put("here", Scalar(1.0))
    store.put("there", Scalar(2.0))
    os.replace(store.path("there"), store.path("here"))
    with pytest.warns(UserWarning, match="another address"):
        assert store.get("here") is None


def test_a_folder_that_cannot_be_written_is_a_typed_error(tmp_path):
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "values", Registry(points=[]))
    with pytest.raises(OutputError, match="cannot be written") as caught:
        store.put("here", Scalar(1.0))
    assert "--no-store" in caught.value.hint
    with pytest.raises(OutputError, match="cannot be used"), Lock(tmp_path / "file"):
        pass


def test_clearing_leaves_nothing(store):
    store.put("here", Scalar(np.float64(1.0).item()))
    store.clear()
    assert list(store.entries()) == []
    assert store.get("here") is None


def test_a_folder_is_tidied_up_by_one_that_is_alone(tmp_path):
    with Lock(tmp_path) as first:
        assert first.alone()
        first.share()
        with Lock(tmp_path) as second:
            assert not second.alone()
            second.share()
        assert first.alone()
        with Lock(tmp_path) as third:
            assert not third.alone()
    with Lock(tmp_path) as last:
        assert last.alone()
