"""`sinkhorn.barycenter` of densities where it is hard, where it is refused, and where it does not end."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_sinkhorn.barycenter import SinkhornBarycenter
from otframe_sinkhorn.barycenters.value import GridBarycenter
from pydantic import ValidationError

from otframe.errors import CancelledError, ConvergenceError, DataError
from otframe.interfaces import Context
from otframe.registry import Registry
from otframe.testing.hostile import hostile_mass
from otframe.values import Density, PointCloud, codec


def hostile(dice, shape):
    return Density(torch.from_numpy(hostile_mass(dice, shape)))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_hostile_problems_converge_or_say_so(seed):
    dice = np.random.default_rng(seed)
    shape = [(40,), (12, 17), (20, 1), (1, 1), (5, 4, 6)][dice.integers(5)]
    given = [hostile(dice, shape) for _ in range(dice.integers(1, 5))]
    solver = SinkhornBarycenter(
        blur=float(10 ** dice.uniform(math.log10(0.002), 0)),
        cost=("squared", "absolute")[dice.integers(2)],
        weights=tuple(dice.random(len(given))) if dice.random() < 0.5 else None,
        debiased=bool(dice.integers(2)),
        iterations=100,
    )
    try:
        found = solver.solve(given, ctx=Context())
        assert found.info.converged
        assert found.info.residual < 1e-3
    except ConvergenceError as error:
        found = error.state
        assert not found.info.converged
        assert found.info.residual >= 1e-3
    assert isinstance(found, GridBarycenter)
    assert bool(torch.isfinite(found.mass).all())
    assert float(found.mass.sum()) == pytest.approx(1, abs=1e-12)
    assert math.isfinite(found.info.residual)


@pytest.mark.parametrize("debiased", [False, True])
def test_single_cells_far_apart_and_a_blur_under_a_cell(debiased):
    masses = torch.zeros(2, 32, 32, dtype=torch.float64)
    masses[0, 0, 0] = masses[1, 30, 28] = 1.0
    found = SinkhornBarycenter(blur=1e-3, debiased=debiased).solve([*map(Density, masses)], ctx=Context())
    assert float(found.mass[15, 14]) == pytest.approx(1, abs=1e-9)


def test_where_there_is_no_mass_between_blocks_the_plain_one_joins_them():
    masses = torch.zeros(2, 40, 40, dtype=torch.float64)
    masses[0, 5:15, 5:15] = 1.0
    masses[1, 25:35, 25:35] = 1.0
    found = SinkhornBarycenter(blur=0.01, debiased=False, tol=1e-4).solve([*map(Density, masses)], ctx=Context())
    wanted = torch.zeros(40, 40, dtype=torch.float64)
    wanted[15:25, 15:25] = 0.01
    assert float((found.mass - wanted).abs().sum()) < 0.12  # the blur is four tenths of a cell
    assert float(found.mass[:12].sum()) < 1e-6


def test_too_few_iterations_are_told_of_with_what_was_reached(density):
    given = [density(k, 20, 20) for k in range(3)]
    with pytest.raises(ConvergenceError, match="was reached in") as caught:
        SinkhornBarycenter(blur=0.01, iterations=3, tol=1e-6).solve(given, ctx=Context())
    state = caught.value.state
    assert caught.value.hint
    assert not state.info.converged
    assert state.info.residual > 1e-6
    assert float(state.mass.sum()) == pytest.approx(1)


def test_what_does_not_fit_is_refused(density):
    def refused(*measures, match, **params):
        with pytest.raises(DataError, match=match) as caught:
            SinkhornBarycenter(**params).solve(list(measures), ctx=Context())
        assert caught.value.hint

    one = density(1, 5, 5)
    refused(match="at least one")
    refused(one, density(2, 5, 6), match="on one grid")
    refused(one, Density(one.mass, (1.0, 1.0)), match="on one grid")
    refused(one, one, density(2, 5, 6), weights=(1.0, 1.0, 0.0), match="on one grid")
    refused(one, one, weights=(1.0, 1.0, 1.0), match="3 weights and 2 measures")
    refused(one, PointCloud(torch.zeros(3, 2)), match="got both")
    refused(one, density(2, 5, 5), blur=1e-9, match="a blur of at least")


@pytest.mark.parametrize("weights", [(), (0.0, 0.0), (1.0, -1.0), (math.nan, 1.0), (math.inf, 1.0)])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(ValidationError):
        SinkhornBarycenter(weights=weights)


def test_it_can_be_cancelled_and_tells_how_far_it_is(density):
    told = []
    given = [density(k, 30, 30) for k in range(3)]
    ctx = Context(on_progress=lambda fraction, note: told.append(fraction))
    SinkhornBarycenter(blur=0.02).solve(given, ctx=ctx)
    assert len(told) > 3
    assert all(0 <= fraction < 1 for fraction in told)
    with pytest.raises(CancelledError):
        SinkhornBarycenter(blur=0.02).solve(given, ctx=Context(is_cancelled=lambda: True))


def test_it_is_a_density_and_stored_as_every_value_is(density):
    found = SinkhornBarycenter(blur=0.1).solve([density(1, 8, 8), density(2, 8, 8)], ctx=Context())
    assert isinstance(found, Density)
    again = codec.from_bytes(codec.to_bytes(found, Registry.installed()), Registry.installed())
    assert isinstance(again, GridBarycenter)
    assert torch.equal(again.mass, found.mass)
    assert again.info == found.info


@pytest.mark.parametrize("debiased", [False, True])
def test_a_blur_far_below_a_cell_gives_finite_densities_of_all_mass(debiased):
    """Where kernels of other solvers are zero: a thousandth of the side, a thirtieth of a cell."""
    places = torch.stack(torch.meshgrid(*[torch.arange(32) / 32] * 2, indexing="ij"))
    given = [
        Density(((places[0] - x).square() + (places[1] - y).square() < 0.03).double())
        for x, y in ((0.3, 0.3), (0.7, 0.4), (0.5, 0.7))
    ]
    solver = SinkhornBarycenter(blur=1e-3, debiased=debiased, tol=1e-2, iterations=30)
    try:
        found = solver.solve(given, ctx=Context())
    except ConvergenceError as error:
        found = error.state
    assert bool(torch.isfinite(found.mass).all())
    assert float(found.mass.min()) >= 0
    assert abs(float(found.mass.sum()) - 1) < 1e-6
    # it lies between them, as one disc
    centre = (found.mass * places).sum((1, 2))
    assert torch.allclose(centre, torch.tensor([0.5, 0.4667]).double(), atol=0.03)
