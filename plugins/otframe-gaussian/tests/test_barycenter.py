"""`gaussian.barycenter`: closed forms, the peer, and what must fail."""

from __future__ import annotations

import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_gaussian.barycenter import GaussianBarycenter
from otframe_gaussian.transport import GaussianTransport
from pydantic import ValidationError

from otframe.errors import DataError, SolveError
from otframe.ports import signature
from otframe.values import GaussianLaw

QUICK = settings(max_examples=40, deadline=None)
SEEDS = st.integers(0, 2**31)


def law(d, seed, rank=None, scale=1.0):
    g = torch.Generator().manual_seed(seed)
    factor = torch.randn(d, rank or d + 2, generator=g, dtype=torch.float64) * scale
    return GaussianLaw(torch.randn(d, generator=g, dtype=torch.float64) * scale, factor @ factor.T / d, 10)


def diagonal(*deviations):
    root = torch.tensor(deviations, dtype=torch.float64)
    return GaussianLaw(torch.zeros(len(deviations)).double(), torch.diag(root**2))


def test_port_gathers_a_sequence():
    assert signature(GaussianBarycenter, "solve").inputs[0].gather == "sequence"


@QUICK
@given(
    deviations=st.lists(st.tuples(*[st.floats(0.01, 100)] * 3), min_size=1, max_size=5),
    weights=st.lists(st.floats(0.1, 1), min_size=5, max_size=5),
)
def test_commuting_laws_average_their_deviations(deviations, weights):
    weights = weights[: len(deviations)]
    found = GaussianBarycenter(weights=tuple(weights)).solve([diagonal(*each) for each in deviations])
    share = torch.tensor(weights, dtype=torch.float64) / sum(weights)
    wanted = (share @ torch.tensor(deviations, dtype=torch.float64)) ** 2
    assert torch.allclose(found.cov, torch.diag(wanted), rtol=1e-8, atol=1e-8 * float(wanted.max()))


@QUICK
@given(d=st.integers(1, 5), n=st.integers(2, 4), seed=SEEDS, scale=st.sampled_from([1e-6, 1.0, 1e6]))
def test_against_the_peer_at_every_scale(d, n, seed, scale):
    laws = [law(d, seed + i) for i in range(n)]
    scaled = [GaussianLaw(each.mean * scale, each.cov * scale**2, 10) for each in laws]
    found = GaussianBarycenter(tolerance=1e-10).solve(scaled)
    peer = ot.gaussian.bures_wasserstein_barycenter(
        torch.stack([each.mean for each in laws]), torch.stack([each.cov for each in laws]), num_iter=2000, eps=1e-12
    )
    assert torch.allclose(found.mean / scale, peer[0].reshape(-1), atol=1e-12)
    assert torch.allclose(found.cov / scale**2, peer[1], rtol=0, atol=1e-6)
    assert found.count == 10 * n


@QUICK
@given(d=st.integers(1, 5), seed=SEEDS, t=st.floats(0.05, 0.95))
def test_two_laws_meet_on_their_geodesic(d, seed, t):
    a, b = law(d, seed), law(d, seed + 1)
    found = GaussianBarycenter(weights=(1 - t, t), tolerance=1e-10).solve([a, b])
    part = GaussianTransport().solve(a, b).at(t)
    assert torch.allclose(found.cov, part.A @ a.cov @ part.A.T, rtol=0, atol=1e-7 * float(found.cov.abs().max()))
    assert torch.allclose(found.mean, (1 - t) * a.mean + t * b.mean)


def test_singular_laws():
    found = GaussianBarycenter().solve([diagonal(2.0, 0.0), diagonal(0.0, 6.0)])
    assert torch.allclose(found.cov, torch.diag(torch.tensor([1.0, 9.0]).double()), atol=1e-9)
    nothing = GaussianLaw(torch.zeros(2).double(), torch.zeros(2, 2).double())
    assert not GaussianBarycenter().solve([nothing, nothing]).cov.any()
    assert torch.allclose(GaussianBarycenter().solve([nothing, diagonal(2.0, 4.0)]).cov, diagonal(1.0, 2.0).cov)


def test_one_law_and_weights_of_zero():
    only = law(3, 0)
    assert torch.allclose(GaussianBarycenter().solve([only]).cov, only.cov)
    assert torch.allclose(GaussianBarycenter(weights=(0.0, 2.0)).solve([law(3, 1), only]).cov, only.cov)


def test_not_reached_is_an_error_with_the_residual():
    with pytest.raises(SolveError, match=r"residual \d") as caught:
        GaussianBarycenter(max_iter=1).solve([law(4, 0), law(4, 1), law(4, 2)])
    assert "max_iter" in caught.value.hint


def test_what_does_not_fit_is_refused():
    with pytest.raises(DataError, match="at least one"):
        GaussianBarycenter().solve([])
    with pytest.raises(DataError, match="2 laws and 3 weights"):
        GaussianBarycenter(weights=(1, 1, 1)).solve([law(2, 0), law(2, 1)])
    with pytest.raises(DataError, match="dimensions 2, 3"):
        GaussianBarycenter().solve([law(2, 0), law(3, 1)])
    with pytest.raises(ValidationError):
        GaussianBarycenter(weights=(-1.0, 2.0))
