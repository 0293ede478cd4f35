"""Soft minima along an axis against the sum over all pairs."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_sinkhorn.grids.axis import NOTHING, AbsoluteAxis, QuadraticAxis

CPU = torch.device("cpu")


def all_pairs(v, step, eps, power):
    places = torch.arange(v.shape[1], dtype=torch.float64) * step
    cost = (places[:, None] - places).abs() ** power
    return torch.logsumexp(v[:, None] - cost / eps, 2)


@settings(deadline=None, max_examples=150)
@given(
    n=st.integers(1, 90),
    eps=st.floats(1e-6, 10.0),
    steep=st.floats(0.0, 3000.0),
    holes=st.floats(0.0, 0.9),
    power=st.sampled_from([1, 2]),
    seed=st.integers(0, 99),
)
def test_it_is_the_sum_over_all_pairs(n, eps, steep, holes, power, seed):
    random = torch.Generator().manual_seed(seed)
    v = steep * torch.randn(3, n, generator=random, dtype=torch.float64)
    v[torch.rand(3, n, generator=random) < holes] = NOTHING
    v[:, -1] = 0.0
    axis = (AbsoluteAxis if power == 1 else QuadraticAxis)(n, 1 / n, eps, CPU)
    wanted = all_pairs(v, 1 / n, eps, power)
    size = max(1.0, steep, 1 / eps)
    assert torch.allclose(axis(v), wanted, rtol=0, atol=1e-12 * size)


@pytest.mark.parametrize(("blur", "blocks"), [(0.05, 1), (0.01, 3), (0.002, 13)])
def test_blocks_of_any_number_give_the_same(blur, blocks):
    n, eps = 140, 2 * blur**2
    v = 50 * torch.randn(4, n, generator=torch.Generator().manual_seed(1), dtype=torch.float64).cumsum(1)
    axis = QuadraticAxis(n, 1 / n, eps, CPU)
    assert len(axis.blocks) == blocks
    assert torch.allclose(axis(v), all_pairs(v, 1 / n, eps, 2), rtol=1e-14, atol=1e-11)


@settings(deadline=None, max_examples=60)
@given(n=st.integers(1, 40), eps=st.floats(1e-3, 10.0), seed=st.integers(0, 99))
def test_costs_are_those_of_all_pairs(n, eps, seed):
    v = 5 * torch.randn(2, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    places = torch.arange(n, dtype=torch.float64) * 0.1
    cost = (places[:, None] - places).abs()
    wanted = (torch.exp(v[:, None] - cost / eps) * cost).sum(2)
    assert torch.allclose(torch.exp(AbsoluteAxis(n, 0.1, eps, CPU).costs(v)), wanted, rtol=1e-10, atol=1e-200)


def test_no_mass_at_all_stays_nothing():
    v = torch.full((2, 50), NOTHING, dtype=torch.float64)
    for axis in (
        QuadraticAxis(50, 0.02, 1e-4, CPU),
        QuadraticAxis(50, 0.02, 1.0, CPU),
        AbsoluteAxis(50, 0.02, 0.01, CPU),
    ):
        assert (axis(v) < NOTHING / 2).all()
