"""`unscramble.least_squares` and `unscramble.moments`: equal to NumPy, to one another, and never NaN."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_unscramble.least_squares import LeastSquares
from otframe_unscramble.moments import GatherMoments, moments_of
from otframe_unscramble.normal import Inverse
from otframe_unscramble.threshold import kept, refitted
from otframe_unscramble.values import Pairs

from otframe.errors import DataError
from otframe.interfaces import Context
from otframe.values import DenseMap, Image, LowRankMap, SparseMap

CTX = Context()
QUICK = settings(max_examples=25, deadline=None)
SEEDS = st.integers(0, 2**31)


def made(count, size=(3, 4), target=(5, 2), channels=1, seed=0):
    """Pairs of noise: well-conditioned, no relation at all."""
    random = torch.Generator().manual_seed(seed)
    return Pairs(
        torch.rand(count, channels, *size, generator=random),
        torch.rand(count, channels, *target, generator=random),
        tuple(f"{k:03}" for k in range(count)),
    )


def learnt(pairs, **params):
    return LeastSquares(**params)(pairs, ctx=CTX)


def matrix(operator):
    return operator.map.dense().double()


def wide(pairs):
    scrambled, clear = pairs.rows()
    return scrambled.double().numpy(), clear.double().numpy()


@pytest.mark.parametrize("count", [5, 12, 40])
@pytest.mark.parametrize("form", ["auto", "primal", "dual"])
def test_the_published_form_is_the_pseudo_inverse(count, form):
    pairs = made(count)
    y, x = wide(pairs)
    found = learnt(pairs, ridge=0.0, form=form)
    assert np.abs(matrix(found).numpy() - (np.linalg.pinv(y) @ x).T).max() < 2e-5
    assert found.info.converged
    assert 0 < found.info.residual < 1e-5
    assert isinstance(found.map, LowRankMap if form == "dual" or (form == "auto" and count < 12) else DenseMap)
    assert found.source == (3, 4)
    assert found.target == (5, 2)
    assert found.keys == pairs.keys


@QUICK
@given(count=st.integers(1, 30), channels=st.integers(1, 3), ridge=st.sampled_from([1e-4, 1e-2, 3.0]), seed=SEEDS)
def test_forms_agree_with_ridge(count, channels, ridge, seed):
    pairs = made(count, channels=channels, seed=seed)
    y, x = wide(pairs)
    raised = y.T @ y + ridge * np.trace(y.T @ y) / y.shape[1] * np.eye(y.shape[1])
    wanted = np.linalg.solve(raised, y.T @ x).T
    scale = np.abs(wanted).max()
    for data, form in ((pairs, "primal"), (pairs, "dual"), (moments_of(pairs), "auto")):
        # a product of float32 factors of more samples than pixels loses some digits to a small ridge
        close = 1e-5 * scale * max(1, 1e-2 / ridge)
        assert np.abs(matrix(learnt(data, ridge=ridge, form=form)).numpy() - wanted).max() < close


def test_without_rank_the_smallest_solution_is_taken():
    pairs = made(30)
    flat = pairs.scrambled.clone()
    flat[..., 0] = flat[..., 1]  # two columns of pixels always alike
    flat[..., 3] = 0  # and one never lit
    pairs = Pairs(flat, pairs.clear, pairs.keys)
    y, x = wide(pairs)
    wanted = np.linalg.lstsq(y, x, rcond=1e-10)[0].T
    for form in ("primal", "dual"):
        assert np.abs(matrix(learnt(pairs, ridge=0.0, form=form)).numpy() - wanted).max() < 1e-4


def test_the_factor_is_not_trusted_where_the_matrix_is_close_to_singular():
    basis = torch.linalg.qr(torch.randn(20, 20, generator=torch.Generator().manual_seed(1)).double())[0]
    values = torch.logspace(0, -18, 20, dtype=torch.float64)
    matrix = (basis * values) @ basis.T
    found = Inverse.of((matrix + matrix.T) / 2, 0.0, 20)
    assert found.values is not None
    assert 14 <= len(found.values) <= 17
    assert Inverse.of(torch.eye(20).double(), 0.0, 20).values is None


def test_an_exact_relation_is_found():
    clear = torch.rand(60, 1, 4, 3, generator=torch.Generator().manual_seed(0))
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    pairs = Pairs(clear.flatten(2)[:, :, order].unflatten(2, (4, 3)), clear, tuple(map(str, range(60))))
    wanted = torch.eye(12)[order].T
    for params in ({}, {"keep": 1}, {"keep": 1, "by": "column"}):
        found = learnt(pairs, ridge=0.0, **params)
        assert float((found.map.dense() - wanted).abs().max()) < 1e-5
        assert float((found(pairs.scrambled) - clear).abs().max()) < 1e-5


@QUICK
@given(keep=st.integers(1, 12), count=st.sampled_from([6, 40]), ridge=st.sampled_from([0.0, 1e-2]), seed=SEEDS)
def test_refitting_is_least_squares_on_each_support(keep, count, ridge, seed):
    pairs = made(count, seed=seed)
    found = learnt(pairs, ridge=ridge, keep=keep)
    y, x = wide(pairs)
    raise_by = ridge * np.trace(y.T @ y) / y.shape[1]
    dense = matrix(found).numpy()
    for i in range(x.shape[1]):
        on = found.map.columns[found.map.starts[i] : found.map.starts[i + 1]].numpy()
        assert len(on) == keep
        part = y[:, on]
        left = part.T @ (part @ dense[i, on] - x[:, i]) + raise_by * dense[i, on]
        assert np.abs(left).max() < 2e-5 * np.abs(part.T @ x[:, i]).max() * max(1, np.abs(dense[i]).sum())


@pytest.mark.parametrize("by", ["row", "column"])
@pytest.mark.parametrize("count", [7, 30])
def test_moments_do_for_thresholding(by, count):
    pairs = made(count, channels=2)
    a, b = (learnt(data, keep=3, by=by, ridge=1e-2) for data in (pairs, moments_of(pairs)))
    assert torch.equal(a.map.columns, b.map.columns)
    assert float((matrix(a) - matrix(b)).abs().max()) < 1e-5
    assert b.keys == ()


@pytest.mark.parametrize("low", [False, True])
def test_the_largest_of_rows_and_columns(low):
    random = torch.Generator().manual_seed(0)
    left, right = torch.randn(9, 3, generator=random), torch.randn(3, 7, generator=random)
    full = left @ right
    operator = LowRankMap(left, right) if low else DenseMap(full)
    for by, dim, count in (("row", 1, 9), ("column", 0, 7)):
        cut = kept(operator, 2, by).dense()
        assert ((cut != 0).sum(dim) == 2).all()
        assert torch.allclose(cut[cut != 0], full[cut != 0], atol=1e-6)
        smallest = torch.where(cut != 0, cut.abs(), torch.inf).amin(dim)
        largest = torch.where(cut == 0, full.abs(), 0).amax(dim)
        assert len(smallest) == count
        assert (smallest >= largest - 1e-6).all()


@pytest.mark.parametrize("by", ["row", "column"])
def test_ties_signs_and_empty_lines_give_numbers(by):
    for full in (
        torch.ones(6, 5),  # all alike
        torch.zeros(6, 5),  # nothing at all
        -torch.ones(6, 5),  # columns that sum to less than nothing
        torch.eye(6)[:, :5] - torch.eye(6)[:, :5].roll(1, 0),  # columns that sum to 0; rows of one, two or none
    ):
        cut = kept(DenseMap(full), 2, by)
        assert cut.shape == (6, 5)
        assert bool(((cut.dense() != 0).sum(1 if by == "row" else 0) <= 2).all())
        for data in (made(4, (5, 1), (6, 1)), made(9, (5, 1), (6, 1))):
            black = Pairs(data.scrambled * (torch.arange(5) > 1)[:, None], data.clear, data.keys)
            for told in (black, moments_of(black)):
                again = refitted(cut, told, 0.0)
                assert torch.isfinite(again.weights).all()
                assert (again.dense()[:, :2] == 0).all()


def test_twin_pixels_share_their_weight():
    pairs = made(20, (2, 1), (1, 1))
    twins = pairs.scrambled[:, :, :1].expand(-1, -1, 2, -1).contiguous()
    twins = Pairs(twins, twins[:, :, :1], pairs.keys)
    start = SparseMap(torch.tensor([0, 2]), torch.tensor([0, 1]), torch.ones(2), 2)
    for told in (twins, moments_of(twins)):
        assert torch.allclose(refitted(start, told, 0.0).weights, torch.full((2,), 0.5), atol=1e-4)


def folded(pairs, groups):
    fold = GatherMoments()
    states = []
    for start, stop in groups:
        state = None
        for k in range(start, stop):
            given = [Image(part[k].clone(), None, "gray") for part in (pairs.scrambled, pairs.clear)]
            one = fold.lift(*given, ctx=Context(key=pairs.keys[k]))
            state = one if state is None else fold.merge(state, one)
        states.append(state)
    total = states[0]
    for other in states[1:]:
        total = fold.merge(total, other)
    return fold.finish(total), total


@pytest.mark.parametrize(
    "groups", [[(0, 1400)], [(0, 3), (3, 900), (900, 1400)], [(0, 600), (600, 1200), (1200, 1400)]]
)
def test_a_stream_is_summed_in_bounded_memory(groups):
    pairs = made(1400)
    found, state = folded(pairs, groups)
    wanted = moments_of(pairs)
    assert found.count == 1400
    assert torch.allclose(found.gram, wanted.gram, rtol=1e-12)
    assert torch.allclose(found.cross, wanted.cross, rtol=1e-12)
    assert sum(chunk.count for chunk in state.chunks) <= 513


def test_what_does_not_fit_is_refused():
    fold = GatherMoments()
    a, b = (
        fold.lift(Image(torch.rand(1, *size)), Image(torch.rand(1, 3, 3)), ctx=Context(key=f"at {size}"))
        for size in ((4, 4), (4, 5))
    )
    with pytest.raises(DataError, match=r"'at \(4, 5\)' is 4 x 5"):
        fold.merge(a, b)
    with pytest.raises(DataError, match="channels"):
        fold.lift(Image(torch.rand(3, 4, 4)), Image(torch.rand(1, 4, 4)), ctx=CTX)
    with pytest.raises(DataError, match="the most are"):
        fold.lift(Image(torch.rand(1, 112, 112)), Image(torch.rand(1, 112, 112)), ctx=CTX)
    with pytest.raises(DataError, match="finite"):
        fold.lift(Image(torch.full((1, 4, 4), torch.nan)), Image(torch.rand(1, 4, 4)), ctx=CTX)
    black = made(4)
    black = Pairs(black.scrambled * 0, black.clear, black.keys)
    for data in (black, moments_of(black)):
        with pytest.raises(DataError, match="black"):
            learnt(data)
    with pytest.raises(DataError, match="no samples any more"):
        learnt(moments_of(made(4)), form="dual")
