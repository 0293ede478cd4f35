"""What pairs are worth: shares of variance, who is believed, and where errors are cut."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_unscramble.aligning.trust import clip_of, clipped, trusted, unexplained


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_the_share_that_is_left_is_that_of_the_variance():
    seen = 0.5 + 0.2 * normal(200, 12, 12)
    share = unexplained(seen, 0.1 * normal(200, 12, 12, seed=1), None, 1)
    assert share.shape == (200,)
    assert float(share.mean()) == pytest.approx(0.01 / (1.1 * 0.04), rel=0.05)
    assert not unexplained(seen, torch.zeros_like(seen), None, 1).any()
    # a wrong prediction of the same variance leaves twice the variance
    wrong = unexplained(seen, seen - (0.5 + 0.2 * normal(200, 12, 12, seed=2)), None, 1)
    assert float(wrong.mean()) == pytest.approx(2 / 1.1, rel=0.05)


def test_channels_of_a_picture_count_together():
    seen, errors = normal(6, 5, 5), 0.3 * normal(6, 5, 5, seed=1)
    each = errors.square().mean((1, 2)).reshape(2, 3).mean(1)
    spread = (seen - seen.mean((1, 2), keepdim=True)).square().mean((1, 2)).reshape(2, 3).mean(1)
    assert torch.allclose(unexplained(seen, errors, None, 3), each / (spread + 0.1 * spread.mean()), rtol=1e-5)


def test_pixels_that_errors_do_not_tell_of_explain_nothing():
    """Each picture judged by the part that is inside, as if it were all of it."""
    seen, errors = normal(5, 6, 8), 0.5 * normal(5, 6, 8, seed=1)
    inside = torch.zeros(5, 6, 8, dtype=torch.bool)
    inside[:, 2:, :5] = True
    cut = unexplained(seen[:, 2:, :5], errors[:, 2:, :5], None, 1)
    assert torch.allclose(unexplained(seen, errors * inside, inside, 1), cut, rtol=1e-5)
    nothing = torch.zeros_like(inside)
    assert bool(torch.isfinite(unexplained(seen, 0 * errors, nothing, 1)).all())


def test_flat_pictures_are_not_judged_by_their_noise():
    seen = torch.cat([0.3 * normal(20, 8, 8), torch.zeros(1, 8, 8)])
    share = unexplained(seen, 0.01 * normal(21, 8, 8, seed=1), None, 1)
    assert float(share[-1]) < 0.05
    assert bool(torch.isfinite(unexplained(torch.zeros(3, 4, 4), torch.zeros(3, 4, 4), None, 1)).all())


@pytest.mark.parametrize("corrupted", [0, 1, 30, 49])
def test_less_than_half_of_the_pairs_may_be_false(corrupted):
    share = torch.cat([torch.full((corrupted,), 1.1), torch.linspace(0.05, 0.15, 100 - corrupted)])
    assert torch.equal(trusted(share), torch.arange(100) >= corrupted)


def test_pairs_are_judged_by_most_of_them():
    # where nothing is explained well yet, what is explained no worse than most is kept
    assert bool(trusted(torch.full((10,), 0.9)).all())
    # and where all is explained very well, a few per cent are no reason to give up
    assert trusted(torch.tensor([0.001] * 9 + [0.39])).all()
    assert trusted(torch.tensor([0.001] * 9 + [0.41])).tolist() == [True] * 9 + [False]


@settings(max_examples=20, deadline=None)
@given(size=st.floats(1e-3, 10), seed=st.integers(0, 999))
def test_the_clip_scales_with_errors_and_ignores_the_worst(size, seed):
    errors = normal(40, 10, 10, seed=seed)
    plain = clip_of(errors)
    inner = errors.abs().flatten().sort()[0][:3600]
    assert plain == pytest.approx(5 * float(inner.square().mean().sqrt()), rel=1e-5)
    assert clip_of(size * errors) == pytest.approx(size * plain, rel=1e-4)
    spoiled = errors.clone()
    spoiled[:2] = 1000
    assert clip_of(spoiled) < 1.3 * plain


def test_errors_are_cut_at_the_clip_alone():
    errors = torch.tensor([-3.0, -0.5, 0.0, 0.7, 9.0])
    assert torch.equal(clipped(errors, 1.0), torch.tensor([-1.0, -0.5, 0.0, 0.7, 1.0]))
    assert torch.equal(clipped(errors, None), errors)
    assert clip_of(torch.zeros(2, 3, 3)) > 0


def test_a_sample_of_many_errors_is_enough(monkeypatch):
    errors = normal(100, 20, 20)
    whole = clip_of(errors)
    monkeypatch.setattr("otframe_unscramble.aligning.trust._SAMPLED", 5000)
    assert clip_of(errors) == pytest.approx(whole, rel=0.05)
