"""Maps as ONNX models and exported programs, run without otframe."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from otframe_color.examples import fitted
from otframe_color.lut import Lut
from otframe_color.table import MakeTable
from otframe_color.torch_file import network

from otframe.io import write

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


def moved(lut: Lut, images: torch.Tensor) -> torch.Tensor:
    colors = images.permute(0, 2, 3, 1)
    return lut(colors.reshape(-1, 3)).reshape(colors.shape).permute(0, 3, 1, 2)


def agree(found: torch.Tensor, wanted: torch.Tensor, scale: float) -> None:
    torch.testing.assert_close(found, wanted, rtol=0, atol=TOLERANCE * scale, equal_nan=True)


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
