"""Drawings of transports: needles begin and end where the mass does, matrices lie the right way, all is bounded."""

import re
from dataclasses import dataclass, replace

import pytest
import torch

from otframe.errors import DataError
from otframe.parts.arrows import arrows
from otframe.parts.flow import flow
from otframe.parts.plot import Plot
from otframe.values import AffineMap, Coupling, Density, Plan, PointCloud, PointMap, SolveInfo

SQUARE = re.compile(r"M([-\d.]+) ([-\d.]+)h([\d.]+)v([\d.]+)h-[\d.]+z")
NEEDLE = re.compile(r"M([-\d.]+) ([-\d.]+)L([-\d.]+) ([-\d.]+)L([-\d.]+) ([-\d.]+)z")


def cloud(points, weights=None):
    made = torch.tensor(points, dtype=torch.float64)
    return PointCloud(made, None if weights is None else torch.tensor(weights, dtype=torch.float64))


def plan(source, target, entries):
    rows, cols, mass = zip(*entries, strict=True)
    index = [torch.tensor(part) for part in (rows, cols)]
    return Plan(1.0, SolveInfo(), *index, torch.tensor(mass, dtype=torch.float64), source, target)


def moving(points, images):
    return PointMap(1.0, SolveInfo(), points, images)


def found(drawing, role, pattern):
    """The numbers of each piece of a role's paths."""
    text = "".join(path for shape, _, path in drawing.shapes if shape == role)
    return [tuple(map(float, match)) for match in pattern.findall(text)]


def middles(drawing, role):
    return sorted((x + w / 2, y + h / 2) for x, y, w, h in found(drawing, role, SQUARE))


def needles(drawing):
    """Start and end of each."""
    return sorted(((ax + bx) / 2, (ay + by) / 2, x, y) for x, y, ax, ay, bx, by in found(drawing, "flow", NEEDLE))


@dataclass(frozen=True, eq=False)
class Product(Coupling):
    """The product plan of two densities, by nothing but the interface of couplings."""

    source: Density
    target: Density

    def _both(self):
        return (side.mass / side.total for side in (self.source, self.target))

    def apply(self, values):
        a, b = self._both()
        return (values * b).flatten(-b.ndim).sum(-1).reshape(*values.shape[: -b.ndim], *[1] * a.ndim) * a

    def apply_transposed(self, values):
        a, b = self._both()
        return (values * a).flatten(-a.ndim).sum(-1).reshape(*values.shape[: -a.ndim], *[1] * b.ndim) * b

    def marginals(self):
        return tuple(self._both())

    def barycentric(self):
        _, b = self._both()
        return (self.target.positions() * b[..., None]).flatten(0, -2).sum(0).expand(*b.shape, -1)

    def as_map(self):
        held = self.source.mass > 0
        return PointMap(self.cost, self.info, self.source.positions()[held], self.barycentric()[held])


# --- in the plane ---------------------------------------------------------------------------------------------


def test_needles_lead_from_the_source_to_the_target():
    source, target = cloud([[0, 0], [4, 1]]), cloud([[3, 9], [0, 5]])
    drawing = Plot()(plan(source, target, [(0, 1, 0.5), (1, 0, 0.5)]), source, target)
    # the first coordinate runs downwards: (4, 1) lies below and right of (0, 0), and goes to the far right
    start, end = middles(drawing, "source"), middles(drawing, "target")
    assert [needle[:2] for needle in needles(drawing)] == [pytest.approx(place, abs=0.2) for place in start]
    assert start[0][0] < start[1][0]
    assert start[0][1] < start[1][1]
    # (0, 5) is the left one of the target, and where the left one of the source goes
    assert [needle[2:] for needle in needles(drawing)] == [pytest.approx(place, abs=0.2) for place in end]
    across, down = (end[1][0] - start[0][0]), (start[1][1] - start[0][1])
    assert across / down == pytest.approx(9 / 4, abs=0.02), "both axes have one scale"


def test_a_map_is_drawn_as_a_plan_is():
    source, target = cloud([[0, 0], [4, 1]]), cloud([[3, 9], [0, 5]])
    one = Plot()(plan(source, target, [(0, 1, 0.5), (1, 0, 0.5)]), source, target)
    other = Plot()(moving(source.points, target.points[[1, 0]]), source, target)
    affine = AffineMap(1.0, SolveInfo(), torch.zeros(2, 2).double(), torch.tensor([0.0, 5.0]).double())
    assert other.shapes == one.shapes
    assert {needle[2:] for needle in needles(Plot()(affine, source, target))} == {needles(one)[0][2:]}


