"""The robust method: its published steps written down in NumPy, the simplex, columns that die, and what it finds."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_unscramble.capped import CappedCost
from otframe_unscramble.descent import Mirror, Published, shares
from otframe_unscramble.kept import kept
from otframe_unscramble.transport import TransportUnscrambler
from otframe_unscramble.values import Pairs
from pydantic import ValidationError

from otframe import component
from otframe.errors import ConvergenceError, DataError, SolveError
from otframe.interfaces import Context, Transform
from otframe.values import SparseMap

SIZE = (6, 5)
D = SIZE[0] * SIZE[1]


@pytest.fixture
def case():
    """Blobs behind a permutation, displaced by up to a pixel where that is asked for; and the permutation's matrix."""

    def make(count=60, shifts=False, channels=1, size=SIZE, seed=0):
        dice = np.random.default_rng(seed)
        down, across = np.mgrid[: size[0], : size[1]]
        clear, moved = np.zeros((2, count, channels, *size))
        for n, c in np.ndindex(count, channels):
            for _ in range(2):
                at = dice.uniform(0, size)
                by = dice.normal(0, 0.7, 2) if shifts else np.zeros(2)
                for made, place in ((clear, at), (moved, at + by)):
                    made[n, c] += np.exp(-((down - place[0]) ** 2 + (across - place[1]) ** 2) / 1.5)
        order = dice.permutation(size[0] * size[1])
        scrambled = clear.reshape(count, channels, -1)[..., order].reshape(clear.shape)
        truth = np.zeros((len(order), len(order)))
        truth[order, np.arange(len(order))] = 1
        parts = [torch.from_numpy(part).float() for part in (scrambled, moved)]
        return Pairs(*parts, tuple(map(str, range(count)))), truth

    return make


def learnt(pairs, **params):
    with torch.no_grad():
        return TransportUnscrambler(**params)(pairs, ctx=Context(seed=1))


def slopes_of(made, clear, size, cap=10.0, rate=10.0, iterations=100):
    """Potentials of columns, as published."""
    down, across = np.divmod(np.arange(size[0] * size[1]), size[1])
    kernel = np.exp(-rate * np.minimum(np.hypot(down[:, None] - down, across[:, None] - across), cap))
    u = np.ones_like(made)
    for _ in range(iterations):
        u = made / (kernel @ (clear / (kernel @ u)))
    return (np.log(u) - np.log(u).mean(0)) / rate


@pytest.mark.parametrize("steps", [1, 4])
def test_published_steps_are_those_of_the_original(case, steps):
    pairs, _ = case(20)
    y, x = (rows.double().numpy().T for rows in pairs.rows())
    y, x = ((part / part.sum(0) + 0.1 / D) / 1.1 for part in (y, x))
    a, dice = np.full((D, D), 1 / D), Context(seed=1).rng
    for _ in range(steps):
        some = torch.randperm(20, generator=dice)[:8].numpy()
        a = a - 0.1 * (slopes_of(a @ y[:, some], x[:, some], SIZE) @ y[:, some].T / 8 + 1e-3 * np.sign(a))
        a = np.maximum(a, 0)
        a = a / a.sum(0)
    # 1e-3 a step is too little for columns of 30 pixels to lose an entry, but this is checked below
    made = learnt(pairs, mode="published", steps=steps, batch=8, tol=1e-12)
    assert np.allclose(made.map.dense().numpy(), a, rtol=1e-5, atol=1e-7)
    best = np.sort(a, 0)[-3 - 1]
    few = np.where(a > best, a, 0)
    thresholded = learnt(pairs, mode="published", steps=steps, batch=8, tol=1e-12, keep=3)
    assert isinstance(thresholded.map, SparseMap)
    assert np.allclose(thresholded.map.dense().numpy(), few / few.sum(0), rtol=1e-5, atol=1e-7)


