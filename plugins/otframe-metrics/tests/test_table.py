from __future__ import annotations

import json

import pytest
import torch
from otframe_metrics.compare import Compare
from otframe_metrics.patch_frechet import PatchFrechet
from otframe_metrics.psnr import Psnr
from otframe_metrics.ssim import Ssim
from otframe_metrics.table import MetricTable
from pydantic import ValidationError

from otframe.errors import DataError
from otframe.interfaces import Context
from otframe.ports import signature
from otframe.values import Image, Table


def fill(part, pairs):
    states = [part.lift(a, b, ctx=Context(key=f"item{i}")) for i, (a, b) in enumerate(pairs)]
    state = states[0]
    for other in states[1:]:
        state = part.merge(state, other)
    return part.finish(state)


@pytest.fixture
def pairs(noise):
    return [(noise(16, 14 + i, 4, seed=i), noise(16, 14 + i, 4, seed=9 + i)) for i in range(3)]


def test_rows_are_the_items_and_the_last_is_the_set(pairs):
    table = fill(MetricTable(), pairs)
    assert table.columns == ("image", "PSNR (dB)", "SSIM", "patch Frechet (x1000)")
    assert table.better == ("", "higher", "higher", "lower")
    assert [row[0] for row in table.rows] == ["item0", "item1", "item2", "all"]
    for column, metric in enumerate((Psnr(), Ssim(), PatchFrechet()), start=1):
        states = [metric.lift(*pair) for pair in pairs]
        assert [row[column] for row in table.rows[:-1]] == [metric.finish(s).number for s in states]
        state = metric.merge(metric.merge(states[0], states[1]), states[2])
        assert table.rows[-1][column] == metric.finish(state).number
    means = [sum(row[c] for row in table.rows[:-1]) / 3 for c in (1, 2)]
    assert table.rows[-1][1:3] == pytest.approx(means)


def test_equal_images_give_a_table_that_json_can_hold(noise):
    image = noise(16, 16, 3)
    table = fill(MetricTable(metrics=[Psnr()]), [(image, image)])
    assert table.rows == (("item0", "inf"), ("all", "inf"))
    json.dumps(table.rows, allow_nan=False)


def test_both_sizes_are_told(noise):
    with pytest.raises(DataError, match=r"\(3, 16, 14\).*\(3, 14, 16\)") as caught:
        MetricTable().lift(noise(16, 14, 3), noise(14, 16, 3), ctx=Context())
    assert "name" in caught.value.hint


def test_columns_are_told_apart():
    with pytest.raises(ValidationError, match=r"share the column PSNR"):
        MetricTable(metrics=[Psnr(), Psnr(border=2)])
    MetricTable(metrics=[Psnr(), Psnr(channels="luma"), PatchFrechet(size=3), PatchFrechet()])
    with pytest.raises(ValidationError):
        MetricTable(metrics=[])


def test_state_holds_the_row_and_no_pixels(noise):
    part = MetricTable(metrics=[Psnr(), Ssim(), PatchFrechet(size=3)])
    state = part.lift(noise(60, 60, 3), noise(60, 60, 3, seed=1), ctx=Context(key="a"))
    frechet = state.states[2]
    tensors = [frechet.images.scatter, frechet.images.mean, frechet.references.scatter, frechet.references.mean]
    assert sum(t.untyped_storage().nbytes() for t in tensors) <= 2 * 8 * (27 * 27 + 27)


def test_name_without_a_key_is_the_stem(noise):
    state = MetricTable(metrics=[Psnr()]).lift(noise(4, 4), noise(4, 4, seed=1), ctx=Context())
    assert state.rows[0][0] == "noise"


def test_compare_takes_the_last_rows():
    columns, better = ("image", "PSNR (dB)", "SSIM"), ("", "higher", "higher")
    a = Table(columns, (("x", 1.0, 0.1), ("all", 2.0, 0.2)), better=better)
    b = Table(("image", "SSIM", "FID"), (("all", 0.4, 5.0),), better=("", "higher", "lower"))
    out = Compare()({"dncnn": a, "ours": b})
    assert out.columns == ("method", "PSNR (dB)", "SSIM", "FID")
    assert out.better == ("", "higher", "higher", "lower")
    assert out.rows == (("dncnn", 2.0, 0.2, None), ("ours", None, 0.4, 5.0))
    with pytest.raises(DataError, match="no table"):
        Compare()({})
    with pytest.raises(DataError, match="'b' has no rows"):
        Compare()({"b": Table(columns, ())})
    with pytest.raises(DataError, match="disagree"):
        Compare()({"a": a, "b": Table(columns, a.rows, better=("", "lower", "higher"))})


def test_ports_are_typed():
    table = signature(MetricTable, "lift")
    assert [port.name for port in table.inputs] == ["image", "reference"]
    assert table.output is Table
    compare = signature(Compare, "__call__").inputs[0]
    assert (compare.gather, compare.hint) == ("mapping", Table)
    for metric in (Psnr, Ssim, PatchFrechet):
        assert [port.hint for port in signature(metric, "lift").inputs] == [Image, Image]


def test_entry_module_imports_nothing_heavy():
    import subprocess
    import sys

    code = "import sys, otframe_metrics; assert not {'torch', 'cv2', 'numpy'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_double_and_other_devices_are_accepted():
    image = Image(torch.rand(3, 12, 12, dtype=torch.float64))
    other = Image(image.pixels.float())
    assert fill(MetricTable(), [(other, image)]).rows[0][2] == pytest.approx(1)
