"""Masses from 1e-12 to 1e12, zeros, repeated and collinear points: a plan with its proof, or a typed error."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from otframe_exact.approximate import ApproximateTransport
from otframe_exact.line import LineTransport
from otframe_exact.network import NetworkTransport

from otframe.errors import SolveError
from otframe.values import PointCloud

QUICK = settings(max_examples=150, deadline=None)
MASSES = st.one_of(st.just(0.0), st.integers(-12, 12).map(lambda k: 10.0**k), st.floats(1e-12, 1e12))
SMALL = st.floats(-1, 1).map(lambda place: place if abs(place) > 1e-50 else 0.0)  # squares do not vanish
PLACES = st.one_of(st.integers(-2, 2).map(float), SMALL, st.integers(-3, 3).map(lambda k: 10.0**k))


@st.composite
def clouds(draw, dim, *, most=12):
    n = draw(st.integers(1, most))
    kind = draw(st.sampled_from(["any", "collinear", "repeated"]))
    if kind == "any":
        points = [[draw(PLACES) for _ in range(dim)] for _ in range(n)]
    elif kind == "collinear":
        along = [draw(PLACES) for _ in range(dim)]
        points = [[draw(PLACES) * step for step in along] for _ in range(n)]
    else:
        held = [[draw(PLACES) for _ in range(dim)] for _ in range(2)]
        points = [draw(st.sampled_from(held)) for _ in range(n)]
    weights = [draw(MASSES) for _ in range(n)]
    assume(any(weights))
    dtype = draw(st.sampled_from([torch.float32, torch.float64]))
    return PointCloud(torch.tensor(points, dtype=dtype), torch.tensor(weights, dtype=torch.float64))


@QUICK
@given(data=st.data(), dim=st.integers(1, 4), p=st.sampled_from([1.0, 2.0, 3.0]), lazy=st.booleans())
def test_network(kit, data, dim, p, lazy):
    source, target = data.draw(clouds(dim)), data.draw(clouds(dim))
    plan = NetworkTransport(p=p, dense_limit=0 if lazy and p < 3 else 1000).solve(source, target)
    kit.proven(plan, source, target, kit.costs(source, target, p))


@QUICK
@given(data=st.data(), p=st.sampled_from([1.0, 1.5, 2.0, 3.0]))
def test_line(kit, data, p):
    source, target = data.draw(clouds(1)), data.draw(clouds(1))
    plan = LineTransport(p=p).solve(source, target)
    kit.proven(plan, source, target, kit.costs(source, target, p))
    assert len(plan.mass) <= source.count + target.count - 1


@QUICK
@given(data=st.data(), p=st.sampled_from([1.0, 1.5, 2.0, 3.0]), period=st.sampled_from([0.7, 1.0, 3.0, 1e4]))
def test_circle(kit, data, p, period):
    source, target = (wrapped(data.draw(clouds(1, most=8)), period) for _ in range(2))
    plan = LineTransport(p=p, period=period).solve(source, target)
    # rounding is that of the longest way there is
    kit.proven(plan, source, target, kit.costs(source, target, p, period), slack=1e-15 * period**p)
    assert len(plan.mass) <= source.count + target.count


def wrapped(cloud, period):
    return PointCloud(torch.from_numpy(np.mod(cloud.points.double().numpy(), period)), cloud.weights)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), dim=st.integers(1, 4))
def test_approximate(kit, data, dim):
    source, target = data.draw(clouds(dim)), data.draw(clouds(dim))
    plan = ApproximateTransport(plans=3).solve(source, target)
    kit.proven(plan, source, target, kit.costs(source, target), exact=False)


@pytest.mark.parametrize("seed", range(40))
def test_places_over_twelve_orders_are_proven_or_an_error(kit, seed):
    """Beyond what float64 can tell; then it is told."""
    rng = np.random.default_rng(seed)
    clouds = []
    for _ in range(2):
        points = rng.normal(size=(20, 2)) * 10.0 ** rng.integers(-6, 6, (20, 1))
        clouds.append(PointCloud(torch.from_numpy(points), torch.from_numpy(10.0 ** rng.uniform(-12, 12, 20))))
    try:
        plan = NetworkTransport().solve(*clouds)
    except SolveError as error:
        told = error
    else:
        kit.proven(plan, *clouds, kit.costs(*clouds))
        return
    assert "a relative gap of" in told.message
    assert told.hint