def test_what_is_split_fans_out_by_its_mass():
    source, target = cloud([[0, 0]]), cloud([[5, 0], [5, 5], [0, 5]], [0.2, 0.8, 0.0])
    made = arrows(flow(plan(source, target, [(0, 0, 0.2), (0, 1, 0.8)]), source), (0, 1), most=9, spread=5)
    assert made.ends.tolist() == [[5, 0], [5, 5]]
    assert made.mass.tolist() == pytest.approx([0.2, 0.8])
    assert made.heaviest == 1
    assert (
        len(arrows(flow(plan(source, target, [(0, 0, 0.2), (0, 1, 0.8)]), source), (0, 1), most=9, spread=1).mass) == 1
    )


def test_some_stand_for_all():
    density = Density(torch.rand(40, 30, generator=torch.Generator().manual_seed(0)).double() + 0.1)
    source = density.cloud()
    away = source.points + torch.tensor([0.1, -0.2]).double()
    made = arrows(flow(moving(source.points, away), source), (0, 1), most=100, spread=5)
    assert 50 < len(made.mass) <= 100
    assert float(made.mass.sum()) == pytest.approx(1)
    assert torch.allclose(made.ends - made.starts, torch.tensor([0.1, -0.2]).double())
    # what a point stands for lies around it: squares of four cells have the mass of sixteen cells
    assert float((made.mass[:, None]).max()) < 17 * 1.1 / density.total
    steps = torch.unique(made.starts[:, 0]).diff() / density.spacing[0]
    assert steps.min() > 1.5, "they lie evenly apart"
    assert steps.max() < 6.5


def test_a_plan_on_a_grid_has_its_empty_cells_left_out():
    mass, target = torch.zeros(2, 12, 12).double()
    mass[1, 1] = 1
    target[10, 1:5] = 1
    both = Density(mass), Density(target)
    clouds = [side.cloud() for side in both]
    drawing = Plot(spread=4)(Product(1.0, SolveInfo(), *both), *clouds)
    assert all(needle[:2] == pytest.approx(middles(drawing, "source")[0], abs=0.2) for needle in needles(drawing))
    ends = sorted(needle[2:] for needle in needles(drawing))
    assert len(ends) == 4
    ((x, y, width, height),) = found(drawing, "target", SQUARE)
    assert all(x < end[0] < x + width and end[1] == pytest.approx(y + height / 2, abs=0.1) for end in ends)


def test_a_plan_that_does_not_say_between_what_is_drawn_as_its_map():
    @dataclass(frozen=True, eq=False)
    class Bare(Coupling):
        held: Product

        apply = apply_transposed = barycentric = None

        def marginals(self):
            return self.held.marginals()

        def as_map(self):
            return self.held.as_map()

    sides = [Density(torch.rand(5, 5, generator=torch.Generator().manual_seed(k)).double()) for k in range(2)]
    drawing = Plot()(Bare(1.0, SolveInfo(), Product(1.0, SolveInfo(), *sides)), *(side.cloud() for side in sides))
    ends = {needle[2:] for needle in needles(drawing)}
    assert len(needles(drawing)) >= 20
    assert len(ends) == 1, "all goes to the mean"


@pytest.mark.parametrize(("start", "end", "lines"), [([2, 3], [2, 3], 0), ([2, 3], [7, 1], 1)])
def test_one_point_onto_one(start, end, lines):
    source, target = cloud([start]), cloud([end])
    drawing = Plot()(plan(source, target, [(0, 0, 1.0)]), source, target)
    assert len(needles(drawing)) == lines
    assert len(found(drawing, "flow", SQUARE)) == 1 - lines, "a point that stays is a small square"
    assert len(middles(drawing, "source")) == len(middles(drawing, "target")) == 1
    assert all(0 < place < drawing.width for place in middles(drawing, "source")[0])


def test_many_points_make_no_large_drawing():
    random = torch.Generator().manual_seed(0)
    source = PointCloud(torch.rand(50_000, 2, generator=random, dtype=torch.float64))
    drawing = Plot()(moving(source.points, source.points.flip(1)), source, source)
    assert len(needles(drawing)) <= 300
    assert sum(len(path) for _, _, path in drawing.shapes) < 250_000


