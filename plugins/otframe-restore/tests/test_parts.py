from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_restore.alpha import AlphaCurve, BestAlpha
from otframe_restore.filters import blur
from otframe_restore.lowpass import LowPass
from otframe_restore.residual import Residual

from otframe.errors import DataError, SolveError
from otframe.interfaces import Autoencoder, Context, verb
from otframe.values import Image, Latent


class Halving(Autoencoder):
    """A crude autoencoder: means of 2 x 2 cells; loads nothing."""

    color: bool = False

    def load(self, device, dtype):
        return "net"

    @verb
    def encode(self, image: Image, *, net: object = None) -> Latent:
        assert net == "net"
        padded = torch.nn.functional.pad(
            image.pixels[None], (0, image.size[1] % 2, 0, image.size[0] % 2), mode="replicate"
        )
        return Latent(torch.nn.functional.avg_pool2d(padded, 2)[0], 2, image.size, image.channels)

    @verb
    def decode(self, latent: Latent, *, net: object = None) -> Image:
        assert net == "net"
        planes = latent.values.repeat_interleave(2, 1).repeat_interleave(2, 2)
        planes = planes[:, : latent.size[0], : latent.size[1]]
        return Image(planes.expand(3, -1, -1).contiguous() if self.color else planes)


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 5, 4), (6, 9)])
def test_residual_of_no_change_is_the_image_itself(shape, noise):
    image, model = noise(*shape), Halving()
    latent = model.encode(image)
    out = Residual()(image, latent, latent, model, ctx=Context())
    assert torch.equal(out.pixels, image.pixels)
    assert out.alpha is image.alpha
    assert out.meta == image.meta
    assert out.space == image.space


def test_residual_adds_the_decoded_change(noise):
    image, model = noise(6, 8, 3), Halving()
    before = model.encode(image)
    after = before.with_grid(before.values + 0.1)
    out = Residual(strength=2)(image, before, after, model, ctx=Context())
    assert torch.allclose(out.pixels, image.pixels + 0.2, atol=1e-6)


def test_residual_keeps_grey_grey_and_tells_sizes(noise):
    image, model = noise(6, 8), Halving(color=True)
    before = model.encode(image)
    out = Residual()(image, before, before.with_grid(before.values + 0.1), model, ctx=Context())
    assert torch.allclose(out.pixels, image.pixels + 0.1, atol=1e-6)
    assert out.space == "gray"
    with pytest.raises(DataError, match=r"\(6, 8\).*\(5, 8\)"):
        Residual()(noise(5, 8), before, before, model, ctx=Context())


def test_blur_is_the_reflected_gaussian_of_scipy(noise):
    ndimage = pytest.importorskip("scipy.ndimage")
    for shape in ((40, 33, 3), (1, 1, 3), (5, 3)):
        pixels = noise(*shape).pixels.double()
        peer = [ndimage.gaussian_filter(p.numpy(), 3.0, mode="reflect", truncate=4) for p in pixels]
        assert torch.allclose(blur(pixels, 3.0), torch.from_numpy(np.stack(peer)), atol=1e-12)


def test_lowpass_gives_the_guide_its_low_frequencies(noise):
    image, guide = noise(40, 41, 3), noise(40, 41, 3, seed=1)
    out = LowPass()(image, guide)
    expected = image.pixels - blur(image.pixels, 3) + blur(guide.pixels, 3)
    assert torch.allclose(out.pixels, expected, atol=1e-6)
    shifted = image.with_grid(image.pixels + 0.2)
    assert torch.allclose(LowPass()(shifted, image).pixels, image.pixels, atol=1e-6)
    assert torch.equal(LowPass()(image, image).pixels, image.pixels)
    with pytest.raises(DataError, match=r"40 x 41.*3 x 3"):
        LowPass()(image, noise(3, 3, 3))
    with pytest.raises(DataError, match="guide"):
        LowPass()(Image(torch.zeros(1, 2, 2)), Image(torch.full((1, 2, 2), math.inf)))


def fold(part, triples):
    states = [part.lift(*triple) for triple in triples]
    state = states[0]
    for other in states[1:]:
        state = part.merge(state, other)
    return part.finish(state)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), st.integers(1, 4))
def test_alpha_is_the_minimum_of_the_measured_error(seed, images):
    rng = torch.Generator().manual_seed(seed)
    triples = [[Image(torch.rand(3, 4 + i, 5, generator=rng)) for _ in range(3)] for i in range(images)]

    def error(alpha: float) -> float:
        pairs = [((1 - alpha) * x0.pixels + alpha * xs.pixels - x.pixels).double() for x0, xs, x in triples]
        return float(sum(p.square().sum() for p in pairs)) / sum(p.numel() for p in pairs)

    best = fold(BestAlpha(), triples)
    assert error(best.number) <= min(error(best.number + 0.01), error(best.number - 0.01))
    table = fold(AlphaCurve(alphas=(-0.5, 0.0, best.number, 1.0)), triples)
    for alpha, mse, psnr in table.rows:
        assert mse == pytest.approx(error(alpha), rel=1e-5)
        assert psnr == pytest.approx(-10 * math.log10(mse))


def test_alpha_knows_exact_cases(noise):
    natural, restored = noise(5, 6, 3), noise(5, 6, 3, seed=1)
    for weight in (0.0, 1.0, 0.25, -0.5, 1.5):
        truth = Image(torch.lerp(natural.pixels, restored.pixels, weight))
        assert fold(BestAlpha(), [(natural, restored, truth)]).number == pytest.approx(weight, abs=1e-6)
    perfect = fold(AlphaCurve(alphas=(0.0,)), [(natural, restored, natural)])
    assert perfect.rows == ((0.0, 0.0, "inf"),)


def test_alpha_refuses_equal_images_and_other_sizes(noise):
    image = noise(5, 6, 3)
    with pytest.raises(SolveError, match="equal everywhere"):
        fold(BestAlpha(), [(image, image, noise(5, 6, 3, seed=1))])
    with pytest.raises(DataError, match="'truth' is 3 x 4 x 6"):
        BestAlpha().lift(image, image, noise(4, 6, 3))
