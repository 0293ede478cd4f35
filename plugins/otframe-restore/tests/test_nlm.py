from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from otframe_restore.nlm import NonLocalMeans
from otframe_restore.noise import Noise

from otframe.errors import DataError
from otframe.interfaces import Context
from otframe.values import Image


def psnr(a: Image, b: Image) -> float:
    return float(-10 * torch.log10((a.pixels - b.pixels).double().square().mean()))


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (2, 3, 4), (9, 5, 2), (17, 16, 3)])
def test_any_shape_keeps_what_belongs_to_the_image(shape, noise):
    image = noise(*shape, depth="uint16")
    out = NonLocalMeans().restore(image)
    assert out.size == image.size
    assert out.channels == image.channels
    assert out.alpha is image.alpha
    assert out.meta == image.meta
    assert out.pixels.dtype == torch.float32


def test_keeps_constants_and_depth():
    for level in (0.0, 1 / 65535, 0.5, 1.0, 7.25):
        image = Image(torch.full((3, 12, 12), level))
        assert torch.allclose(NonLocalMeans().restore(image).pixels, image.pixels, atol=1e-6)
    ramp = Image((torch.arange(4096.0) / 65535).reshape(1, 64, 64))  # 4096 levels of 16 bits: 16 of 8 bits
    out = NonLocalMeans(sigma=0.01).restore(ramp)
    assert torch.allclose(out.pixels, ramp.pixels, atol=6e-5)  # 8 bits would be 2e-3 off


def test_does_not_clip_what_leaves_the_range():
    image = Image(torch.full((3, 24, 24), -0.5))
    image.pixels[:, :, 12:] = 1.5
    out = NonLocalMeans().restore(image)
    assert torch.allclose(out.pixels, image.pixels, atol=1e-3)


def test_two_runs_and_thread_counts_agree(noise):
    image = noise(40, 40, 3)
    first = NonLocalMeans(sigma=50).restore(image).pixels
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(3)
        assert torch.equal(NonLocalMeans(sigma=50).restore(image).pixels, first)
    finally:
        cv2.setNumThreads(threads)


def test_refuses_what_it_cannot_filter():
    with pytest.raises(DataError, match="1 or 3 channels"):
        NonLocalMeans().restore(Image(torch.zeros(2, 8, 8)))
    with pytest.raises(DataError, match="finite"):
        NonLocalMeans().restore(Image(torch.full((3, 8, 8), float("inf"))))


@pytest.mark.data
def test_measured_quality_on_photographs(data):
    """The figures of the README, to a margin, on two of its photographs."""
    gains = {}
    for path in sorted((data / "photos" / "Kodak24").iterdir())[:2]:
        clean = Image.from_numpy(np.ascontiguousarray(cv2.imread(str(path))[100:356, 100:356, ::-1]))
        for sigma in (25, 50):
            noisy = Noise(sigma=sigma)(clean, ctx=Context())
            gains.setdefault(sigma, []).append(psnr(NonLocalMeans(sigma=sigma).restore(noisy), clean))
        grey = Image(clean.pixels.mean(0, keepdim=True), space="gray")
        noisy = Noise(sigma=50)(grey, ctx=Context())
        gains.setdefault("grey", []).append(psnr(NonLocalMeans(sigma=50).restore(noisy), grey))
    assert np.mean(gains[25]) > 28.5
    assert np.mean(gains[50]) > 24.5
    assert np.mean(gains["grey"]) > 23
