"""`unscramble.learnt` and `unscramble.calibration`: what they show is what the operator holds."""

from __future__ import annotations

import pytest
import torch
from otframe_unscramble.calibration import CalibrationTable
from otframe_unscramble.learnt import Learnt, origins
from otframe_unscramble.panels import inked, position_colours
from otframe_unscramble.values import Unscrambler

from otframe.errors import DataError
from otframe.values import DenseMap, LowRankMap, SolveInfo, SparseMap


def sparse(order):
    count = len(order)
    return SparseMap(torch.arange(count + 1), order, torch.ones(count), count)


def operator(held, source, target, **more):
    return Unscrambler(held, source, target, SolveInfo(), **more)


@pytest.mark.parametrize("form", ["sparse", "dense", "low rank"])
def test_forms_look_alike(form):
    held = sparse(torch.randperm(120, generator=torch.Generator().manual_seed(0)))
    dense = held.dense()
    other = {"sparse": held, "dense": DenseMap(dense), "low rank": LowRankMap(dense, torch.eye(120))}[form]
    for show in ("columns", "origins"):
        a, b = (Learnt(show=show, side=200)(operator(one, (10, 12), (12, 10))) for one in (held, other))
        assert torch.equal(a.pixels, b.pixels)
        assert a.space == "srgb"
        assert bool(((a.pixels >= 0) & (a.pixels <= 1)).all())


def test_a_medium_that_changes_nothing_shows_the_key_again():
    made = Learnt(show="origins", side=180)(operator(sparse(torch.arange(36)), (6, 6), (6, 6))).pixels
    room = 8
    key = made[:, room : room + 60, room : room + 60]
    main = made[:, room : room + 180, 60 + 2 * room : 60 + 2 * room + 180]
    assert torch.allclose(key[:, 5::10, 5::10], main[:, 15::30, 15::30])
    assert torch.allclose(key[:, 5::10, 5::10], position_colours(6, 6))


def test_origins_are_the_largest_entries():
    matrix = torch.randn(300, 40, generator=torch.Generator().manual_seed(1))
    matrix[7] = 0
    at, part = origins(DenseMap(matrix))
    kept = torch.arange(300) != 7
    assert torch.equal(at[kept], matrix.abs().argmax(1)[kept])
    assert torch.allclose(part[kept], matrix.abs().amax(1)[kept] / matrix[kept].norm(dim=1))
    assert part[7] == 0
    made = Learnt(show="origins", side=64)(operator(DenseMap(matrix), (5, 8), (15, 20))).pixels
    assert torch.isfinite(made).all()


def test_tiles_show_columns_in_their_frames():
    """One scrambled pixel in each quarter, each of which sees another corner of the picture."""
    matrix = torch.zeros(100, 16)
    for column, row in ((5, 0), (7, 9), (13, 90), (15, 99)):
        matrix[row, column] = 3.0
    made = Learnt(count=4, side=200)(operator(DenseMap(matrix), (4, 4), (10, 10))).pixels
    frame, scale, room = 2, 9, 8
    left = 4 * round(200 / 3 / 4) + 2 * room
    tile = 10 * scale + 4 * frame
    colours = position_colours(4, 4)
    for k, (column, (y, x)) in enumerate(zip((5, 7, 13, 15), ((0, 0), (0, 9), (9, 0), (9, 9)), strict=True)):
        top, start = room + (k // 2) * tile, left + (k % 2) * tile
        assert torch.allclose(made[:, top + frame, start + tile // 2], colours.flatten(1)[:, column])
        inside = made[:, top + 2 * frame : top + tile - 2 * frame, start + 2 * frame : start + tile - 2 * frame]
        assert inside.shape[-2:] == (90, 90)
        bright = inside.mean(0) > 0.5
        assert int(bright.sum()) == scale**2
        assert bool(bright[y * scale + 4, x * scale + 4])


def test_ink_tells_signs_and_nothing():
    made = inked(torch.tensor([[2.0, -2.0, 0.0, 1.0]]), 1, 1)
    assert made[0, 0, 0] == 1
    assert made[2, 0, 1] > made[0, 0, 1] + 0.5
    assert made[:, 0, 2].unique().numel() == 1
    assert made[0, 0, 2] < made[0, 0, 3] < made[0, 0, 0]
    assert torch.isfinite(inked(torch.zeros(3, 3), 2, 1)).all()


def test_large_sparse_operators_are_not_written_out():
    order = torch.randperm(112 * 112, generator=torch.Generator().manual_seed(0))
    found = operator(sparse(order), (112, 112), (112, 112))
    assert max(Learnt()(found).size) < 1300
    assert max(Learnt(show="origins", side=400)(found).size) < 800
    single = operator(DenseMap(torch.ones(1, 1)), (1, 1), (1, 1))
    for show in ("columns", "origins"):
        assert torch.isfinite(Learnt(show=show)(single).pixels).all()


def table(shifts, trust=None, keys=("a", "b"), **params):
    held = sparse(torch.arange(4))
    return CalibrationTable(**params)(operator(held, (2, 2), (2, 2), keys=keys, shifts=shifts, trust=trust))


def test_shifts_of_channels_and_their_mean():
    shifts = torch.tensor([[[3.0, 4.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, -1.0]]]).double()
    made = table(shifts, torch.tensor([1.0, 0.25]).double(), title="Shifts")
    assert made.title == "Shifts"
    assert made.columns == ("pair", "down 1", "right 1", "down 2", "right 2", "size", "trust")
    assert made.rows == (("a", 3.0, 4.0, 0.0, 0.0, 2.5, 1.0), ("b", 1.0, 0.0, 0.0, -1.0, 1.0, 0.25))
    mean = table(shifts, channels=1)
    assert mean.columns == ("pair", "down", "right", "size", "trust")
    assert mean.rows == (("a", 1.5, 2.0, 2.5, None), ("b", 0.5, -0.5, 1.0, None))
    assert table(shifts[:, :1]).columns == mean.columns


def test_what_is_not_known_is_empty_or_refused():
    assert table(None).rows == (("a", None, None, None, None), ("b", None, None, None, None))
    with pytest.raises(DataError, match="does not tell"):
        table(None, keys=())
    with pytest.raises(DataError, match="finite"):
        table(torch.full((2, 1, 2), torch.nan).double())


def test_columns_of_a_long_sensor_are_no_endless_picture():
    made = Learnt(side=240)(operator(sparse(torch.randperm(60)), (1, 60), (6, 10)))
    assert made.size[1] < 5 * 240


def test_an_operator_is_told_in_a_line():
    told = repr(operator(sparse(torch.arange(36)), (6, 6), (6, 6), keys=tuple(map(str, range(900)))))
    assert "900 pairs" in told
    assert len(told) < 200
