"""Hostile clouds: each is transported, or refused with what was reached. Nothing is ever NaN."""

import math

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_sinkhorn.points import SinkhornPoints

from otframe.errors import ConvergenceError
from otframe.interfaces import Context
from otframe.values import PointCloud


def points(dice, n, d):
    made = dice.standard_normal((n, d))
    kind = dice.integers(8)
    if kind == 0:
        made = made[dice.integers(n, size=n)]  # duplicates
    elif kind == 1:
        made[:] = made[0]
    elif kind == 2:
        made = np.round(made)
    elif kind == 3:
        made[:, 1:] = 0
    elif kind == 4:
        made[0] *= 1e6  # one far away
    elif kind == 5:
        made[: n // 2] += 100
    elif kind == 6:
        made *= 10.0 ** dice.uniform(-6, 6, (n, 1))
    return made


def weights(dice, n):
    kind = dice.integers(6)
    if kind == 0:
        return None
    made = dice.random(n) + 1e-3
    if kind == 1:
        made *= dice.random(n) < 0.3
    elif kind == 2:
        made = 10.0 ** dice.uniform(-12, 12, n)
    elif kind == 3:
        made[1:] = 0
    elif kind == 4:
        made = 10.0 ** dice.uniform(-300, 0, n)
    if made.sum() <= 0:
        made[0] = 1
    return torch.from_numpy(made)


def clouds(dice):
    d = int(dice.choice([1, 2, 3, 5, 20, 50]))
    sizes = [int(dice.choice([1, 2, 7, 40, 90])) for _ in range(2)]
    scale, offset = 10.0 ** dice.uniform(-8, 8), 10.0 ** dice.uniform(-6, 6)
    made = []
    for n in sizes:
        x = points(dice, n, d) * scale + offset * scale
        made.append(PointCloud(torch.from_numpy(x), weights(dice, n)))
    kind = dice.integers(10)
    if kind == 0:
        made[1] = made[0]
    elif kind == 1:
        made[1] = PointCloud(made[1].points + 1e6 * scale, made[1].weights)
    elif kind == 2:
        made = [PointCloud(cloud.points.float(), cloud.weights) for cloud in made]
    return made


@settings(deadline=None, max_examples=150)
@given(seed=st.integers(0, 10**6))
def test_hostile_clouds_converge_or_say_so(seed):
    dice = np.random.default_rng(seed)
    source, target = clouds(dice)
    params = {
        "blur": float(10 ** dice.uniform(math.log10(0.002), 0)),
        "cost": ("squared", "absolute", "distance")[dice.integers(3)],
        "reach": None if dice.random() < 0.7 else float(10 ** dice.uniform(-2, 1)),
        "held": (0, 1 << 24)[dice.integers(2)],
    }
    try:
        found = SinkhornPoints(iterations=300, **params).solve(source, target, ctx=Context())
    except ConvergenceError as error:
        found = error.state
        assert not found.info.converged
    left, right = found.marginals()
    asked = torch.cat([target.points, source.points])[:20]
    parts = (found.f, found.g, found.barycentric(), left, right, found(asked), found.as_map().images)
    assert all(bool(torch.isfinite(part).all()) for part in parts)
    assert all(math.isfinite(number) for number in (found.cost, found.dual, found.info.residual))
    low, high = target.points.double().amin(0), target.points.double().amax(0)
    slack = 1e-6 * (high - low).max() + 1e-14 * max(cloud.points.abs().max() for cloud in (source, target))
    moved = found.barycentric()
    assert bool((moved >= low - slack).all() and (moved <= high + slack).all())
    if params["reach"] is None:
        assert float((left - found.source.weights).abs().sum()) < 1e-6
        if found.info.converged:
            assert float((right - found.target.weights).abs().sum()) < 1.001e-3
