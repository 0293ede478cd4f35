from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_metrics.mse import Mse
from otframe_metrics.patch_frechet import PatchFrechet
from otframe_metrics.psnr import Psnr
from otframe_metrics.ssim import Ssim, structural_similarity

from otframe.errors import DataError
from otframe.values import Image


def fold(metric, pairs):
    states = [metric.lift(*pair) for pair in pairs]
    state = states[0]
    for other in states[1:]:
        state = metric.merge(state, other)
    return metric.finish(state)


def measure(metric, image, reference) -> float:
    return fold(metric, [(image, reference)]).number


ALL = [
    Mse(),
    Mse(channels="luma"),
    Psnr(),
    Psnr(pool="pixels"),
    Psnr(channels="luma"),
    Ssim(),
    PatchFrechet(),
    PatchFrechet(size=3),
]


def test_mse_of_a_known_error():
    dark, light = Image(torch.zeros(3, 5, 7)), Image(torch.full((3, 5, 7), 0.5))
    assert measure(Mse(), dark, light) == pytest.approx(0.25)
    assert measure(Mse(), dark, dark) == 0
    assert fold(Mse(), [(dark, light), (dark, dark)]).number == pytest.approx(0.125), "the mean over images"
    framed = light.with_grid(torch.nn.functional.pad(light.pixels, (1, 1, 1, 1), value=9.0))
    assert measure(Mse(border=1), framed, Image(torch.zeros(3, 7, 9))) == pytest.approx(0.25)
    assert measure(Mse(channels="luma"), dark, light) == pytest.approx((0.5 * 219 / 255) ** 2, abs=1e-6)
    assert Mse(channels="luma").column == "MSE-Y"


def test_psnr_of_a_known_error():
    image = Image(torch.full((3, 5, 7), 0.5))
    assert measure(Psnr(), image, Image(torch.full((3, 5, 7), 0.6))) == pytest.approx(20, abs=1e-5)
    assert measure(Psnr(peak=2), image, Image(torch.full((3, 5, 7), 0.6))) == pytest.approx(26.0206, abs=1e-4)
    assert measure(Psnr(), Image(torch.zeros(1, 1, 1)), Image(torch.ones(1, 1, 1))) == pytest.approx(0)
    assert measure(Psnr(), image, image) == math.inf


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (9, 4, 4), (17, 33, 3)])
def test_psnr_equals_scikit_image(shape, noise):
    peer = pytest.importorskip("skimage.metrics").peak_signal_noise_ratio
    a, b = noise(*shape, depth="uint16"), noise(*shape, seed=1, depth="uint16")
    expected = peer(b.pixels.double().numpy(), a.pixels.double().numpy(), data_range=1)
    assert measure(Psnr(), a, b) == pytest.approx(expected, abs=1e-5)


def test_psnr_means_over_images_or_pixels():
    dark = Image(torch.zeros(3, 4, 4))
    pairs = [(Image(torch.full((3, 4, 4), level)), dark) for level in (0.1, 0.01)]
    assert fold(Psnr(), pairs).number == pytest.approx(30, abs=1e-4)
    assert fold(Psnr(pool="pixels"), pairs).number == pytest.approx(-10 * math.log10((0.01 + 0.0001) / 2), abs=1e-4)
    assert fold(Psnr(), [*pairs, (dark, dark)]).number == math.inf
    assert fold(Psnr(pool="pixels"), [*pairs, (dark, dark)]).number < 30


def test_border_and_luma_are_what_the_benchmarks_use(noise):
    a, b = noise(12, 13, 3), noise(12, 13, 3, seed=1)
    inner = [Image(x.pixels[:, 2:-2, 2:-2]) for x in (a, b)]
    assert measure(Psnr(border=2), a, b) == measure(Psnr(), *inner)
    white = Image(torch.ones(3, 4, 4))
    black = Image(torch.zeros(3, 4, 4))
    assert measure(Psnr(channels="luma"), white, black) == pytest.approx(-20 * math.log10(219 / 255), abs=1e-4)
    assert Psnr(channels="luma").column == "PSNR-Y (dB)"
    with pytest.raises(DataError, match="border of 6"):
        measure(Psnr(border=6), a, b)


@settings(max_examples=20, deadline=None)
@given(
    height=st.integers(11, 60),
    width=st.integers(11, 40),
    channels=st.sampled_from([1, 3]),
    amount=st.sampled_from([1e-3, 0.1, 1]),
    seed=st.integers(0, 99),
)
def test_ssim_equals_scikit_image(height, width, channels, amount, seed):
    peer = pytest.importorskip("skimage.metrics").structural_similarity
    rng = np.random.default_rng(seed)
    a = rng.random((height, width, channels)).astype(np.float32)
    b = (a + amount * rng.standard_normal(a.shape)).astype(np.float32)
    expected = peer(
        a.astype(float),
        b.astype(float),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1,
        channel_axis=2,
    )
    assert measure(Ssim(), Image.from_numpy(a), Image.from_numpy(b)) == pytest.approx(expected, abs=1e-10)


