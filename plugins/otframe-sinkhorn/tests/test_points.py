"""`sinkhorn.points` against the formed plan, duality, the grid, POT, the exact cost and closed forms."""

import itertools
import math

import numpy as np
import ot
import pytest
import torch
from otframe_sinkhorn.clouds.costs import costs
from otframe_sinkhorn.clouds.problem import PointProblem
from otframe_sinkhorn.clouds.solve import extended, levels, solve_points
from otframe_sinkhorn.clouds.values import dual_value, plan_cost
from otframe_sinkhorn.grid import SinkhornGrid
from otframe_sinkhorn.points import SinkhornPoints
from scipy.optimize import minimize

from otframe.interfaces import Context
from otframe.values import Density, PointCloud


def run(source, target, **params):
    return SinkhornPoints(**{"tol": 1e-10, "blur": 0.1, **params}).solve(source, target, ctx=Context())


def cloud(seed, n, d, shift=0.0, weighted=True):
    random = torch.Generator().manual_seed(seed)
    points = torch.randn(n, d, generator=random, dtype=torch.float64) + shift
    weights = torch.rand(n, generator=random, dtype=torch.float64) + 0.05
    return PointCloud(points, weights / weights.sum() if weighted else None)


def formed(found):
    """The plan of some potentials and the costs, as matrices."""
    apart = costs(found.source.points.double(), found.target.points.double(), found.kind)
    exponents = (found.f[:, None] + found.g - apart) / found.eps
    return torch.exp(exponents) * found.source.weights[:, None] * found.target.weights, apart


def divergence(p, q):
    """KL of positive masses, whatever their sums."""
    held = p > 0
    return float((p[held] * (p[held] / q[held]).log()).sum() - p.sum() + q.sum())


CASES = [
    (2, "squared", 0.1, None),
    (3, "absolute", 0.1, None),
    (3, "distance", 0.1, None),
    (1, "squared", 0.05, None),
    (20, "squared", 0.5, None),
    (2, "squared", 0.1, 0.3),
    (3, "absolute", 0.1, 0.3),
    (3, "distance", 0.1, 2.0),
    (2, "squared", 0.1, 30.0),
]


@pytest.mark.parametrize("held", [0, 1 << 24])
@pytest.mark.parametrize(("d", "kind", "blur", "reach"), CASES)
def test_the_plan_of_the_potentials_is_optimal(d, kind, blur, reach, held):
    source, target = cloud(1, 90, d), cloud(2, 70, d, shift=0.5)
    found = run(source, target, cost=kind, blur=blur, reach=reach, held=held)
    plan, apart = formed(found)
    a, b = source.weights, target.weights
    assert found.info.converged
    assert found.cost == pytest.approx(float((plan * apart).sum()), rel=1e-9)
    # the primal value of the plan is the dual value of the potentials: both are optimal
    value = float((plan * apart).sum()) + found.eps * divergence(plan, a[:, None] * b)
    if reach is None:
        assert torch.allclose(plan.sum(1), a, rtol=1e-9, atol=0)
        assert float((plan.sum(0) - b).abs().sum()) < 1.01e-10
    else:
        rho = found.eps * (found.reach / found.blur) ** (2 if kind == "squared" else 1)
        value += rho * (divergence(plan.sum(1), a) + divergence(plan.sum(0), b))
    assert found.dual == pytest.approx(value, rel=1e-8)


@pytest.mark.parametrize(("kind", "reach"), [("squared", None), ("absolute", None), ("squared", 0.2)])
def test_cells_of_a_grid_are_points(kind, reach):
    random = torch.Generator().manual_seed(4)
    masses = [torch.rand(14, 11, generator=random, dtype=torch.float64) for _ in range(2)]
    masses[0][3:6, 2:5] = 0
    masses = [mass / mass.sum() for mass in masses]
    grids = [Density(mass) for mass in masses]
    clouds = [grid.cloud() for grid in grids]
    params = {"cost": kind, "blur": 0.08, "unit": "length", "tol": 1e-11, "reach": reach}
    on_grid = SinkhornGrid(**params).solve(*grids, ctx=Context())
    for held in (0, 1 << 24):
        found = run(*clouds, held=held, **params)
        assert found.cost == pytest.approx(on_grid.cost, rel=1e-8)
        assert found.dual == pytest.approx(on_grid.dual, rel=1e-8)


@pytest.mark.parametrize("d", [2, 5])
def test_plans_are_those_of_pot(d):
    source, target = cloud(3, 60, d), cloud(4, 50, d)
    found = run(source, target, tol=1e-12, blur=0.12)
    plan, apart = formed(found)
    wanted = ot.sinkhorn(
        source.weights.numpy(),
        target.weights.numpy(),
        apart.numpy(),
        found.eps,
        method="sinkhorn_log",
        numItermax=10**5,
        stopThr=1e-13,
    )
    assert np.abs(plan.numpy() - wanted).max() < 1e-9


