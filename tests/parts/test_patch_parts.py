"""`patch.unfold`, `patch.fold`, and the view between them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from pydantic import ValidationError

from otframe.errors import DataError
from otframe.numerics import fold_rows
from otframe.parts.patch import Fold, Unfold
from otframe.ports import signature, unify
from otframe.values import AffineMap, Image, Latent, PatchSet, SolveInfo, Transport


def affine(dim, seed=0, noisy=False):
    g = torch.Generator().manual_seed(seed)
    A = torch.randn(dim, dim, generator=g, dtype=torch.float64) / dim**0.5
    noise = torch.randn(dim, 3, generator=g, dtype=torch.float64)
    b = torch.randn(dim, generator=g, dtype=torch.float64)
    return AffineMap(1.0, SolveInfo(), A, b, noise @ noise.T if noisy else None)


def latent(*shape, seed=0):
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Latent(values, stride=8, size=(shape[1] * 8, shape[2] * 8))


def test_ports_carry_the_kind_of_field():
    unfold, fold = signature(Unfold, "__call__"), signature(Fold, "__call__")
    bound = unify(unfold.inputs[0].hint, Latent, {})
    assert list(bound.values()) == [Latent]
    assert unify(fold.inputs[0].hint, PatchSet[Latent], {})[fold.output] is Latent
    assert unify(fold.inputs[0].hint, Latent, {}) is None


def test_round_trip_keeps_the_field():
    image = Image(torch.rand(3, 9, 11), torch.rand(9, 11), "linear", {"stem": "a"})
    folded = Fold()(Unfold(size=4)(image))
    assert folded.space == "linear"
    assert folded.alpha is image.alpha
    assert torch.equal(folded.pixels, image.pixels)


@pytest.mark.parametrize("size", [0, 65])
def test_sizes_have_bounds(size):
    with pytest.raises(ValidationError):
        Unfold(size=size)


def test_too_small_and_not_finite_fields():
    with pytest.raises(DataError, match="holds no patch") as caught:
        Unfold(size=5)(Image(torch.zeros(3, 9, 4)))
    assert "at most 4" in caught.value.hint
    with pytest.raises(DataError, match="finite"):
        Unfold(size=2)(Image(torch.full((1, 4, 4), float("nan"))))


@pytest.mark.parametrize(("shape", "size"), [((2, 12, 17), 3), ((3, 5, 20), 4), ((1, 6, 6), 1)])
def test_fold_is_the_mean_of_the_rows(shape, size):
    field = latent(*shape)
    patches = Unfold(size=size)(field)
    moved = patches.transported(affine(patches.dim))
    assert moved.rows().shape == (moved.count, moved.dim)
    wanted = fold_rows(moved.rows(), shape, size)
    assert torch.allclose(moved.fold().values, wanted, atol=1e-12)
    assert torch.allclose(patches.rows(), PatchSet(field, size).rows())
    assert patches.fold() is field


def test_maps_compose():
    patches = PatchSet(latent(2, 11, 9), 2)
    first, second = affine(8, 1), affine(8, 2)
    both = patches.transported(first).transported(second)
    assert torch.allclose(both.rows(), second(first(patches.rows())), atol=1e-12)
    noisy = affine(8, 3, noisy=True)
    carried = patches.transported(noisy, seed=5).transported(second)
    assert torch.allclose(carried.map.noise_cov, second.A @ noisy.noise_cov @ second.A.T)
    assert carried.seed == 5
    again = carried.transported(affine(8, 4, noisy=True), seed=6)
    assert again.seed == 6


@pytest.mark.parametrize("noisy", [False, True])
def test_moments_are_those_of_the_rows(noisy):
    patches = PatchSet(latent(2, 13, 12), 3).transported(affine(18, 1, noisy))
    found = patches.moments()
    plain = AffineMap(0.0, SolveInfo(), patches.map.A, patches.map.b)
    rows = plain(PatchSet(patches.field, 3).rows())
    centred = rows - rows.mean(0)
    wanted = centred.T @ centred / (len(rows) - 1) + (patches.map.noise_cov if noisy else 0.0)
    assert torch.allclose(found.mean, rows.mean(0), atol=1e-12)
    assert torch.allclose(found.scatter / found.freedom, wanted, atol=1e-10)


def test_noise_is_the_same_in_rows_and_fold():
    """White noise is told apart from the field exactly: rows and fold must see the same."""
    field = latent(1, 20, 22)
    identity = AffineMap(
        0.0, SolveInfo(), torch.eye(9).double(), torch.zeros(9).double(), 0.01 * torch.eye(9, dtype=torch.float64)
    )
    moved = PatchSet(field, 3).transported(identity, seed=4)
    wanted = fold_rows(moved.rows(), (1, 20, 22), 3)
    assert torch.allclose(moved.fold().values, wanted, atol=1e-6)
    assert not torch.equal(moved.fold().values, field.values)
    other = PatchSet(field, 3).transported(identity, seed=5)
    assert not torch.equal(moved.fold().values, other.fold().values)
    assert torch.equal(moved.fold().values, moved.fold().values)


def test_a_map_that_is_not_affine_moves_the_patches():
    @dataclass(frozen=True, eq=False)
    class Square(Transport):
        def __call__(self, points):
            return points**2

    patches = PatchSet(latent(2, 8, 9), 3)
    moved = patches.transported(Square(0.0, SolveInfo()))
    assert torch.allclose(moved.rows(), patches.rows() ** 2)
    assert torch.allclose(moved.fold().values, patches.field.values**2)
    then = moved.transported(affine(18))
    assert torch.allclose(then.fold().values, fold_rows(then.rows(), (2, 8, 9), 3))
    assert then.moments().count == patches.count
    half = patches.transported(Square(0.0, SolveInfo()), t=0.5)
    assert torch.allclose(half.rows(), (patches.rows() + patches.rows() ** 2) / 2)


def test_a_plan_without_a_map_is_refused():
    with pytest.raises(DataError, match="not a map") as caught:
        PatchSet(latent(2, 8, 9), 3).transported(Transport(0.0, SolveInfo()))
    assert caught.value.hint


def test_map_of_another_dimension_is_refused():
    with pytest.raises(DataError, match="dimension 18") as caught:
        PatchSet(latent(2, 8, 9), 3).transported(affine(27))
    assert caught.value.hint


def test_float32_fields_stay_float32():
    image = Image(torch.rand(3, 12, 12))
    moved = PatchSet(image, 3).transported(affine(27, noisy=True), seed=1).fold()
    assert moved.pixels.dtype == torch.float32


def test_a_photo_too_small_for_the_encoder_is_told_in_its_own_pixels():
    latent = Latent(torch.zeros(4, 1, 2), stride=8, size=(5, 16))
    with pytest.raises(DataError, match="an image of 5 x 16 pixels") as caught:
        Unfold(size=3)(latent)
    assert "24 x 24" in caught.value.hint
