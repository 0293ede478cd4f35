"""`unscramble.aligned` where few weights are not enough: glitter, and pictures that are bent."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from otframe_unscramble.aligned import Aligned
from otframe_unscramble.least_squares import LeastSquares
from otframe_unscramble.scrambling.displace import shifted, warped
from otframe_unscramble.scrambling.field import clouds, smooth_field
from otframe_unscramble.scrambling.glitter import Glitter
from otframe_unscramble.values import Pairs

from otframe.interfaces import Context
from otframe.values import DenseMap, SparseMap

CTX = Context(seed=2)


@pytest.fixture(scope="module")
def glitter(simulated):
    """Pictures seen through glitter, and what each model makes of them: errors of new ones, and operators."""
    case = simulated(count=200, side=10, spread=0.7)
    medium, back = Glitter(height=10)(ctx=CTX), case.order.argsort()

    def through(scrambled):
        return medium(scrambled.flatten(2)[:, :, back].unflatten(2, (10, 10)))

    pairs = replace(case.pairs, scrambled=through(case.pairs.scrambled))
    found = {model: Aligned(model=model, rounds=6)(pairs, ctx=CTX) for model in ("auto", "sparse", "dense", "forward")}
    found["least squares"] = LeastSquares()(pairs, ctx=CTX)
    new = through(case.scrambled)
    return found, {name: float((one(new) - case.clear).square().mean()) for name, one in found.items()}


def test_glitter_is_undone_by_a_dense_operator(glitter):
    found, errors = glitter
    assert isinstance(found["sparse"].map, SparseMap)
    assert isinstance(found["auto"].map, DenseMap)
    assert errors["auto"] < 0.7 * errors["sparse"], "few weights cannot undo sums of light"
    assert errors["auto"] < 0.6 * errors["least squares"]
    assert errors["dense"] < errors["least squares"], "the same operator, from pictures in their places"


def test_the_best_model_is_chosen(glitter):
    found, errors = glitter
    least = min(("sparse", "dense", "forward"), key=errors.__getitem__)
    assert torch.equal(found["auto"].map.dense(), found[least].map.dense())
    assert torch.equal(found["auto"].shifts, found[least].shifts)


def test_permutations_are_given_few_weights(simulated):
    case = simulated(count=300, side=12)
    assert isinstance(Aligned()(case.pairs, ctx=CTX).map, SparseMap)
    forward = Aligned(model="forward", rounds=6)(case.pairs, ctx=CTX)
    assert isinstance(forward.map, DenseMap)
    assert case.right(forward) > 0.95


def test_bent_pictures_need_a_warp(simulated):
    case = simulated(spread=0.0)
    random = torch.Generator().manual_seed(4)
    fields = torch.stack([0.7 * smooth_field((16, 16), 5.0, 2, random) for _ in range(400)])
    pairs = replace(case.pairs, clear=warped(straight(case), fields, "replicate"))
    plain, bent = (Aligned(warp=warp)(pairs, ctx=CTX) for warp in (None, 5.0))
    assert case.psnr(bent) > case.psnr(plain) + 10
    assert case.psnr(bent) > 32
    assert case.right(bent) > 0.99


def straight(case):
    return case.pairs.scrambled.flatten(2)[:, :, case.order.argsort()].unflatten(2, (16, 16))


def test_few_pairs_of_glitter_are_not_taken_for_a_permutation():
    """Few weights fit few pairs well, which says little: models are compared on pairs that they have not seen."""
    random = torch.Generator().manual_seed(0)
    clear = torch.stack([clouds((14, 12), 1, random).float() for _ in range(130)])
    medium = Glitter(height=14, width=12)(ctx=Context(seed=1))
    shifts = torch.randn(100, 1, 2, generator=random, dtype=torch.float64)
    keys = tuple(map(str, range(100)))
    pairs = Pairs(medium(clear[:100]), shifted(clear[:100], shifts), keys)
    found = {model: Aligned(model=model, rounds=8)(pairs, ctx=Context()) for model in ("auto", "sparse")}
    errors = {model: float((made(medium(clear[100:])) - clear[100:]).square().mean()) for model, made in found.items()}
    assert isinstance(found["auto"].map, DenseMap)
    assert errors["auto"] < 0.7 * errors["sparse"]