def test_unbalanced_plans_are_those_of_pot():
    source, target = cloud(5, 40, 3), cloud(6, 30, 3)
    target = PointCloud(target.points, target.weights * 2.5)
    found = run(source, target, blur=0.15, reach=0.4, tol=1e-12)
    plan, apart = formed(found)
    rho = found.eps * (found.reach / found.blur) ** 2
    wanted = ot.unbalanced.sinkhorn_unbalanced(
        source.weights.numpy(),
        target.weights.numpy(),
        apart.numpy(),
        found.eps,
        rho,
        method="sinkhorn",
        reg_type="kl",
        numItermax=10**5,
        stopThr=1e-15,
    )
    assert np.abs(plan.numpy() - wanted).max() < 1e-9
    assert plan.sum() == pytest.approx(float(found.marginals()[0].sum()), rel=1e-12)


def test_the_cost_falls_to_the_exact_one():
    source, target = cloud(7, 60, 2), cloud(8, 60, 2, shift=1.0)
    apart = costs(source.points, target.points, "squared")
    exact = ot.emd2(source.weights.numpy(), target.weights.numpy(), apart.numpy())
    above = [run(source, target, blur=blur, tol=1e-6).cost - exact for blur in (0.08, 0.04, 0.02, 0.01)]
    assert all(0 < later < earlier for earlier, later in itertools.pairwise(above))
    assert above[-1] < 0.005 * exact


@pytest.mark.parametrize(("kind", "reach"), [("squared", None), ("distance", None), ("squared", 0.5)])
def test_nothing_depends_on_order_place_or_unit(kind, reach):
    source, target = cloud(9, 50, 3), cloud(10, 40, 3)
    plain = run(source, target, cost=kind, reach=reach)
    order = torch.randperm(50, generator=torch.Generator().manual_seed(0))
    shuffled = PointCloud(source.points[order], source.weights[order])
    again = run(shuffled, target, cost=kind, reach=reach)
    assert again.dual == pytest.approx(plain.dual, rel=1e-9)
    assert torch.allclose(again.barycentric(), plain.barycentric()[order], atol=1e-8)
    by = torch.tensor([3.0, -100.0, 20.0]).double()
    moved = run(*(PointCloud(c.points + by, c.weights) for c in (source, target)), cost=kind, reach=reach)
    assert moved.cost == pytest.approx(plain.cost, rel=1e-8)
    assert torch.allclose(moved.barycentric() - by, plain.barycentric(), atol=1e-8)
    power = 2 if kind == "squared" else 1
    wide = run(*(PointCloud(c.points * 1e5, c.weights) for c in (source, target)), cost=kind, reach=reach)
    assert wide.cost == pytest.approx(plain.cost * 1e5**power, rel=1e-8)
    assert torch.allclose(wide.f, plain.f * 1e5**power, rtol=0, atol=1e-7 * 1e5**power)
    back = run(target, source, cost=kind, reach=reach)
    assert back.dual == pytest.approx(plain.dual, rel=1e-9)
    assert back.cost == pytest.approx(plain.cost, rel=1e-8)


def test_a_translation_costs_its_square_and_the_spread():
    source = cloud(11, 80, 2)
    by = torch.tensor([4.0, -3.0]).double()
    here = run(source, source, blur=0.5, unit="length")
    there = run(source, PointCloud(source.points + by, source.weights), blur=0.5, unit="length")
    # shifting the target adds |v|^2 + 2 v (y - x), whose mean is no choice of the plan's
    assert there.cost == pytest.approx(here.cost + 25, rel=1e-8)
    assert torch.allclose(there.barycentric() - by, here.barycentric(), atol=1e-7)


@pytest.mark.parametrize("kind", ["squared", "absolute", "distance"])
@pytest.mark.parametrize("reach", [None, 0.7])
def test_diracs(kind, reach):
    x, y = torch.tensor([[0.3, 2.0]]).double(), torch.tensor([[1.0, -1.0]]).double()
    p, q = (1.0, 1.0) if reach is None else (0.4, 3.0)
    found = run(
        *(PointCloud(z, torch.full((1,), mass, dtype=torch.float64)) for z, mass in ((x, p), (y, q))),
        cost=kind,
        blur=0.4,
        reach=reach,
        unit="length",
    )
    apart, eps = float(costs(x, y, kind)), found.eps
    mass = 1.0
    if reach is not None:
        rho = 2 * reach**2 if kind == "squared" else reach
        # the derivative of m c + eps KL(m | pq) + rho KL(m | p) + rho KL(m | q) vanishes
        mass = (p * q) ** ((eps + rho) / (eps + 2 * rho)) * math.exp(-apart / (eps + 2 * rho))
    assert float(found.marginals()[0]) == pytest.approx(mass, rel=1e-9)
    assert found.cost == pytest.approx(mass * apart, rel=1e-9)
    assert torch.allclose(found.barycentric(), y, atol=1e-12)


