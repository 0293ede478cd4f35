"""Tables of maps: their nodes, shapers and fidelity; and their values beside the exact arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_color.cloud_value import ColorCloud
from otframe_color.examples import cloud, fitted, lut
from otframe_color.fidelity import CompareSizes, all_over, measured
from otframe_color.lut import Fidelity, Lut
from otframe_color.maps import ColorMap, FittedMap
from otframe_color.spaces import Coding
from otframe_color.table import MakeTable

from otframe.errors import DataError, ParameterError
from otframe.values import AffineMap, SolveInfo


@dataclass(frozen=True, eq=False)
class Power(ColorMap):
    """A power of each coordinate."""

    power: float
    coding: Coding = "srgb"  # type: ignore[assignment]

    def __call__(self, colors: torch.Tensor) -> torch.Tensor:
        return colors.clamp(min=0) ** self.power


def by_hand(table: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Tetrahedral values, one place after another: along the axes in the order of what is left of each."""
    made = []
    size = table.shape[0]
    for place in places.double() * (size - 1):
        cell = place.floor().clamp(0, size - 2)
        within = place - cell
        order = max(permutations(range(3)), key=lambda axes: (within[axes[0]], within[axes[1]], within[axes[2]]))
        at = cell.long()
        value = table[tuple(at)].double()
        for axis in order:
            after = at.clone()
            after[axis] += 1
            value = value + within[axis] * (table[tuple(after)].double() - table[tuple(at)].double())
            at = after
        made.append(value)
    return torch.stack(made)


@given(st.integers(0, 1000), st.sampled_from([torch.float32, torch.float64]))
@settings(max_examples=20, deadline=None)
def test_tetrahedra(seed: int, dtype: torch.dtype) -> None:
    rng = torch.Generator().manual_seed(seed)
    table = torch.rand(4, 4, 4, 3, generator=rng)
    points = torch.rand(40, 3, generator=rng, dtype=dtype) * 1.4 - 0.2
    points[:8] = torch.randint(0, 7, (8, 3), generator=rng).to(dtype) / 6
    points[8, 1], points[9, 2], points[10] = points[8, 0], points[9, 1], points[10, :1]
    found = Lut(table, torch.zeros(3), torch.ones(3))(points)
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), by_hand(table, points.clamp(0, 1)), rtol=0, atol=2e-6)


@pytest.mark.parametrize("way", ["tetrahedral", "trilinear"])
def test_affine_maps_are_exact_in_a_table(way: str) -> None:
    made = MakeTable(size=3, low=-0.5, peak=2.0, interpolation=way)(fitted(0))
    points = torch.rand(500, 3) * 2.5 - 0.5
    torch.testing.assert_close(made(points), fitted(0)(points), rtol=0, atol=2e-6)
    assert made.fidelity is not None
    assert made.fidelity.max < 2e-6


@pytest.mark.parametrize("way", ["tetrahedral", "trilinear"])
def test_memory_order_pieces_and_nan_change_nothing(way: str) -> None:
    table = replace(lut(0), interpolation=way)
    points = torch.rand(70_000, 3) * 1.2 - 0.1
    whole = table(points)
    torch.testing.assert_close(table(points.T.contiguous().T), whole, rtol=0, atol=1e-7)
    torch.testing.assert_close(torch.cat([table(part) for part in points.split(9999)]), whole, rtol=0, atol=1e-7)
    points[12345, 1] = torch.nan
    points[0] = torch.inf
    spoilt = table(points)
    assert bool(spoilt[12345].isnan().all())
    torch.testing.assert_close(spoilt[0], table(torch.ones(1, 3))[0])
    same = torch.ones(len(points), dtype=torch.bool)
    same[[0, 12345]] = False
    torch.testing.assert_close(spoilt[same], whole[same], rtol=0, atol=0)
    assert table(points[:0]).shape == (0, 3)


