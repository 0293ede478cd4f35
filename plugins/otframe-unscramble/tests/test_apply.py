"""`unscramble.apply`: what is recovered, scrambled pictures that have moved, and blur that is undone."""

from __future__ import annotations

import math
from types import MappingProxyType

import numpy as np
import pytest
import torch
from otframe_unscramble.apply import ApplyUnscrambler
from otframe_unscramble.displaced import find
from otframe_unscramble.least_squares import LeastSquares
from otframe_unscramble.sharpen import cosines, sharpened
from otframe_unscramble.values import Pairs, Unscrambler
from scipy.fft import dct
from scipy.ndimage import gaussian_filter

from otframe.errors import DataError
from otframe.interfaces import Context
from otframe.values import DenseMap, Image, LowRankMap, SolveInfo, SparseMap

CTX = Context()
SIDE = 32
PIXELS = SIDE * SIDE
ORDER = torch.randperm(PIXELS, generator=torch.Generator().manual_seed(0))
BACK = SparseMap(torch.arange(PIXELS + 1), ORDER.argsort(), torch.ones(PIXELS), PIXELS)


def picture(seed, channels=3, side=SIDE):
    """Blocks, a disc and a slope: edges and flat parts, as pictures have."""
    random = torch.Generator().manual_seed(seed)
    at = torch.stack(torch.meshgrid(*[torch.arange(side).float()] * 2, indexing="ij"))
    coarse = torch.rand(channels, 4, 4, generator=random)
    made = torch.nn.functional.interpolate(coarse[None], (side, side), mode="bicubic", align_corners=True)[0]
    for _ in range(4):
        centre, size = torch.rand(2, 1, 1, generator=random) * side, 3 + 7 * torch.rand(1, generator=random)
        disc = ((at - centre).square().sum(0).sqrt() < size).float()
        made = made * (1 - disc) + torch.rand(channels, 1, 1, generator=random) * disc
    return made.clamp(0, 1)


def scrambled(pixels):
    return pixels.flatten(1)[:, ORDER].reshape(pixels.shape)


def moved(pixels, down, right):
    """Displaced through frequencies; what enters at the border is unrelated."""
    both = torch.cat([pixels, pixels.flip(-1)], -1)
    both = torch.cat([both, both.flip(-2)], -2).double()
    turns = [s * torch.fft.fftfreq(2 * SIDE, dtype=torch.float64) for s in (down, right)]
    waves = torch.fft.fft2(both) * torch.exp(-2j * math.pi * (turns[0][:, None] + turns[1][None]))
    made = torch.fft.ifft2(waves).real[:, :SIDE, :SIDE].float()
    from_ = [torch.arange(SIDE) - s for s in (down, right)]
    outside = [(at < -0.5) | (at > SIDE - 0.5) for at in from_]
    random = torch.rand(made.shape, generator=torch.Generator().manual_seed(9))
    return torch.where(outside[0][:, None] | outside[1][None], random, made)


def unscrambler(form):
    dense = BACK.dense()
    found = {"sparse": BACK, "dense": DenseMap(dense), "low rank": LowRankMap(dense, torch.eye(PIXELS))}[form]
    return Unscrambler(found, (SIDE, SIDE), (SIDE, SIDE), SolveInfo())


def applied(pixels, operator, **params):
    return ApplyUnscrambler(**params)(Image(pixels), operator, ctx=CTX)


def psnr(a, b):
    return -10 * math.log10(float((a - b).square().mean()) + 1e-12)


@pytest.mark.parametrize(("array", "space"), [((SIDE, SIDE), "gray"), ((SIDE, SIDE, 3), "srgb")])
def test_a_picture_comes_back_as_it_was(array, space):
    levels = np.random.default_rng(0).integers(0, 65536, array).astype(np.uint16)
    image = Image.from_numpy(levels, meta={"stem": "a", "icc": b"profile"})
    seen = Image(scrambled(image.pixels), None, image.space, image.meta)
    found = ApplyUnscrambler()(seen, unscrambler("sparse"), ctx=CTX)
    assert torch.equal(found.pixels, image.pixels)
    assert found.space == space
    assert dict(found.meta) == {"stem": "a", "icc": b"profile", "depth": "uint16"}


def test_the_display_range_is_kept_where_it_is_asked_for():
    seen = scrambled(picture(0) * 3 - 1)
    assert torch.equal(applied(seen, unscrambler("sparse")).pixels, (picture(0) * 3 - 1).clamp(0, 1))
    assert torch.equal(applied(seen, unscrambler("sparse"), clip=False).pixels, picture(0) * 3 - 1)


def test_transparency_is_black_and_not_kept():
    alpha = torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    image = Image(scrambled(picture(0)), alpha, "srgb", MappingProxyType({}))
    found = ApplyUnscrambler()(image, unscrambler("sparse"), ctx=CTX)
    assert found.alpha is None
    assert torch.equal(found.pixels, applied(image.pixels * alpha, unscrambler("sparse")).pixels)


