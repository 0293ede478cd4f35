"""The variational method against its parts: total variation alone, colours alone, and the energy of both."""

from __future__ import annotations

import itertools

import numpy as np
import ot
import pytest
import torch
from otframe_color.cloud_value import ColorCloud
from otframe_color.spaces import converted
from otframe_color.total_variation import Smoother, total_variation
from otframe_color.variational import Variational
from pydantic import ValidationError
from skimage.restoration import denoise_tv_chambolle

from otframe.errors import DataError
from otframe.interfaces import Context
from otframe.values import Image


def pixels(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    plain = 0.4 + 0.2 * (x > width / 2)[..., None] + 0.1 * np.sin(y / 5)[..., None]
    return (plain + random.normal(0, 0.05, (height, width, channels))).astype(np.float32)


def cloud(count: int = 70, seed: int = 1, weighted: bool = True, space="srgb") -> ColorCloud:
    random = np.random.default_rng(seed)
    points = random.random((count, 3)) * [0.5, 0.2, 0.4] + [0.3, 0.6, 0.1]
    weights = random.random(count) + 0.1
    return ColorCloud(torch.from_numpy(points), torch.from_numpy(weights / weights.sum()) if weighted else None, space)


def run(first: np.ndarray, reference=None, start=None, seed=0, **parameters):
    given = [Image.from_numpy(one) if one is not None else None for one in (first, start)]
    return Variational(**parameters)(given[0], reference or cloud(), given[1], ctx=Context(seed=seed))


def variation(x: np.ndarray) -> float:
    """The total variation of all channels together, `(H, W, C)`."""
    down, right = np.zeros_like(x), np.zeros_like(x)
    down[:-1], right[:, :-1] = np.diff(x, axis=0), np.diff(x, axis=1)
    return float(np.sqrt((down**2 + right**2).sum(-1)).sum())


@pytest.mark.parametrize("weight", [0.03, 0.2])
def test_without_colours_a_grey_picture_is_that_of_scikit_image(weight):
    noisy = pixels(40, 50, 1)
    # three equal channels have three times the fidelity, and the square root of three times the variation
    alike = {"fidelity": 1, "colors": 0, "smoothness": weight * 3**0.5, "of": "picture"}
    made = run(noisy, **alike, tolerance=1e-6).image.numpy()[..., 0]
    peer = denoise_tv_chambolle(noisy[..., 0].astype(float), weight=weight, eps=1e-12, max_num_iter=8000)

    def energy(x):
        return ((x - noisy[..., 0]) ** 2).sum() / 2 + weight * variation(x[..., None])

    assert np.abs(made - peer).max() < 2e-3
    assert energy(made) <= energy(peer) * (1 + 1e-5)


def test_the_proximal_map_proves_itself():
    z = torch.from_numpy(pixels(15, 16)).permute(2, 0, 1).double()
    x, reached, gap = Smoother(z)(z, 0.1, below=np.inf, share=0.0, gap=1e-4, limit=20_000)
    assert gap <= 1e-4
    assert reached == pytest.approx(0.1 * variation(x.permute(1, 2, 0).numpy()) + float((x - z).square().sum()) / 2)
    assert total_variation(x) == pytest.approx(variation(x.permute(1, 2, 0).numpy()))
    random = np.random.default_rng(0)
    for size in (1e-3, 1e-2):
        other = x + size * torch.from_numpy(random.normal(size=x.shape))
        assert 0.1 * total_variation(other) + float((other - z).square().sum()) / 2 >= reached - gap


@pytest.mark.parametrize("space", ["srgb", "oklab"])
def test_with_colours_alone_the_image_takes_those_of_the_reference(space):
    reference = cloud(25 * 20, weighted=False, space=space)
    made = run(pixels(25, 20), reference, fidelity=0, smoothness=0, bases=20, max_iter=400, tolerance=1e-5)
    colors = converted(made.image.pixels.reshape(3, -1).T, "srgb", space).double().numpy()
    left = ot.sliced_wasserstein_distance(colors, reference.points.numpy(), n_projections=50, seed=3)
    assert left < 5e-3
    assert made.info.converged


def test_the_energy_is_that_of_its_formula():
    first, start, reference = pixels(7, 9), pixels(7, 9, seed=2), cloud()
    made = run(first, reference, start, fidelity=0.7, smoothness=0.03, colors=0.6, bases=2, max_iter=3)
    f = made.image.numpy().astype(float)
    rng = Context(seed=0).rng
    sliced = 0.0
    for _ in range(2):
        basis, upper = torch.linalg.qr(torch.randn(3, 3, generator=rng, dtype=torch.float64))
        for axis in (basis * torch.sign(torch.diagonal(upper))).T.numpy():
            sliced += ot.emd2_1d(
                f.reshape(-1, 3) @ axis, reference.points.numpy() @ axis, None, reference.weights.numpy()
            )
    wanted = 0.35 * ((f - start) ** 2).sum() / 63 + 0.03 * variation(f - first) / 63 + 0.3 * sliced / 2
    assert made.energy.number == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("of", ["change", "picture"])
@pytest.mark.parametrize("colors", [0.5, 20.0])
def test_the_energy_never_rises(of, colors):
    energies = [
        run(pixels(15, 20), of=of, colors=colors, smoothness=0.05, max_iter=turns, tolerance=1e-6).energy.number
        for turns in (1, 2, 3, 5, 8)
    ]
    assert all(later <= earlier * (1 + 1e-6) for earlier, later in itertools.pairwise(energies))
    assert energies[-1] < energies[0]


def test_what_is_not_reached_is_told():
    assert not run(pixels(20, 30), colors=20.0, max_iter=2, tolerance=1e-6).info.converged
    found = run(pixels(20, 30), tolerance=1e-4).info
    assert found.converged
    assert found.residual <= 1e-4


def test_a_smooth_change_keeps_the_detail_and_a_smooth_picture_does_not():
    first = pixels(30, 40)
    kept = run(first, smoothness=10.0, of="change").image.numpy()
    assert np.ptp(kept - first, axis=(0, 1)).max() < 1e-2
    flat = run(first, smoothness=10.0, of="picture").image.numpy()
    assert np.ptp(flat, axis=(0, 1)).max() < 1e-2


def test_the_image_itself_stays_where_it_has_the_colours_and_moves_nowhere():
    first = pixels(20, 20)
    own = ColorCloud(torch.from_numpy(first.reshape(-1, 3)))
    made = run(first, own, of="change")
    assert np.abs(made.image.numpy() - first).max() < 1e-6
    assert made.energy.number < 1e-9


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1)])
def test_small_and_constant_images(size):
    made = run(np.full((*size, 3), 0.5, np.float32), fidelity=0, smoothness=0.1)
    assert torch.isfinite(made.image.pixels).all()
    if size == (1, 1):
        mean = (cloud().points * cloud().weights[:, None]).sum(0)
        assert torch.allclose(made.image.pixels[:, 0, 0].double(), mean, atol=1e-6)


