from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_restore.downscale import Downscale
from otframe_restore.jpeg import Jpeg
from otframe_restore.noise import Noise

from otframe.errors import DataError
from otframe.interfaces import Context
from otframe.values import Image

ALL = [Noise(), Noise(gray=True, clip=True), Jpeg(), Downscale(factor=2), Downscale(factor=3, back=True)]


def run(part, image, seed=0, key="", node="n"):
    if isinstance(part, Noise):
        return part(image, ctx=Context(seed=seed, node=node, key=key))
    return part(image)


@pytest.mark.parametrize("part", ALL, ids=repr)
@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (7, 5), (5, 7, 2), (9, 12, 3), (13, 6, 4)])
def test_any_shape_keeps_what_belongs_to_the_image(part, shape, noise):
    image = noise(*shape, depth="uint16")
    before = image.pixels.clone()
    out = run(part, image)
    assert out.channels == image.channels
    assert out.space == image.space
    assert out.meta == image.meta
    assert (out.alpha is None) == (image.alpha is None)
    assert torch.isfinite(out.pixels).all()
    assert torch.equal(image.pixels, before)
    if not (isinstance(part, Downscale) and not part.back):
        assert out.size == image.size
        assert out.alpha is image.alpha


@pytest.mark.parametrize("part", ALL, ids=repr)
def test_not_finite_is_refused(part):
    with pytest.raises(DataError, match="finite"):
        run(part, Image(torch.full((3, 8, 8), float("nan"))))


def test_noise_has_the_level_asked_for():
    image = Image(torch.full((3, 200, 200), 0.1))
    added = run(Noise(sigma=50), image).pixels - image.pixels
    assert float(added.std()) == pytest.approx(50 / 255, rel=0.01)
    assert float(added.mean()) == pytest.approx(0, abs=0.003)
    assert abs(float(torch.corrcoef(added.flatten(1))[0, 1])) < 0.02
    assert float(run(Noise(sigma=50), image).pixels.min()) < 0
    assert float(run(Noise(sigma=50, clip=True), image).pixels.min()) == 0


def test_noise_depends_on_seed_node_and_key_alone(noise):
    image = noise(8, 9, 3)
    first = run(Noise(), image).pixels
    assert torch.equal(run(Noise(), image).pixels, first)
    assert not torch.equal(run(Noise(), image, seed=1).pixels, first)
    assert not torch.equal(run(Noise(), image, key="b").pixels, first)
    assert not torch.equal(run(Noise(), image, node="m").pixels, first)


def test_grey_noise_is_one_plane(noise):
    image = noise(8, 9, 3)
    added = run(Noise(gray=True), image).pixels - image.pixels
    assert torch.allclose(added[0], added[2], atol=1e-6)
    assert torch.equal(run(Noise(sigma=0), image).pixels, image.pixels)


def test_jpeg_equals_the_codec_of_another_library():
    pillow = pytest.importorskip("PIL.Image", reason="compares with Pillow")
    from io import BytesIO

    y, x = np.mgrid[:64, :80] / 80
    array = np.stack([x, y, 1 - x * y], axis=2)
    levels = np.rint(array * 255).astype(np.uint8)
    for quality in (20, 60):
        file = BytesIO()
        pillow.fromarray(levels).save(file, "JPEG", quality=quality, subsampling="4:2:0")
        peer = np.asarray(pillow.open(file)).astype(float)
        ours = Jpeg(quality=quality)(Image.from_numpy(levels)).numpy() * 255
        assert np.abs(ours - peer).mean() < 0.7  # decoders round and upsample chroma in their own ways


def test_jpeg_quality_and_chroma_order_the_error(noise):
    image = noise(32, 32, 3)
    errors = [float((Jpeg(quality=q)(image).pixels - image.pixels).square().mean()) for q in (10, 50, 95)]
    assert errors == sorted(errors, reverse=True)
    full = Jpeg(quality=95, chroma="4:4:4")(image).pixels
    assert float((full - image.pixels).square().mean()) < errors[-1]


def test_jpeg_refuses_linear_light(noise):
    with pytest.raises(DataError, match=r"image\.convert"):
        Jpeg()(Image(torch.rand(3, 8, 8), space="linear"))
    with pytest.raises(DataError, match="65500"):
        Jpeg()(Image(torch.zeros(1, 1, 65501), space="gray"))


def reference_resize(row: np.ndarray, scale: float) -> np.ndarray:
    """Matlab's rule for one line, written out sample by sample."""

    def cubic(t: float) -> float:
        t = abs(t)
        if t <= 1:
            return 1.5 * t**3 - 2.5 * t**2 + 1
        return -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2 if t <= 2 else 0.0

    n, shrink = len(row), min(scale, 1.0)
    out = []
    for i in range(int(np.ceil(n * scale))):
        centre = (i + 0.5) / scale - 0.5
        taps = range(int(np.floor(centre - 2 / shrink)) - 1, int(np.ceil(centre + 2 / shrink)) + 2)
        weights = np.array([cubic(shrink * (centre - j)) for j in taps])
        folded = [j % (2 * n) if j % (2 * n) < n else 2 * n - 1 - j % (2 * n) for j in taps]
        out.append(row[folded] @ weights / weights.sum())
    return np.array(out)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.sampled_from([2, 3, 4, 8]), st.integers(0, 99))
def test_downscale_is_the_written_out_rule(n, factor, seed):
    row = np.random.default_rng(seed).random(n)
    image = Image(torch.from_numpy(row)[None, :, None].expand(1, n, 3).contiguous(), space="gray")
    small = reference_resize(row, 1 / factor)
    ours = Downscale(factor=factor)(image).pixels[0, :, 0].numpy()
    np.testing.assert_allclose(ours, small, atol=1e-12)
    back = Downscale(factor=factor, back=True)(image).pixels[0, :, 0].numpy()
    np.testing.assert_allclose(back, reference_resize(small, factor)[:n], atol=1e-12)


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_downscale_equals_pillow_inside(factor, noise):
    pillow = pytest.importorskip("PIL.Image", reason="compares with Pillow")
    array = noise(16 * factor, 12 * factor).numpy()[..., 0]
    small = np.asarray(pillow.fromarray(array).resize((12, 16), pillow.Resampling.BICUBIC))
    ours = Downscale(factor=factor)(Image.from_numpy(array)).numpy()[..., 0]
    np.testing.assert_allclose(ours[2:-2, 2:-2], small[2:-2, 2:-2], atol=1e-6)
    large = np.asarray(pillow.fromarray(small).resize((12 * factor, 16 * factor), pillow.Resampling.BICUBIC))
    back = Downscale(factor=factor, back=True)(Image.from_numpy(array)).numpy()[..., 0]
    edge = 4 * factor
    np.testing.assert_allclose(back[edge:-edge, edge:-edge], large[edge:-edge, edge:-edge], atol=1e-6)


def test_downscale_keeps_constants_and_alpha_in_range(noise):
    image = Image(torch.full((3, 11, 7), 0.3), (noise(11, 7).pixels[0] > 0.5).float())
    small = Downscale(factor=4)(image)
    assert small.size == (3, 2)
    assert torch.allclose(small.pixels, torch.full((3, 3, 2), 0.3))
    assert small.alpha is not None
    assert 0 <= float(small.alpha.min()) <= float(small.alpha.max()) <= 1