def test_ssim_strips_join_without_a_seam(noise):
    peer = pytest.importorskip("skimage.metrics").structural_similarity
    for height in (265, 266, 267, 522, 523):
        a, b = noise(height, 13), noise(height, 13, seed=1)
        expected = peer(
            a.pixels[0].double().numpy(),
            b.pixels[0].double().numpy(),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1,
        )
        assert structural_similarity(a.pixels, b.pixels) == pytest.approx(expected, abs=1e-12)


def test_ssim_of_constants_and_of_an_image_with_itself(noise):
    image = noise(20, 20, 3)
    assert measure(Ssim(), image, image) == pytest.approx(1, abs=1e-12)
    a, b = Image(torch.full((1, 11, 11), 0.25)), Image(torch.full((1, 11, 11), 0.75))
    c1 = 1e-4
    assert measure(Ssim(), a, b) == pytest.approx((2 * 0.25 * 0.75 + c1) / (0.25**2 + 0.75**2 + c1), abs=1e-9)
    with pytest.raises(DataError, match="11 pixels along each side, got 10 x 20"):
        measure(Ssim(), noise(10, 20), noise(10, 20))


def test_patch_frechet_of_a_shift_and_of_a_scale(noise):
    image = noise(30, 31, 3)
    shifted = image.with_grid(image.pixels + 0.1)
    assert measure(PatchFrechet(size=3), shifted, image) == pytest.approx(1000 * 27 * 0.01, rel=1e-5)
    assert measure(PatchFrechet(), image, image) == pytest.approx(0, abs=1e-9)
    centre = image.pixels.mean()
    narrow = image.with_grid(centre + 0.5 * (image.pixels - centre))
    rows = image.pixels.double().unfold(1, 2, 1).unfold(2, 2, 1).permute(1, 2, 0, 3, 4).reshape(-1, 12)
    spread = float(torch.cov(rows.T).trace())
    shift = float((rows.mean(0) - centre).square().sum()) / 4
    assert measure(PatchFrechet(size=2), narrow, image) == pytest.approx(1000 * (spread / 4 + shift), rel=1e-4)


def test_patch_frechet_equals_the_textbook_formula_over_a_set(noise):
    linalg = pytest.importorskip("scipy.linalg")
    a = [noise(14, 12 + i, 3, seed=i) for i in range(3)]
    b = [one.with_grid(one.pixels**2) for one in a]

    def law(images):
        rows = torch.cat(
            [x.pixels.double().unfold(1, 3, 1).unfold(2, 3, 1).permute(1, 2, 0, 3, 4).reshape(-1, 27) for x in images]
        )
        return rows.mean(0).numpy(), np.cov(rows.numpy().T)

    (m0, s0), (m1, s1) = law(a), law(b)
    expected = ((m0 - m1) ** 2).sum() + np.trace(s0 + s1 - 2 * np.real(linalg.sqrtm(s0 @ s1)))
    found = fold(PatchFrechet(size=3), list(zip(a, b, strict=True)))
    assert found.number == pytest.approx(1000 * expected, rel=1e-6)
    assert found.unit == "x1000"


def test_patch_frechet_needs_no_alignment(noise):
    image, other = noise(20, 20, 3), noise(25, 14, 3, seed=1)
    turned = other.with_grid(other.pixels.flip(0, 1).flip(0))
    assert measure(PatchFrechet(), image, other) > 0
    assert measure(PatchFrechet(size=1), image, turned) == pytest.approx(measure(PatchFrechet(size=1), image, other))
    single = measure(PatchFrechet(size=1), Image(torch.zeros(1, 1, 1)), Image(torch.ones(1, 1, 1)))
    assert single == pytest.approx(1000)
    with pytest.raises(DataError):
        measure(PatchFrechet(), noise(4, 9), noise(4, 9))


@pytest.mark.parametrize("metric", ALL, ids=repr)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999))
def test_merge_is_associative_and_changes_nothing(metric, seed):
    rng = torch.Generator().manual_seed(seed)
    states = []
    for i in range(3):
        pair = [Image(torch.rand(3, 12 + i, 11, generator=rng)) for _ in range(2)]
        states.append(metric.lift(*pair))
    a, b, c = states
    alone = [metric.finish(s).number for s in states]
    left = metric.finish(metric.merge(metric.merge(a, b), c)).number
    right = metric.finish(metric.merge(a, metric.merge(b, c))).number
    assert left == pytest.approx(right, rel=1e-9)
    assert [metric.finish(s).number for s in states] == alone


@pytest.mark.parametrize("metric", ALL, ids=repr)
def test_what_cannot_be_compared_is_told(metric, noise):
    bad = Image(torch.full((3, 12, 12), float("nan")))
    with pytest.raises(DataError, match="finite"):
        metric.lift(noise(12, 12, 3), bad)
    with pytest.raises(DataError, match=r"linear.*srgb|srgb.*linear"):
        metric.lift(noise(12, 12, 3), Image(torch.rand(3, 12, 12), space="linear"))
    with pytest.raises(DataError, match=r"3.*1|channels"):
        metric.lift(noise(12, 12, 3), noise(12, 12))
