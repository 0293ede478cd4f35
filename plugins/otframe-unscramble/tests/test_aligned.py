"""`unscramble.aligned` on simulations: operators, displacements and false pairs are found, and what is told is so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from otframe_unscramble.aligned import Aligned
from otframe_unscramble.least_squares import LeastSquares
from otframe_unscramble.scrambling.displace import shifted
from otframe_unscramble.scrambling.field import clouds
from otframe_unscramble.values import Pairs
from pydantic import ValidationError

from otframe.errors import DataError
from otframe.interfaces import Context
from otframe.values import SparseMap

CTX = Context(seed=3)


def learnt(pairs, **params):
    return Aligned(**params)(pairs, ctx=CTX)


def rms(errors):
    return float(errors.square().mean().sqrt())


@pytest.mark.parametrize("edge", ["zero", "replicate"])
def test_a_permutation_and_its_displacements_are_found(simulated, edge):
    case = simulated(edge=edge)
    found = learnt(case.pairs)
    assert isinstance(found.map, SparseMap)
    assert (found.source, found.target, found.keys) == ((16, 16), (16, 16), case.pairs.keys)
    assert case.right(found) == 1
    assert case.psnr(found) > 40
    assert rms(case.missed(found)) < 0.02
    origin = (found.shifts - case.shifts).mean((0, 1))
    assert float(origin.abs().max()) < 5e-3, "the origin is where the operator is sharpest"
    assert float(found.trust.min()) > 0.8
    assert found.info.converged
    # what blurs the operator of least squares
    assert case.psnr(LeastSquares()(case.pairs, ctx=CTX)) < 30


def test_the_grid_need_not_be_square(simulated):
    case = simulated(count=200, side=12)
    flat = replace(case.pairs, clear=case.pairs.clear[..., 1:-2, :].contiguous())
    found = learnt(flat, rounds=8)
    assert (found.source, found.target) == ((12, 12), (9, 12))
    assert float((found(case.scrambled) - case.clear[..., 1:-2, :]).square().mean()) < 1e-3


def test_colours_are_samples_that_are_displaced_by_themselves(simulated):
    case = simulated(count=150, channels=3)
    found = learnt(case.pairs)
    assert found.shifts.shape == (150, 3, 2)
    assert case.psnr(found) > 40
    assert rms(case.missed(found)) < 0.03


def test_channels_that_are_displaced_together_tell_more_together(simulated):
    case = simulated(count=150, channels=3, together=True)
    dice = torch.Generator().manual_seed(9)
    seen = case.pairs.clear + 0.1 * torch.randn(case.pairs.clear.shape, generator=dice)
    noisy = replace(case.pairs, clear=seen)
    each, joint = (learnt(noisy, together=flag) for flag in (False, True))
    assert float(joint.shifts.std(1).abs().max()) == 0
    assert float(each.shifts.std(1).abs().max()) > 0
    assert rms(case.missed(joint)) < 0.8 * rms(case.missed(each))


def spoiled(case, share, seed=8):
    """The first pairs with other pictures, displaced too."""
    count = int(share * case.pairs.count)
    random = torch.Generator().manual_seed(seed)
    other = torch.stack([clouds(case.pairs.clear.shape[2:], 1, random) for _ in range(count)])
    seen = case.pairs.clear.clone()
    seen[:count] = shifted(other, case.shifts[:count], "linear", "replicate")
    return replace(case.pairs, clear=seen), count


def test_a_quarter_of_false_pairs_is_named_and_left_out(simulated):
    case = simulated()
    pairs, count = spoiled(case, 0.25)
    found = learnt(pairs)
    assert not found.trust[:count].any()
    assert float(found.trust[count:].min()) > 0.8
    assert case.right(found) == 1
    assert case.psnr(found) > 40
    assert rms(case.missed(found, slice(count, None))) < 0.02
    believed = learnt(pairs, robust=False)
    assert case.psnr(believed) < case.psnr(found) - 10


def test_spoiled_pixels_count_less(simulated):
    case = simulated()
    seen = case.pairs.clear.clone()
    seen[::3, :, 3:7, 4:9] = 1.0  # a thumb on a third of the pictures
    pairs = replace(case.pairs, clear=seen)
    robust, plain = (learnt(pairs, robust=flag) for flag in (True, False))
    assert case.psnr(robust) > case.psnr(plain) + 3


def test_noise_of_the_camera_comes_out_as_it_went_in(simulated):
    case = simulated(noise=0.02)
    found = learnt(case.pairs)
    assert case.right(found) == 1
    # the noise itself is at 34 dB: the operator adds little of its own
    assert case.psnr(found) > 32
    assert rms(case.missed(found)) < 0.02


@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_an_assignment_is_exact(simulated, noise):
    case = simulated(count=240, noise=noise)
    found = learnt(case.pairs, assignment=True, rounds=5)
    assert torch.equal(found.map.columns, case.order.argsort())
    assert torch.equal(found.map.weights, torch.ones(256))


def test_pictures_that_lie_right_are_taken_as_they_are(simulated):
    case = simulated(spread=0.0)
    found = learnt(case.pairs, reach=0.0)
    assert not found.shifts.any()
    assert case.psnr(found) > 60


def test_few_pairs_give_something(simulated):
    """Below a pair for each pixel: far better than what least squares makes of them."""
    case = simulated(count=120)
    found = learnt(case.pairs)
    assert case.psnr(found) > case.psnr(LeastSquares()(case.pairs, ctx=CTX)) + 5
    assert case.right(found) > 0.9


@pytest.mark.parametrize("constraint", ["simplex", "free"])
def test_weights_keep_to_their_constraint(simulated, constraint):
    case = simulated(count=300)
    found = learnt(case.pairs, model="sparse", constraint=constraint)
    assert case.psnr(found) > 30
    if constraint == "simplex":
        assert float((found.map.dense().sum(1) - 1).abs().max()) < 1e-4
        assert float(found.map.weights.min()) > 0


def test_the_other_interpolation_is_worse(simulated):
    case = simulated()
    cubic = replace(case.pairs, clear=shifted_again(case, "cubic"))
    right, wrong = (learnt(cubic, interpolation=kind) for kind in ("cubic", "linear"))
    assert rms(case.missed(right)) < rms(case.missed(wrong))


def shifted_again(case, kind):
    back = case.order.argsort()
    clear = case.pairs.scrambled.flatten(2)[:, :, back].unflatten(2, (16, 16))
    return shifted(clear, case.shifts, kind, "replicate")


def test_the_same_pairs_give_the_same_bits(simulated):
    case = simulated(count=100, side=12)
    first, again = (Aligned(rounds=4)(case.pairs, ctx=Context(seed=seed)) for seed in (1, 1))
    assert torch.equal(first.map.dense(), again.map.dense())
    assert torch.equal(first.shifts, again.shifts)
    assert torch.equal(first.trust, again.trust)


def test_what_did_not_converge_says_so(simulated):
    case = simulated(count=150, side=12)
    short, long = (learnt(case.pairs, model="sparse", rounds=rounds) for rounds in (1, 60))
    assert not short.info.converged
    assert short.info.residual >= Aligned().tol
    assert long.info.converged
    assert 0 < long.info.residual < Aligned().tol
    assert short.info.iterations < long.info.iterations < 63
    assert not learnt(case.pairs, model="dense", rounds=1).info.converged


def test_black_pairs_among_others_do_no_harm(simulated):
    case = simulated()
    scrambled, seen = case.pairs.scrambled.clone(), case.pairs.clear.clone()
    scrambled[:10], seen[:10] = 0, 0
    found = learnt(replace(case.pairs, scrambled=scrambled, clear=seen))
    assert case.psnr(found) > 40
    for part in (found.map.dense(), found.shifts, found.trust):
        assert bool(torch.isfinite(part).all())


def test_what_cannot_be_learnt_from_is_refused(simulated):
    case = simulated(count=20, side=8)
    few = Pairs(case.pairs.scrambled[:3], case.pairs.clear[:3], case.pairs.keys[:3])
    with pytest.raises(DataError, match="at least 4 calibration pairs, got 3"):
        learnt(few)
    with pytest.raises(DataError, match="the scrambled pictures are all black"):
        learnt(replace(case.pairs, scrambled=0 * case.pairs.scrambled))
    with pytest.raises(DataError, match="the clear pictures are all black"):
        learnt(replace(case.pairs, clear=0 * case.pairs.clear))
    with pytest.raises(DataError, match="an assignment needs `model: sparse`, not `dense`"):
        learnt(case.pairs, model="dense", assignment=True)
    other = replace(case.pairs, clear=case.pairs.clear[..., :-1].contiguous())
    with pytest.raises(DataError, match="as many pixels on both sides, got 64 scrambled and 56 clear"):
        learnt(other, assignment=True, rounds=1)


@pytest.mark.parametrize("model", ["auto", "sparse", "dense", "forward"])
def test_the_least_that_is_allowed_gives_numbers(simulated, model):
    case = simulated(count=4, side=6)
    for pairs in (case.pairs, replace(case.pairs, clear=torch.full_like(case.pairs.clear, 0.5))):
        found = learnt(pairs, model=model, rounds=2)
        for part in (found.map.dense(), found.shifts, found.trust):
            assert bool(torch.isfinite(part).all())
        assert 0 <= float(found.trust.min()) <= float(found.trust.max()) <= 1


@pytest.mark.data
def test_digits(data):
    """As published, with half as many pairs: 20 x 20 pixels, shifts of a pixel."""
    read = np.load(data / "mnist" / "mnist_dev.npz")
    digits = torch.from_numpy(read["x_train"][:600, None, 4:24, 4:24].astype(np.float32) / 255)
    order = torch.randperm(400, generator=torch.Generator().manual_seed(0))
    scrambled = digits.flatten(2)[:, :, order].unflatten(2, (20, 20)).contiguous()
    shifts = torch.randn(500, 1, 2, generator=torch.Generator().manual_seed(1))
    pairs = Pairs(scrambled[:500], shifted(digits[:500], shifts), tuple(map(str, range(500))))
    errors = [
        float((method(pairs, ctx=CTX)(scrambled[500:]) - digits[500:]).square().mean())
        for method in (Aligned(), LeastSquares())
    ]
    assert errors[0] < 0.003  # 25 dB
    assert errors[0] < 0.1 * errors[1]


def test_too_many_samples_are_refused_with_what_to_do():
    pairs = Pairs(torch.zeros(8193, 1, 91, 91), torch.zeros(8193, 1, 2, 2), tuple(map(str, range(8193))))
    with pytest.raises(DataError, match="at most 8192") as caught:
        learnt(pairs)
    assert "`most`" in caught.value.hint


def test_free_weights_undo_what_needs_negative_ones():
    random = torch.Generator().manual_seed(2)
    clear = torch.stack([clouds((6, 6), 1, random) for _ in range(200)])
    wanted = torch.eye(36)[torch.randperm(36, generator=random)] - 0.5 * torch.eye(36)
    scrambled = torch.linalg.solve(wanted, clear.flatten(1).T).T.reshape(clear.shape).contiguous()
    pairs = Pairs(scrambled, clear, tuple(map(str, range(200))))
    free, positive = (learnt(pairs, model="sparse", reach=0, constraint=kind) for kind in ("free", "positive"))
    assert torch.allclose(free.map.dense(), wanted, atol=1e-3)
    assert not torch.allclose(positive.map.dense(), wanted, atol=0.1)


@pytest.mark.parametrize("model", ["sparse", "dense", "forward"])
@pytest.mark.parametrize(("sensor", "scene"), [(65535.0, 1.0), (1e-6, 1e-6), (1e12, 1e12)])
def test_units_of_pictures_do_not_matter(simulated, model, sensor, scene):
    """Powers of two change no bit; others no more than rounding does."""
    case = simulated(count=60, side=8)
    usual = learnt(case.pairs, model=model, rounds=4)
    pairs = replace(case.pairs, scrambled=sensor * case.pairs.scrambled, clear=scene * case.pairs.clear)
    found = learnt(pairs, model=model, rounds=4)
    assert rms(found.map.dense() * (sensor / scene) - usual.map.dense()) < 0.02 * rms(usual.map.dense())
    assert rms(found.shifts - usual.shifts) < 0.02


def test_an_assignment_has_weights_of_1_in_any_unit(simulated):
    case = simulated(count=300, side=8)
    found = learnt(replace(case.pairs, scrambled=1e4 * case.pairs.scrambled), assignment=True, rounds=2)
    assert bool((found.map.weights == 1).all())


def test_bends_are_looked_for_where_there_may_be_some(simulated):
    with pytest.raises(ValidationError, match="`reach: 0` says that they lie right"):
        Aligned(warp=4.0, reach=0)
    line = replace(simulated(count=20, side=8).pairs, clear=torch.rand(20, 1, 1, 8))
    with pytest.raises(DataError, match="at least 2 x 2 pixels to look for bends, got 1 x 8"):
        learnt(line, warp=4.0)


def test_a_spread_of_next_to_nothing_is_refused():
    with pytest.raises(ValidationError, match="spread"):
        Aligned(spread=1e-30)