def test_grey_takes_colours_and_transparent_pixels_do_not_count():
    grey = run(pixels(12, 13, 1), fidelity=0, smoothness=0)
    assert grey.image.space == "srgb"
    assert grey.image.channels == 3
    first = pixels(12, 13, 4)
    first[..., 3] = np.arange(13) < 8
    other = first.copy()
    other[:, 8:, :3] = 0.9
    made = [run(one, fidelity=0, smoothness=0, max_iter=5).image.numpy() for one in (first, other)]
    assert np.allclose(made[0][:, :8], made[1][:, :8])
    assert np.allclose(made[1][:, 8:], other[:, 8:], atol=1e-6)


def test_what_cannot_be_done_is_refused():
    first = pixels(8, 8)
    with pytest.raises(ValidationError, match="above 0"):
        Variational(fidelity=0, colors=0)
    with pytest.raises(DataError, match="one size"):
        run(first, start=pixels(8, 9))
    with pytest.raises(DataError, match="transparent"):
        run(np.concatenate([first, np.zeros((8, 8, 1), np.float32)], -1))
    broken = Image.from_numpy(first)
    broken = broken.with_grid(torch.where(torch.arange(8) == 3, torch.nan, broken.pixels))
    with pytest.raises(DataError, match="finite"):
        Variational()(broken, cloud(), ctx=Context())
    for points, weights in ((torch.full((2, 3), torch.nan), None), (torch.zeros(2, 3), torch.tensor([-1.0, 2.0]))):
        with pytest.raises(DataError):
            run(first, ColorCloud(points, weights))
