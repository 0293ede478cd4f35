"""Maps as ONNX models and exported programs, run without otframe."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from otframe_color.examples import fitted
from otframe_color.lut import Fidelity
from otframe_color.maps import ColorMap, FittedMap
from otframe_color.spaces import SPACES, Coding, Space, lightness_first
from otframe_color.table import MakeTable
from otframe_color.torch_file import network

from otframe.errors import OutputError
from otframe.io import write
from otframe.values import AffineMap, PointMap, SolveInfo, Transport

TOLERANCE = 1e-6
MADE: list[dict[str, Any]] = [{"size": 9}, {"size": 9, "low": -0.5, "peak": 16.0, "curve": "log"}]
SIZES = [(1, 3, 7, 5), (2, 3, 33, 16), (1, 3, 1, 1)]


def pictures(size: tuple[int, ...], scale: float) -> torch.Tensor:
    """Pictures with colours outside the domain, NaN and infinities."""
    made = torch.rand(size, generator=torch.Generator().manual_seed(0)) * 1.4 - 0.2
    if made.shape[-1] > 3:
        made[0, :, 0, 0] = torch.inf
        made[0, 1, 0, 1] = -torch.inf
        made[0, 2, 0, 2] = torch.nan
    return made * scale


def moved(lut: ColorMap, images: torch.Tensor) -> torch.Tensor:
    colors = images.permute(0, 2, 3, 1)
    return lut(colors.reshape(-1, 3)).reshape(colors.shape).permute(0, 3, 1, 2)


def agree(found: torch.Tensor, wanted: torch.Tensor, scale: float) -> None:
    torch.testing.assert_close(found, wanted, rtol=0, atol=TOLERANCE * scale, equal_nan=True)


def affine(dim: int) -> Transport:
    rng = torch.Generator().manual_seed(dim)
    noise = torch.randn(dim, dim, generator=rng, dtype=torch.float64)
    return AffineMap(0.0, SolveInfo(), torch.eye(dim).double() * 0.9 + 0.05 * noise, torch.full((dim,), 0.02).double())


def bent(dim: int) -> Transport:
    """A map with a table that covers a part of the space."""
    rng = torch.Generator().manual_seed(dim)
    table = 0.03 * torch.randn(*[7] * dim, dim, generator=rng)
    low, high = torch.full((dim,), 0.1), torch.full((dim,), 0.8)
    return PointMap(0.0, SolveInfo(), torch.rand(5, dim), torch.rand(5, dim), table, low, high)


AXES = [(space, dim) for space in SPACES for dim in ((1, 2, 3) if lightness_first(space) else (3,))]
CASES = [(make, *axes) for make in (affine, bent) for axes in AXES]


@pytest.mark.parametrize(("make", "space", "dim"), CASES)
def test_onnx_of_fitted_maps_is_their_own_arithmetic(make: Any, space: Space, dim: int, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    made = FittedMap(make(dim), space, 0.7)
    written = write(made, tmp_path / "map.onnx")
    told = Fidelity.parse(written.notes[0].removeprefix("fidelity: "))
    assert told is not None
    assert told.max < 5e-5
    assert told.rms < 2e-6
    session = runtime.InferenceSession(str(tmp_path / "map.onnx"), providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map == {"coding": made.coding, "fidelity": str(told)}
    for size, most in ((SIZES[0], 1.0), (SIZES[1], 1.0), (SIZES[1], 1.2), (SIZES[2], 1.0)):
        images = pictures(size, 1.0).clamp(1 - most, most)
        # near black, and more so outside [0, 1], the roots of lab and oklab are steep: floats are as far apart
        steep = 5 if space in ("lab", "oklab") else 1
        allowed = 1e-5 * steep if most == 1 else 1e-4
        (found,) = session.run(["moved"], {"image": images.numpy()})
        wanted = moved(made, images.nan_to_num(0.5))
        wanted[images.isnan().any(1, keepdim=True).expand_as(images)] = torch.nan
        torch.testing.assert_close(torch.from_numpy(found), wanted, rtol=0, atol=allowed, equal_nan=True)


@pytest.mark.parametrize(("make", "space", "dim"), [(affine, "lab", 3), (bent, "oklab", 2), (bent, "log", 3)])
def test_exported_program_of_fitted_maps_is_their_own_arithmetic(
    make: Any, space: Space, dim: int, tmp_path: Path
) -> None:
    made = FittedMap(make(dim), space, 0.7)
    write(made, tmp_path / "map.pt2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.load(tmp_path / "map.pt2").module()
    for size in SIZES:
        images = pictures(size, 1.0).nan_to_num(0.5).clamp(0, 1)
        torch.testing.assert_close(program(images), moved(made, images), rtol=0, atol=1e-5)


@dataclass(frozen=True, eq=False)
class Square(ColorMap):
    """No map that a file could hold as it is."""

    coding: Coding = "srgb"  # type: ignore[assignment]

    def __call__(self, colors: torch.Tensor) -> torch.Tensor:
        return colors.square()


def test_any_other_map_goes_through_a_table_and_says_how_far_it_is(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed")
    written = write(Square(), tmp_path / "map.onnx")
    assert "max error 6.1" in written.notes[0]  # h^2 / 4, h = 1 / 64
    images = torch.rand(1, 3, 20, 20)
    off = (network(Square())(images) - images.square()).abs().max()
    assert 3e-5 < float(off) < 6.2e-5


@pytest.mark.parametrize("way", ["tetrahedral", "trilinear"])
@pytest.mark.parametrize("made", MADE, ids=str)
def test_onnx(made: dict[str, Any], way: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    lut = MakeTable(interpolation=way, title="a look", **made)(fitted(0))
    written = write(lut, tmp_path / "look.onnx")
    session = runtime.InferenceSession(str(tmp_path / "look.onnx"), providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map == {
        "fidelity": str(lut.fidelity),
        "coding": "srgb",
        "title": "a look",
    }
    assert str(lut.fidelity) in written.notes[0]
    scale = made.get("peak", 1.0)
    for size in SIZES:
        images = pictures(size, scale)
        (found,) = session.run(["moved"], {"image": images.numpy()})
        agree(torch.from_numpy(found), moved(lut, images), scale)


@pytest.mark.parametrize("way", ["tetrahedral", "trilinear"])
@pytest.mark.parametrize("made", MADE, ids=str)
def test_exported_program(made: dict[str, Any], way: str, tmp_path: Path) -> None:
    lut = MakeTable(interpolation=way, **made)(fitted(0))
    write(lut, tmp_path / "look.pt2")
    told = {"fidelity": "", "coding": ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.load(tmp_path / "look.pt2", extra_files=told).module()
    assert (told["fidelity"], told["coding"]) == (str(lut.fidelity), "srgb")
    scale = made.get("peak", 1.0)
    for size in SIZES:
        images = pictures(size, scale)
        agree(program(images), moved(lut, images), scale)
        agree(network(lut)(images), moved(lut, images), scale)


def test_without_onnx_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(OutputError, match="need onnx"):
        write(fitted(0), tmp_path / "map.onnx")
    assert not list(tmp_path.iterdir())