def test_of_many_dimensions_the_widest_are_seen():
    source = cloud([[0, 0, 0, 0], [0, 8, 1, 4]])
    drawing = Plot()(moving(source.points, source.points), source, source)
    (left, top), (right, bottom) = middles(drawing, "source")
    assert (bottom - top) / (right - left) == pytest.approx(2, abs=0.02)


# --- on a line ------------------------------------------------------------------------------------------------


def dark(drawing):
    """The cells of the matrix, as (row, column) by the frame's size."""
    left, top, side, _ = next(
        tuple(map(float, re.match(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)", path).groups()))
        for role, _, path in drawing.shapes
        if role == "frame"
    )
    squares = found(drawing, "flow", SQUARE)
    return sorted(((y - top) / side, (x - left) / side, w / side, h / side) for x, y, w, h in squares)


@pytest.mark.parametrize("grid", [(1, 4), (4, 1), (4,)])
def test_a_line_is_drawn_as_a_matrix(grid):
    density = Density(torch.ones(grid).double())
    source = density.cloud()
    turned = plan(source, source, [(0, 3, 0.25), (1, 2, 0.25), (2, 1, 0.25), (3, 0, 0.25)])
    drawing = Plot()(turned, source, source)
    want = [(k / 4, (3 - k) / 4, 0.25, 0.25) for k in range(4)]
    assert dark(drawing) == [pytest.approx(cell, abs=1e-3) for cell in want]
    assert dark(Plot()(moving(source.points, source.points.flip(0)), source, source)) == dark(drawing)
    assert {role for role, _, _ in drawing.shapes} == {"frame", "flow", "source", "target"}


def test_the_profiles_of_a_line_are_the_masses():
    source, target = cloud([[0], [1]], [0.75, 0.25]), cloud([[0], [1], [2]], [0.5, 0.0, 0.5])
    drawing = Plot()(plan(source, target, [(0, 0, 0.5), (0, 2, 0.25), (1, 2, 0.25)]), source, target)
    steps = {
        role: [float(step) for step in re.findall("H([-\\d.]+)" if role == "source" else "V([-\\d.]+)", path)]
        for role, _, path in drawing.shapes
        if role in ("source", "target")
    }
    edge = steps["source"][-1]
    heights = {role: [edge - step for step in path[:-1]] for role, path in steps.items()}
    assert heights["source"][1] / heights["source"][0] == pytest.approx(1 / 3, abs=1e-3)
    assert heights["target"] == pytest.approx([heights["source"][0], 0, heights["source"][0]], abs=1e-3)


def test_plans_of_one_problem_have_one_scale():
    mass = torch.zeros(2, 20).double()
    mass[0, 3:9], mass[1, 10:18] = 1, torch.arange(1, 9)
    sides = [Density(side) for side in mass]
    clouds = [side.cloud() for side in sides]
    drawings = [
        Plot()(Product(1.0, SolveInfo(), *sides), *clouds),
        Plot()(moving(clouds[0].points, clouds[0].points + 0.4), *clouds),
    ]
    profiles = [[path for role, _, path in drawing.shapes if role != "flow"] for drawing in drawings]
    assert profiles[0] == profiles[1], "cells without mass take no place"
    cells = dark(drawings[0])
    assert min(cell[1] for cell in cells) == pytest.approx(0, abs=1e-3)
    assert sum(cell[2] * cell[3] for cell in cells) == pytest.approx(1, abs=1e-3), "all goes everywhere"


def test_a_long_line_is_binned():
    source = PointCloud(torch.linspace(0, 1, 5000, dtype=torch.float64)[:, None])
    drawing = Plot()(moving(source.points, source.points**2), source, source)
    assert sum(len(path) for _, _, path in drawing.shapes) < 30_000
    for row, column, _, _ in dark(drawing):
        assert column == pytest.approx(row**2, abs=0.03)


# --- what cannot be drawn -------------------------------------------------------------------------------------


def test_what_does_not_fit_is_told_of():
    source = cloud([[0, 0], [4, 1]])
    with pytest.raises(DataError, match="dimension"):
        Plot()(moving(source.points, source.points), source, cloud([[0.0], [1.0]]))
    with pytest.raises(DataError, match="NaN"):
        Plot()(moving(source.points, source.points * torch.nan), source, source)
    with pytest.raises(DataError, match="somewhere positive"):
        Plot()(moving(source.points, source.points), replace(source, weights=torch.zeros(2)), source)