@pytest.mark.parametrize("curve", ["even", "log"])
def test_inputs_undo_places(curve: str) -> None:
    made = MakeTable(size=5, low=-0.25, peak=16.0, curve=curve)(fitted(0))
    points = (torch.rand(1000, 3, dtype=torch.float64) ** 4) * 16.25 - 0.25
    torch.testing.assert_close(made.inputs(made.places(points)), points, rtol=1e-6, atol=1e-6)


def test_nodes_of_light_lie_where_eyes_see() -> None:
    even, bent = (MakeTable(size=33, peak=16.0, curve=curve)(Power(0.5, "linear")) for curve in ("even", "auto"))
    grey = torch.full((1, 3), 0.18)
    exact = Power(0.5)(grey)
    assert float((bent(grey) - exact).abs().max()) < 0.02 * float((even(grey) - exact).abs().max())
    assert even.shaper is None
    assert bent.coded == even.coded == "linear"


def test_fidelity_tells_what_is_measured_and_where() -> None:
    table = MakeTable(size=9, nodes="sampled")(Power(2.0))
    # between two nodes x^2 is off by at most h^2 / 4, and by h^2 / sqrt(30) in the mean square
    told = table.fidelity
    assert told is not None
    assert told.over == "domain"
    assert told.max == pytest.approx((1 / 8) ** 2 / 4, rel=1e-2)
    assert told.rms == pytest.approx((1 / 8) ** 2 / 30**0.5, rel=1e-2)
    assert told.outside == 0
    light = ColorCloud(torch.tensor([[0.0625] * 3, [0.0625] * 3, [0.5] * 3, [9.0] * 3]), torch.tensor([1.0, 1, 2, 0]))
    told = measured(Power(2.0), table, light)
    assert (told.over, told.colors) == ("palette", 3)
    assert told.max == pytest.approx((1 / 8) ** 2 / 4, rel=1e-4)
    assert told.rms == pytest.approx((1 / 8) ** 2 / 4 / 2**0.5, rel=1e-4)


@pytest.mark.parametrize("way", ["tetrahedral", "trilinear"])
def test_fitted_nodes_err_less_than_plain_samples(way: str) -> None:
    # a bend on every axis: along one, the best piecewise line errs by 1/6 of the chords' mean square, at most
    plain, fitted_ = (MakeTable(size=9, interpolation=way, nodes=nodes)(Power(2.0)) for nodes in ("sampled", "fitted"))
    assert plain.fidelity is not None
    assert fitted_.fidelity is not None
    assert fitted_.fidelity.rms < 0.5 * plain.fidelity.rms
    assert fitted_.fidelity.max < 1.1 * plain.fidelity.max
    greys = torch.linspace(0, 1, 101)[:, None].expand(-1, 3)
    torch.testing.assert_close(fitted_(greys[::100]), greys[::100], rtol=0, atol=1e-6)
    made = MakeTable(size=9, nodes="fitted")(Power(2.0))(greys)
    torch.testing.assert_close(made, made[:, :1].expand(-1, 3), rtol=0, atol=1e-6)


def test_nodes_fitted_to_a_palette_err_less_on_others_of_it() -> None:
    rng = torch.Generator().manual_seed(0)
    palette, held = (ColorCloud(torch.rand(20_000, 3, generator=rng) * torch.tensor([0.3, 0.2, 0.1])) for _ in range(2))
    rms = [
        measured(Power(3.0), MakeTable(size=9, nodes=nodes)(Power(3.0), colors), held).rms
        for nodes, colors in (("sampled", None), ("fitted", None), ("fitted", palette))
    ]
    assert rms[1] < 0.7 * rms[0]
    assert rms[2] < 0.9 * rms[1]
    told = MakeTable(size=9)(Power(3.0), palette).fidelity
    assert told is not None
    assert (told.over, told.colors) == ("palette", 10_000)
    assert told.rms == pytest.approx(rms[2], rel=0.1)


