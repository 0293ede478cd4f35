"""The parts of the iteration for barycentres: the kernel, the ladder of blurs, the factor, the deconvolution."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_sinkhorn.barycenters.kernel import ProductKernel, soft_minimum
from otframe_sinkhorn.barycenters.pace import Pace
from otframe_sinkhorn.barycenters.sharpening import Sharpening
from otframe_sinkhorn.barycenters.solve import ladder
from otframe_sinkhorn.grids.kernel import GridKernel

CPU = torch.device("cpu")


@settings(deadline=None, max_examples=60)
@given(
    shape=st.sampled_from([(30,), (9, 14), (1, 20), (5, 6, 7)]),
    kind=st.sampled_from(["squared", "absolute"]),
    share=st.floats(0.0, 1.0),
    steep=st.floats(0.0, 1000.0),
    seed=st.integers(0, 99),
)
def test_matrix_products_give_what_logarithms_give(shape, kind, share, steep, seed):
    spacing = (0.1,) * len(shape)
    power = 2 if kind == "squared" else 1
    far = sum((0.1 * (n - 1)) ** power for n in shape)
    eps = far / 600 * 100**share
    kernel = soft_minimum(shape, spacing, eps * (1 + 1e-12), kind, CPU)
    assert isinstance(kernel, ProductKernel)
    assert isinstance(soft_minimum(shape, spacing, eps / 101, kind, CPU), GridKernel)
    random = torch.Generator().manual_seed(seed)
    v = steep * torch.randn(2, *shape, generator=random, dtype=torch.float64)
    v[torch.rand(v.shape, generator=random) < 0.3] = -1e30
    v[:, -1] = 0.0
    wanted = GridKernel(shape, spacing, eps * (1 + 1e-12), kind, CPU)(v)
    assert torch.allclose(kernel(v), wanted, rtol=1e-12, atol=1e-9)


def test_the_ladder_ends_with_the_blur_on_ever_finer_grids():
    rungs = ladder((128, 100), (1 / 128, 1 / 128), 0.05)
    assert rungs == [(0.8, 4), (0.4, 4), (0.2, 3), (0.1, 2), (0.05, 1), (0.05, 0)]
    assert [blur for blur, _ in rungs] == sorted((blur for blur, _ in rungs), reverse=True)
    assert [halved for _, halved in rungs] == sorted((halved for _, halved in rungs), reverse=True)
    assert ladder((16,), (1 / 16,), 2.0) == [(2.0, 1), (2.0, 0)]
    assert ladder((8, 8), (1 / 8, 1 / 8), 0.01)[-1] == (0.01, 0)


@pytest.mark.parametrize("eta", [0.5, 0.9, 0.99])
def test_the_factor_comes_near_the_best_one_and_saves_iterations(eta):
    """A model with one mode: `x` goes `omega` times as far as `y` asks, and `y` as `x` does, with `x = sqrt(eta) y`."""

    def needed(largest):
        pace, x, y = Pace(largest), 1.0, 1.0
        for number in range(2000):
            x += pace.factor * (eta**0.5 * y - x)
            change = pace.factor * (eta**0.5 * x - y)
            y += change
            pace.saw(abs(change))
            if abs(x) + abs(y) < 1e-8:
                return number
        return 2000

    assert needed(1.999) < 0.7 * needed(1.0)


def test_an_error_that_grows_takes_the_factor_back_for_good():
    pace = Pace(1.9)
    for error in (1.0, 0.9, 0.81, 0.73, 0.66, 0.6):
        pace.saw(error)
    assert pace.factor >= 1.5
    before = pace.factor
    pace.saw(10.0)
    assert pace.factor == pace.largest == 1 + (before - 1) / 2
    pace.saw(float("nan"))
    assert pace.factor < 1 + (before - 1) / 2


@pytest.mark.parametrize("omega", [1.0, 1.5, 1.75])
def test_deconvolution_finds_the_density_that_was_blurred(omega):
    """With what the plan makes of a smooth density held fixed, delta comes to that density's potential."""
    n = 60
    kernel = soft_minimum((n,), (1 / n,), 2 * 0.05**2, "squared", CPU)
    places = torch.arange(n, dtype=torch.float64) / n
    log_b = (-((places - 0.4) ** 2) / (2 * 0.12**2))[None]
    log_b = log_b - torch.logsumexp(log_b, 1)
    right = Sharpening.of(kernel, log_b)
    for _ in range(30):
        right = Sharpening.of(kernel, right.log_b)
    start = Sharpening(kernel, right.delta + 0.3 * torch.sin(20 * places))
    missing = [float((torch.exp(right.log_b) * start.follow(right.spread, omega)).abs().sum()) for _ in range(60)]
    assert missing[-1] < 0.02 * missing[0]
    assert float(torch.exp(start.log_b).sum()) == pytest.approx(1, abs=1e-12)
