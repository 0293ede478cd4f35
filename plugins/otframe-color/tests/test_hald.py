"""Hald CLUT pictures: of maps, and as tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from otframe_color.examples import fitted, lut
from otframe_color.hald import FromHald, Hald
from otframe_color.lut import Fidelity
from otframe_color.maps import FittedMap
from otframe_color.spaces import converted

from otframe.errors import DataError
from otframe.io import open_source, write
from otframe.registry import Registry
from otframe.testing.snapshot import difference, snapshot
from otframe.values import AffineMap, Image, SolveInfo


def test_red_changes_fastest() -> None:
    eye = FittedMap(AffineMap(0.0, SolveInfo(), torch.eye(3).double(), torch.zeros(3).double()))
    pixels = Hald(level=2)(eye).pixels
    assert pixels.shape == (3, 8, 8)
    torch.testing.assert_close(
        pixels[:, 0, :5].T * 3, torch.tensor([[0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0], [0, 1, 0.0]])
    )
    assert pixels[:, -1, -1].tolist() == [1, 1, 1]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".exr"])
def test_a_picture_is_the_same_map_again(suffix: str, tmp_path: Path) -> None:
    table = lut(0)
    table = replace(table, table=table.table.clamp(0.02, 0.98))
    path = tmp_path / f"look{suffix}"
    write(Hald(level=4)(table), path)
    picture = open_source(path, Registry.installed(), Image).load("look")
    before = snapshot(picture)
    back = FromHald()(picture)
    assert difference(before, snapshot(picture)) == ""
    assert (back.size, back.coded, back.title) == (16, "srgb", "look")
    nodes = torch.cartesian_prod(*3 * [torch.linspace(0, 1, 16)])
    torch.testing.assert_close(back(nodes), table(nodes), rtol=0, atol=1e-5)


def test_a_map_of_light_is_painted_as_displays_show_it() -> None:
    half = FittedMap(AffineMap(0.0, SolveInfo(), 0.5 * torch.eye(3).double(), torch.zeros(3).double()), "linear")
    picture = Hald(level=3)(half)
    assert picture.space == "srgb"
    nodes = torch.cartesian_prod(*3 * [torch.linspace(0, 1, 9)])
    wanted = converted(converted(nodes, "srgb", "linear") / 2, "linear", "srgb")
    torch.testing.assert_close(FromHald()(picture)(nodes), wanted, rtol=0, atol=1e-5)


def test_what_is_out_of_gamut_is_kept_till_it_is_written_and_told(tmp_path: Path) -> None:
    far = FittedMap(AffineMap(0.0, SolveInfo(), 2 * torch.eye(3).double(), torch.full((3,), -0.5).double()))
    picture = Hald(level=4)(far)
    assert float(picture.pixels.max()) > 1.4
    told = Fidelity.parse(picture.meta["fidelity"])
    assert write(picture, tmp_path / "told.png").notes[-1] == f"fidelity: {picture.meta['fidelity']}"
    assert told is not None
    assert told.max == pytest.approx(0.5, abs=1e-3)
    assert told.outside == pytest.approx(1 - 0.5**3, abs=1e-2)
    assert "outside [0, 1]" in write(picture, tmp_path / "far.png").notes[0]


@pytest.mark.parametrize("size", [(512, 511), (100, 100), (1, 1), (5832, 5832)])
def test_other_pictures_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(DataError, match="8 x 8, 27 x 27"):
        FromHald()(Image(torch.zeros(1).expand(3, *size)))


def test_grey_other_spaces_and_nan_are_refused() -> None:
    pixels = Hald(level=2)(fitted(0)).pixels
    for picture in (Image(pixels[:1], None, "gray"), Image(pixels, None, "lab")):
        with pytest.raises(DataError, match="in '(gray|lab)'"):
            FromHald()(picture)
    with pytest.raises(DataError, match="finite"):
        FromHald()(Image(pixels * torch.nan))