@pytest.mark.parametrize("search", [0.0, 2.0])
def test_another_size_is_refused(search):
    with pytest.raises(DataError, match=r"32 x 32.*got 31 x 32"):
        applied(torch.rand(3, 31, 32), unscrambler("sparse"), search=search)
    with pytest.raises(DataError, match="finite"):
        applied(torch.full((1, SIDE, SIDE), torch.nan), unscrambler("sparse"), search=search)


@pytest.mark.parametrize("form", ["sparse", "dense", "low rank"])
@pytest.mark.parametrize("by", [(1.0, 0.0), (-1.0, 2.0), (0.25, -0.5), (1.3, -2.4), (2.4, 2.4)])
def test_a_moved_scrambled_picture_is_found(form, by):
    for seed in range(3 if form == "sparse" else 1):
        wanted = picture(seed)
        seen = moved(scrambled(wanted), *by)
        found = applied(seen, unscrambler(form), search=3)
        told = found.meta["moved_down"], found.meta["moved_right"]
        assert max(abs(a - b) for a, b in zip(told, by, strict=True)) < 0.1
        if form != "low rank":  # which pixels lost their light is not known there
            assert psnr(found.pixels, wanted) > 23
        assert psnr(found.pixels, wanted) > 5 + psnr(applied(seen, unscrambler(form)).pixels, wanted)


def test_searching_changes_nothing_without_a_displacement():
    """With the true operator, and with learnt ones that leave noise and blur."""
    clear = torch.stack([picture(k, 1) for k in range(300)])
    noise = torch.Generator().manual_seed(3)
    rolled = [x.roll(tuple(torch.randint(-1, 2, (2,), generator=noise).tolist()), (-2, -1)) for x in clear]
    seen = torch.stack([scrambled(x) for x in clear])
    seen = seen + 0.03 * torch.randn(seen.shape, generator=noise)
    pairs = Pairs(seen, torch.stack(rolled), tuple(map(str, range(300))))
    operators = [LeastSquares(**params)(pairs, ctx=CTX) for params in ({}, {"keep": 3}, {"keep": 9})]
    for operator in (unscrambler("sparse"), *operators):
        for seed in range(1000, 1006):
            new = scrambled(picture(seed, 1))
            new = new + 0.03 * torch.randn(new.shape, generator=noise)
            found = applied(new, operator, search=2.5)
            assert (found.meta["moved_down"], found.meta["moved_right"]) == (0.0, 0.0)
            assert torch.equal(found.pixels, applied(new, operator).pixels)


@pytest.mark.parametrize("level", [0.0, 0.5])
def test_a_flat_picture_has_not_moved(level):
    found = find(torch.full((3, SIDE, SIDE), level), unscrambler("sparse"), 2.0)
    assert found.moved == (0.0, 0.0)
    assert torch.equal(found.picture, torch.full((3, SIDE, SIDE), level))


def test_the_search_stays_within_its_range():
    seen = moved(scrambled(picture(0)), 2.0, 0.0)
    found = applied(seen, unscrambler("sparse"), search=0.7)
    assert max(abs(found.meta[name]) for name in ("moved_down", "moved_right")) <= 0.7


@pytest.mark.parametrize("count", [1, 2, 7, 20])
def test_the_transform_is_the_cosine_transform(count):
    signal = np.random.default_rng(0).random(count)
    assert np.allclose(cosines(count).numpy() @ signal, dct(signal, norm="ortho"))


@pytest.mark.parametrize("side", [20, 33])
@pytest.mark.parametrize("blur", [0.5, 1.0, 2.0])
def test_blur_is_undone_and_noise_is_not_blown_up(side, blur):
    wanted = picture(4, 1, side)
    # reflecting borders, as scipy names them
    soft = torch.from_numpy(gaussian_filter(wanted[0].double().numpy(), blur, truncate=8))[None].float()
    clean = sharpened(soft, blur, 1e-4)
    assert psnr(clean, wanted) > psnr(soft, wanted) + 1.5
    for sd in (0.01, 0.05):
        noisy = soft + sd * torch.randn(soft.shape, generator=torch.Generator().manual_seed(0))
        contrast = float(wanted.std())
        found = sharpened(noisy, blur, sd / contrast)
        assert psnr(found, wanted) > psnr(noisy, wanted)
        # no ringing: not far beyond what there was
        assert float(found.max()) < float(wanted.max()) + 0.3
        assert float(found.min()) > float(wanted.min()) - 0.3


def test_what_is_constant_stays_and_no_gain_is_without_end():
    flat = torch.full((2, 9, 14), 0.7)
    assert torch.allclose(sharpened(flat, 10.0, 0.001), flat, atol=1e-6)
    assert torch.isfinite(sharpened(torch.rand(1, 64, 64), 10.0, 1e-9)).all()
    assert torch.equal(applied(scrambled(picture(0)), unscrambler("sparse"), deblur=0.0).pixels, picture(0))