def test_a_published_step_cuts_at_0():
    random = torch.Generator().manual_seed(0)
    operator = torch.rand(4, 6, generator=random, dtype=torch.float64)
    operator[1, 2] = 0
    operator /= operator.sum(1, keepdim=True)
    slopes, scrambled = (torch.randn(5, n, generator=random, dtype=torch.float64) for n in (6, 4))
    wanted = operator - 0.5 * (scrambled.T @ slopes / 5 + 0.02 * operator.sign())
    wanted = wanted.clamp(min=0)
    assert bool((wanted == 0).any())
    wanted /= wanted.sum(1, keepdim=True)
    made = operator.clone()
    moved = Published(made, 0.02).step(0.5, slopes, scrambled)
    assert torch.allclose(made, wanted, atol=1e-14)
    assert moved == pytest.approx(float((wanted - operator).abs().sum()) / 8)


def test_the_slope_of_a_is_that_of_finite_differences(case):
    """What the published step goes along: the slope in A of the mean of the costs, along the simplex."""
    pairs, _ = case(4)
    y, x = (shares(rows.double(), 0.1) for rows in pairs.rows())
    dice = np.random.default_rng(1)
    a = torch.from_numpy(dice.dirichlet(np.ones(D), D).T.copy())
    way = torch.from_numpy(dice.normal(size=(D, D)))
    way -= way.mean(0)
    cost = CappedCost(rate=2.0, iterations=2000)

    def value(a):
        return float(cost.losses((y @ a.T).unflatten(1, SIZE), x.unflatten(1, SIZE)).mean())

    worker = TransportUnscrambler(loss=cost)
    slopes = worker._slopes((y @ a.T).unflatten(1, SIZE), x.unflatten(1, SIZE), Context())
    step = 1e-5
    numeric = (value(a + step * way) - value(a - step * way)) / (2 * step)
    assert numeric == pytest.approx(float((slopes.T @ y / 4 * way).sum()), rel=1e-5)


def test_columns_that_die_are_told_where_the_original_gives_0_by_0(case):
    pairs, _ = case(4, size=(40, 40))
    loss = CappedCost(rate=1.0, iterations=5)
    with pytest.raises(ConvergenceError, match="lost all their entries") as caught:
        learnt(pairs, mode="published", loss=loss, penalty=0.1)
    assert "mode: mirror" in caught.value.hint
    made = learnt(pairs, loss=loss, penalty=0.1, steps=2, sums="columns").map.dense()
    assert bool(torch.isfinite(made).all())
    assert torch.allclose(made.sum(0), torch.ones(1600), atol=1e-5)


@pytest.mark.parametrize("loss", ["unscramble.capped", "sinkhorn.divergence"])
def test_mirror_descent_sees_through_displacements(case, loss):
    pairs, truth = case(300, shifts=True)
    params = {"rate": 3.0} if "capped" in loss else {"blur": 1.0, "unit": "cell", "tol": 1e-2}
    made = learnt(pairs, loss=component(loss, **params), steps=60)
    a = made.map.dense().numpy()
    assert np.allclose(a.sum(1), 1, atol=1e-5)
    assert a.min() >= 0
    right = (a.argmax(0) == truth.argmax(0)).mean()
    assert right > 0.75
    assert 0 < made.info.residual < 0.2
    assert made.keys == pairs.keys


def test_it_is_the_same_for_the_same_seed_and_says_when_it_stands(case):
    pairs, _ = case(30, channels=2)
    first, second = (learnt(pairs, steps=3, keep=2).map.dense() for _ in range(2))
    assert torch.equal(first, second)
    stands = learnt(pairs, steps=50, tol=0.9)
    assert stands.info.converged
    assert stands.info.iterations == 1
    assert not learnt(pairs, steps=2, tol=1e-9).info.converged


class Far(Transform):
    """A loss for pairs alone, whose derivative may be broken."""

    broken: bool = False

    def loss(self, source, target):
        made = (source.mass - target.mass).square().sum()
        return made * float("nan") if self.broken else made


def test_any_loss_will_do_and_one_that_is_none_is_refused(case):
    pairs, truth = case(40)
    made = learnt(pairs, loss=Far(), steps=80, step=1.0).map.dense().numpy()
    assert (made.argmax(0) == truth.argmax(0)).mean() > 0.9
    with pytest.raises(SolveError, match="not finite"):
        learnt(pairs, loss=Far(broken=True), steps=1)
    with pytest.raises(ValidationError, match="neither"):
        TransportUnscrambler(loss=component("image.convert"))