def test_a_palette_of_one_colour() -> None:
    one = ColorCloud(torch.full((3, 3), 0.3), torch.tensor([0.0, 1.0, 0.0]))
    told = MakeTable(size=5)(Power(2.0), one).fidelity
    assert told is not None
    assert told.colors == 1


def test_fitted_nodes_leave_what_is_exact() -> None:
    for kind in ({}, {"peak": 16.0, "curve": "log"}):
        plain, fitted_ = (MakeTable(size=9, nodes=nodes, **kind)(lut(0)) for nodes in ("sampled", "fitted"))
        if not kind:
            torch.testing.assert_close(plain.table, fitted_.table, rtol=0, atol=1e-6)
        assert bool(torch.isfinite(fitted_.table).all())


def test_fidelity_takes_the_palette_from_its_space() -> None:
    shifted = FittedMap(AffineMap(0.0, SolveInfo(), torch.eye(3).double(), torch.full((3,), 0.25).double()))
    greys = torch.linspace(0, 1, 101)[:, None].expand(-1, 3).contiguous()
    told = measured(shifted, MakeTable(size=5)(shifted), ColorCloud(greys**2.2, None, "linear"))
    assert told.outside == pytest.approx(0.25, abs=0.02)


def test_fidelity_as_a_line() -> None:
    told = Fidelity(1.5e-2, 3.25e-4, 0.0123, 4096, "palette")
    assert str(told) == (
        "max error 1.500e-02, rms error 3.250e-04, 1.230 % out of gamut, over 4096 colours of the palette"
    )
    assert Fidelity.parse(str(told)) == told
    assert Fidelity.parse("max error nan") is None


def test_sizes_side_by_side() -> None:
    found = CompareSizes()(fitted(0), cloud(0))
    assert [row[:2] for row in found.rows] == [(f"{n}^3", over) for n in (17, 33, 65) for over in ("domain", "palette")]
    found = CompareSizes(sizes=(3, 5, 9), nodes="sampled")(Power(2.0))
    errors = [float(row[2]) for row in found.rows]  # type: ignore[arg-type]
    assert errors == pytest.approx([1 / 16, 1 / 64, 1 / 256], rel=1e-2)
    for sizes in ((1,), (130,), ()):
        with pytest.raises(ValueError, match="sizes"):
            CompareSizes(sizes=sizes)


def test_the_domain_is_looked_at_all_over() -> None:
    made = MakeTable(size=5, peak=16.0, curve="log")(Power(1.0))
    points = all_over(made)
    assert float(points.min()) == 0
    assert float(points.max()) == 16
    places = made.places(points)
    assert (places.mean(0) - 0.5).abs().max() < 1e-3


def test_hostile_maps_and_parameters_are_refused_with_words() -> None:
    with pytest.raises(DataError, match="NaN or infinity for .* of .* colours, such as"):
        MakeTable(size=5)(Power(-1.0))
    with pytest.raises(ParameterError, match="less than its peak"):
        MakeTable(low=1.0, peak=1.0)(fitted(0))
    with pytest.raises(DataError, match="some weight"):
        MakeTable(size=5)(fitted(0), ColorCloud(torch.rand(5, 3), torch.zeros(5)))


@pytest.mark.parametrize(
    "change",
    [
        {"table": torch.zeros(2, 2, 3, 3)},
        {"table": torch.zeros(1, 1, 1, 3)},
        {"table": torch.full((2, 2, 2, 3), torch.nan)},
        {"low": torch.ones(3)},
        {"high": torch.full((3,), torch.inf)},
        {"shaper": torch.zeros(3, 1)},
        {"shaper": torch.full((3, 2), torch.nan)},
        {"coded": "lab"},
        {"interpolation": "cubic"},
    ],
)
def test_no_table(change: dict[str, object]) -> None:
    with pytest.raises(DataError):
        replace(lut(0), **change)  # type: ignore[arg-type]