def test_gaussians_have_the_closed_form():
    """On a line the plan is Gaussian, with the covariance `(sqrt(eps^2 + 16 s^2 t^2) - eps) / 4` between both sides;
    quadrature stands for the laws."""
    places = torch.linspace(-10, 10, 301, dtype=torch.float64)[:, None]
    s, t, centre, blur = 0.6, 1.1, 0.8, 0.5
    laws = [torch.exp(-((places[:, 0] - m) ** 2) / (2 * w**2)) for m, w in ((0.0, s), (centre, t))]
    found = run(*(PointCloud(places, law) for law in laws), blur=blur, unit="length", tol=1e-12)
    eps = 2 * blur**2
    cross = (math.sqrt(eps**2 + 16 * s**2 * t**2) - eps) / 4
    assert found.cost == pytest.approx(centre**2 + s**2 + t**2 - 2 * cross, rel=1e-6)
    information = -0.5 * math.log(1 - cross**2 / (s * t) ** 2)
    assert found.dual == pytest.approx(found.cost + eps * information, rel=1e-6)
    asked = torch.tensor([[-0.7], [0.123], [1.3]]).double()
    assert torch.allclose(found(asked), centre + cross / s**2 * asked, atol=1e-4)


def test_unbalanced_gaussians_are_the_best_of_all_gaussian_plans():
    """The best plan of two Gaussian measures is Gaussian; here the best of these is searched for by its moments."""
    places = torch.linspace(-9, 9, 361, dtype=torch.float64)
    s, t, centre, p, q, eps, rho = 0.7, 1.0, 1.2, 0.8, 1.7, 0.3, 1.5
    laws = [mass * torch.exp(-((places - m) ** 2) / (2 * w**2)) for m, w, mass in ((0.0, s, p), (centre, t, q))]
    laws = [law * (mass / law.sum()) for law, mass in zip(laws, (p, q), strict=True)]
    blur, reach = math.sqrt(eps / 2), math.sqrt(rho / 2)
    found = run(*(PointCloud(places[:, None], law) for law in laws), blur=blur, reach=reach, unit="length", tol=1e-12)

    def value(moments):
        mass, m, n, v, w, cross = math.exp(moments[0]), *moments[1:3], *np.exp(moments[3:5]), moments[5]
        shared = v * w - cross**2
        if shared <= 0:
            return 1e9
        squares = (m - n) ** 2 + v + w - 2 * cross
        far = [0.5 * (x / y**2 + d**2 / y**2 - 1 - math.log(x / y**2)) for x, y, d in ((v, s, m), (w, t, n - centre))]
        joint = sum(far) - 0.5 * math.log(shared / (v * w))

        def relative(of, per_mass):
            return mass * math.log(mass / of) - mass + of + mass * per_mass

        return mass * squares + eps * relative(p * q, joint) + rho * (relative(p, far[0]) + relative(q, far[1]))

    options = {"maxiter": 20_000, "maxfev": 20_000, "xatol": 1e-10, "fatol": 1e-13, "adaptive": True}
    best = minimize(value, [0.0, 0.3, 0.8, -0.7, 0.0, 0.3], method="Nelder-Mead", options=options)
    assert found.dual == pytest.approx(best.fun, rel=1e-7)
    assert float(found.marginals()[0].sum()) == pytest.approx(math.exp(best.x[0]), rel=1e-4)
    left = found.marginals()[0]
    assert float((left * places).sum() / left.sum()) == pytest.approx(best.x[1], abs=1e-4)


def test_weights_of_any_sum_are_balanced_first():
    source, target = cloud(12, 30, 2), cloud(13, 30, 2)
    plain = run(source, target)
    scaled = run(PointCloud(source.points, source.weights * 1e-200), PointCloud(target.points, target.weights * 1e200))
    assert scaled.cost == pytest.approx(plain.cost, rel=1e-9)
    even = run(PointCloud(source.points), target)
    told = run(PointCloud(source.points, torch.full((30,), 1e308, dtype=torch.float64)), target)
    assert told.cost == pytest.approx(even.cost, rel=1e-12)


def test_points_without_mass_change_nothing_and_have_potentials():
    source, target = cloud(14, 40, 2), cloud(15, 30, 2)
    far = torch.tensor([[1e6, 0.0], [0.3, 0.3]]).double()
    more = PointCloud(torch.cat([source.points, far]), torch.cat([source.weights, torch.zeros(2).double()]))
    plain, found = run(source, target), run(more, target)
    assert found.cost == pytest.approx(plain.cost, rel=1e-7)
    assert torch.allclose(found.barycentric()[:40], plain.barycentric(), atol=1e-6)
    assert torch.allclose(found.barycentric()[40:], plain(far), atol=1e-6)
    assert torch.isfinite(found.f).all()
    assert len(found.as_map().points) == 40