def test_sizes_may_differ():
    pictures = torch.rand(5, 1, 4, 3, generator=torch.Generator().manual_seed(0))
    pairs = Pairs(pictures, torch.nn.functional.interpolate(pictures, (6, 7)), tuple("abcde"))
    for mode in ("mirror", "published"):
        made = learnt(pairs, mode=mode, steps=2, keep=4)
        assert made(pictures).shape == (5, 1, 6, 7)


@given(
    seed=st.integers(0, 10**6),
    size=st.sampled_from([1e-30, 1.0, 1e30]),
    rate=st.sampled_from([0.01, 1.0, 1e6]),
    penalty=st.sampled_from([0.0, 1.0, 1e6]),
)
@settings(deadline=None, max_examples=30)
def test_a_mirror_step_never_leaves_the_simplex(seed, size, rate, penalty):
    random = torch.Generator().manual_seed(seed)
    operator = torch.rand(7, 9, generator=random).pow(20)
    operator /= operator.sum(1, keepdim=True)
    descent = Mirror(operator, penalty, 0.9)
    for _ in range(5):
        slopes = size * torch.randn(4, 9, generator=random)
        descent.step(rate, slopes, shares(torch.rand(4, 7, generator=random).pow(9), 0.1))
    assert bool(torch.isfinite(operator).all())
    assert float(operator.min()) >= 0
    assert torch.allclose(operator.sum(1), torch.ones(7), atol=1e-5)


@given(seed=st.integers(0, 10**6), size=st.sampled_from([0.0, 1e-38, 1e-20, 1.0, 1e30]))
@settings(deadline=None, max_examples=20)
def test_shares_are_shares_of_anything(seed, size):
    samples = size * torch.randn(3, 8, generator=torch.Generator().manual_seed(seed))
    samples[0] = 0
    made = shares(samples, 0.1)
    assert torch.allclose(made.sum(1), torch.ones(3), atol=1e-6)
    assert float(made.min()) >= 0.1 / 8 / 1.1 * (1 - 1e-5)
    if size > 1e-30:
        positive = samples.clamp(min=0).double()[1:]
        wanted = (positive / positive.sum(1, keepdim=True) + 0.1 / 8) / 1.1
        assert torch.allclose(made[1:].double(), wanted, atol=1e-6)


def test_ties_are_kept_to_their_number():
    """The original takes what is larger than the next one: of these columns nothing, and then 0 / 0."""
    made = kept(torch.full((5, 4), 0.25), 2)
    assert torch.equal((made.dense() > 0).sum(0), torch.full((5,), 2))
    assert torch.equal(made.dense().sum(0), torch.ones(5))
    assert kept(torch.full((5, 4), 0.25), 4).entries == 20


def test_rows_are_made_even_at_last():
    random = torch.Generator().manual_seed(0)
    operator = torch.rand(9, 4, generator=random, dtype=torch.float64) + 0.1
    operator[:, 1] = 0
    operator /= operator.sum(1, keepdim=True)
    dense = operator.T
    largest = torch.where(dense >= dense.topk(2, 0).values[-1], dense, 0.0)
    for keep, wanted in ((None, dense), (2, largest / largest.sum(0))):
        made = kept(operator.clone(), keep, even=True).dense().double()
        rows = torch.tensor([1.0, 0.0, 1.0, 1.0]).double()
        assert torch.allclose(made.sum(1), rows, atol=1e-6)
        assert torch.allclose(made, wanted / wanted.sum(1, keepdim=True).clamp(min=1e-9), atol=1e-6)


def test_pictures_without_mass_are_refused(case):
    pairs = case()[0]
    for name in ("scrambled", "clear"):
        for factor in (0, -1):
            with pytest.raises(DataError, match=f"the {name} pictures are nowhere above 0"):
                learnt(replace(pairs, **{name: factor * getattr(pairs, name)}), steps=1)
