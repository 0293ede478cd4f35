from __future__ import annotations

import json
import math
import pickle
from dataclasses import dataclass, replace

import pytest
import safetensors.torch
import torch

from otframe.errors import DataError
from otframe.values import AffineMap, Draw, GaussianLaw, Image, PointCloud, Scalar, SolveInfo, Table, Value, codec


def law(d=3):
    return GaussianLaw(torch.arange(d, dtype=torch.float64), torch.eye(d, dtype=torch.float64), 7)


VALUES = {
    "image": Image(
        torch.rand(3, 4, 5), torch.rand(4, 5), "srgb", {"icc": b"\0\xff", "stem": "é", "density": (1.5, 2.0)}
    ),
    "law": law(),
    "map": AffineMap(0.1, SolveInfo(3, False, 1e-300), torch.rand(2, 2).double(), torch.rand(2).double(), None),
    "noisy map": AffineMap(math.inf, SolveInfo(), torch.rand(2, 2), torch.rand(2), torch.eye(2)),
    "points": PointCloud(torch.rand(5, 2, dtype=torch.float64).half(), None),
    "table": Table(("a", "b"), ((1, None), ("x", -math.inf), (0.1, True)), "t", ("", "higher")),
    "scalar": Scalar(float("-inf"), "psnr", "dB"),
    "draw": Draw(5),
}


def same(a, b):
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, Value):
        return type(a) is type(b) and all(same(getattr(a, n), getattr(b, n)) for n in a.__dataclass_fields__)
    return a == b and (isinstance(a, (dict,)) or type(a) is type(b) or hasattr(a, "keys"))


@pytest.mark.parametrize("name", VALUES)
def test_round_trip(tmp_path, registry, name):
    value = VALUES[name]
    data = codec.to_bytes(value, registry)
    assert same(value, codec.from_bytes(data, registry))
    assert codec.to_bytes(codec.from_bytes(data, registry), registry) == data
    codec.save(value, tmp_path / "v.safetensors", registry)
    assert same(value, codec.load(tmp_path / "v.safetensors", registry))
    assert codec.type_of(tmp_path / "v.safetensors", registry) is type(value)
    assert same(value, codec.decode(*codec.encode(value, registry), registry))


def test_names_not_import_paths(registry):
    _, header = codec.encode(VALUES["map"], registry)
    text = json.dumps(header)
    assert '"AffineMap"' in text
    assert '"SolveInfo"' in text
    assert "otframe." not in text


def test_views_and_gradients_are_stored_by_value(registry):
    base = torch.rand(4, 4, requires_grad=True)
    cloud = PointCloud(base.T[:, :2], None)
    again = codec.from_bytes(codec.to_bytes(cloud, registry), registry)
    assert torch.equal(again.points, cloud.points)
    assert not again.points.requires_grad
    shared = torch.eye(2)
    both = AffineMap(0.0, SolveInfo(), shared, shared[0], shared)
    assert same(both, codec.from_bytes(codec.to_bytes(both, registry), registry))


def test_sparse_tensors(registry):
    sparse = torch.eye(3).to_sparse()
    value = replace(VALUES["draw"], index=sparse)
    again = codec.from_bytes(codec.to_bytes(value, registry), registry)
    assert again.index.is_sparse
    assert torch.equal(again.index.to_dense(), torch.eye(3))


def test_what_cannot_be_stored(registry):
    @dataclass(frozen=True)
    class Private(Value):
        x: int = 0

    with pytest.raises(DataError, match="not a registered value type"):
        codec.encode(Private(), registry)
    with pytest.raises(DataError, match=r"'meta\.what' holds object"):
        codec.encode(Image(torch.zeros(1, 1, 1), meta={"what": object()}), registry)
    with pytest.raises(DataError, match="wanted a value"):
        codec.encode(torch.zeros(2), registry)


def header_of(given, registry, **changes):
    tensors, header = codec.encode(given, registry)
    body = {**header["value"], **changes.pop("body", {})}
    return tensors, {**header, "value": body, **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"version": None},
        {"value": None},
        {"value": []},
        {"value": {"$tuple": []}},
        {"body": {"$value": "Nonsense"}},
        {"body": {"$value": "os:system"}},
        {"body": {"$value": "patch.unfold"}},
        {"body": {"$value": 3}},
        {"body": {"fields": {}}},
        {"body": {"fields": []}},
        {"body": {"fields": {"evil": 1}}},
        {"body": {"fields": {"mean": {"$tensor": "none"}, "cov": 1}}},
        {"body": {"fields": {"mean": {"$tensor": ["a"]}, "cov": {"$bytes": "%%%"}}}},
        {"body": {"fields": {"mean": {}, "cov": {"$sparse": "mean", "size": [1]}}}},
    ],
)
def test_damaged_headers(registry, changes):
    with pytest.raises(DataError):
        codec.decode(*header_of(law(), registry, **changes), registry)


def test_a_newer_version_says_so(registry):
    with pytest.raises(DataError, match="version 2, this otframe reads 1"):
        codec.decode(*header_of(law(), registry, version=2), registry)


def test_values_check_themselves(registry):
    tensors, header = codec.encode(law(), registry)
    with pytest.raises(DataError, match="finite"):
        codec.decode({**tensors, "mean": tensors["mean"] * math.nan}, header, registry)


def test_cut_and_changed_files(tmp_path, registry):
    data = codec.to_bytes(law(), registry)
    path = tmp_path / "v.safetensors"
    for end in (0, 4, 8, 20, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:end])
        with pytest.raises(DataError):
            codec.from_bytes(data[:end], registry)
        with pytest.raises(DataError, match="safetensors"):
            codec.load(path, registry)
    for other in (pickle.dumps(law()), b"\xff" * 64, safetensors.torch.save({"w": torch.zeros(2)})):
        path.write_bytes(other)
        with pytest.raises(DataError):
            codec.load(path, registry)
        with pytest.raises(DataError):
            codec.from_bytes(other, registry)
    with pytest.raises(DataError):
        codec.load(tmp_path / "none.safetensors", registry)


def test_deep_nesting_is_typed(registry):
    text = '{"version":1,"value":' + '{"$tuple":[' * 100_000 + "]}" * 100_000 + "}"
    with pytest.raises(DataError):
        codec.from_bytes(safetensors.torch.save({}, {"otframe": text}), registry)
