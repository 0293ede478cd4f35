"""What the tests of the solvers share: a proof of a plan from dense matrices, which shares no code with them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from otframe.values import PointCloud


def costs(source, target, p=2.0, period=None):
    """The `(n, m)` costs `|x - y|^p`, on a circle where there is a period."""
    x, y = (cloud.points.double().cpu().numpy() for cloud in (source, target))
    if period is not None:
        x, y = np.mod(x, period), np.mod(y, period)
    apart = np.abs(x[:, None] - y[None])
    if period is not None:  # exact where both are near the seam
        across = np.minimum(np.abs((x - period)[:, None] - y[None]), np.abs(x[:, None] - (y - period)[None]))
        apart = np.minimum(apart, across)
    return np.sqrt((apart**2).sum(-1)) ** p if p != 2 else (apart**2).sum(-1)


def masses(cloud: PointCloud):
    """Weights of sum 1, float64."""
    weights = np.ones(cloud.count) if cloud.weights is None else cloud.weights.double().cpu().numpy()
    return weights / weights.max() / (weights / weights.max()).sum()


def proven(plan, source, target, c, *, rtol=1e-9, exact=True, slack=0.0):
    """Assert that it is a plan between the measures, and that its dual pair proves its cost."""
    a, b = masses(source), masses(target)
    matrix = plan.matrix().to_dense().double().cpu().numpy()
    assert (plan.mass > 0).all()
    np.testing.assert_allclose(matrix.sum(1), a, rtol=0, atol=1e-14)
    np.testing.assert_allclose(matrix.sum(0), b, rtol=0, atol=1e-14)
    assert plan.cost == pytest.approx((matrix * c).sum(), rel=1e-12, abs=1e-150)
    f, g = plan.f.cpu().numpy(), plan.g.cpu().numpy()
    above = f[:, None] + g - c
    assert (above <= 1e-12 * (np.abs(f)[:, None] + np.abs(g) + c) + slack).all(), above.max()
    size = plan.cost + (a * np.abs(f)).sum() + (b * np.abs(g)).sum()
    unit = 2.0**-52 * (np.abs(f).sum() + np.abs(g).sum())  # masses are whole units
    assert plan.dual == pytest.approx((a * f).sum() + (b * g).sum(), abs=1e-12 * size + unit)
    assert plan.info.converged
    assert 0 <= plan.info.residual <= rtol
    assert plan.gap >= -rtol * size - slack
    if exact:
        assert plan.gap <= rtol * size + slack


def optimum(source, target, c):
    """The optimal cost by SciPy's linear programme, HiGHS."""
    n, m = c.shape
    rows, cols = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    found = linprog(
        c.ravel(), A_eq=np.vstack([rows, cols])[:-1], b_eq=np.concatenate([masses(source), masses(target)])[:-1],
        method="highs",
    )  # fmt: skip
    assert found.status == 0, found.message
    return found.fun


@pytest.fixture(scope="session")
def kit():
    """The functions above."""

    class Kit:
        costs, masses, proven, optimum = (
            staticmethod(costs),
            staticmethod(masses),
            staticmethod(proven),
            staticmethod(optimum),
        )

    return Kit