def test_a_batch_gives_what_its_problems_give():
    random = torch.Generator().manual_seed(3)
    x = torch.randn(3, 150, 2, generator=random, dtype=torch.float64)
    y = torch.randn(3, 130, 2, generator=random, dtype=torch.float64) + 1
    a, b = (torch.full(z.shape[:2], 1 / z.shape[1], dtype=torch.float64) for z in (x, y))
    for held in (0, 1 << 24):
        many = PointProblem(x, y, a, b, 0.5, held=held)
        found = solve_points(many, 1e-9, 10_000)
        values = dual_value(many, found.f, found.g), plan_cost(many, found.f, found.g)
        assert max(found.residuals) < 1e-9
        for k in range(3):
            one = PointProblem(x[k : k + 1], y[k : k + 1], a[:1], b[:1], 0.5, held=held)
            alone = solve_points(one, 1e-9, 10_000)
            assert values[0][k] == pytest.approx(dual_value(one, alone.f, alone.g)[0], rel=1e-8)
            assert values[1][k] == pytest.approx(plan_cost(one, alone.f, alone.g)[0], rel=1e-7)


def test_many_points_are_met_in_coarser_clouds_first():
    random = torch.Generator().manual_seed(5)
    x, y = (torch.rand(1, 1500, 2, generator=random, dtype=torch.float64) for _ in range(2))
    mass = torch.full((1, 1500), 1 / 1500, dtype=torch.float64)
    problem = PointProblem(x, y, mass, mass, 0.1)
    sizes = [level.x.shape[1] for level in levels(problem)]
    assert sizes[0] <= 64
    assert sizes[-1] == 1500
    assert sizes == sorted(sizes)
    for level in levels(problem):
        assert float(level.a.sum()) == pytest.approx(1)
        assert torch.allclose((level.a[..., None] * level.x).sum(1), x.mean(1), atol=1e-12)
    cold = [torch.zeros(1, 1500, dtype=torch.float64)] * 2
    tell = []
    warm = solve_points(problem, 1e-6, 1000, tell.append)
    again = solve_points(problem, 1e-6, 1000, start=(warm.f, warm.g))
    assert again.iterations[0] <= 2
    from_nothing = solve_points(problem, 1e-6, 1000, start=tuple(cold))
    assert from_nothing.residuals[0] < 1e-6
    assert dual_value(problem, warm.f, warm.g)[0] == pytest.approx(
        dual_value(problem, from_nothing.f, from_nothing.g)[0], rel=1e-6
    )


def test_coarser_clouds_keep_what_a_blur_sees():
    random = torch.Generator().manual_seed(6)
    x, y = (torch.rand(1, 1500, 2, generator=random, dtype=torch.float64) for _ in range(2))
    mass = torch.full((1, 1500), 1 / 1500, dtype=torch.float64)
    mass[0, x[0, :, 0] < 0.4] = 0
    problem = PointProblem(x, y, mass / mass.sum(), torch.full((1, 1500), 1 / 1500, dtype=torch.float64), 0.03)
    for level in levels(problem):
        for fine, coarse in ((x[0], level.x[0]), (y[0], level.y[0])):
            nearest = torch.cdist(fine, coarse).amin(1)
            assert float(nearest.square().mean().sqrt()) < level.blur


@pytest.mark.parametrize("reach", [None, 0.3])
def test_potentials_extend_by_their_own_equations(reach):
    source, target = cloud(20, 50, 2), cloud(21, 40, 2)
    sides = source.points[None], target.points[None], source.weights[None], target.weights[None]
    problem = PointProblem(*sides, 0.3, reach=reach)
    found = solve_points(problem, 1e-12, 10_000)
    elsewhere = PointProblem(*(part.clone() for part in sides), 0.3, reach=reach)
    f, g = extended(problem, found.f, found.g, elsewhere)
    assert torch.allclose(f, found.f, rtol=0, atol=1e-10)
    assert torch.allclose(g, found.g, rtol=0, atol=1e-10)


def test_units_of_length():
    source, target = cloud(16, 40, 2), cloud(17, 30, 2)
    both = torch.cat([source.points, target.points])
    side = float((both.amax(0) - both.amin(0)).max())
    of_side = run(source, target, blur=0.2, reach=0.5)
    of_length = run(source, target, blur=0.2 * side, reach=0.5 * side, unit="length")
    assert of_side.cost == pytest.approx(of_length.cost, rel=1e-12)
    assert of_side.blur == pytest.approx(0.2 * side)
