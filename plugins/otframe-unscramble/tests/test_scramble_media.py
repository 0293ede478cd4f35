"""Scrambling media, and pictures seen through them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from otframe_unscramble.scrambling import glitter
from otframe_unscramble.scrambling.facets import spots
from otframe_unscramble.scrambling.frame import Frame
from otframe_unscramble.scrambling.glitter import Glitter
from otframe_unscramble.scrambling.medium import ApplyScrambler
from otframe_unscramble.scrambling.permutation import Permutation
from scipy.stats import norm

from otframe.errors import DataError
from otframe.interfaces import Context
from otframe.run import Pipeline
from otframe.values import Image


def context(key: str = "", seed: int = 0) -> Context:
    return Context(seed=seed, node="node", key=key)


def picture(channels: int, height: int, width: int, alpha: bool = False) -> Image:
    random = torch.Generator().manual_seed(5)
    seen = torch.rand(height, width, generator=random) if alpha else None
    return Image(torch.rand(channels, height, width, generator=random), seen, meta={"stem": "a"})


def test_a_permutation_is_orthogonal_and_moves_pixels():
    medium = Permutation(height=5, width=6)(ctx=context())
    matrix = medium.map.dense()
    assert torch.equal(matrix.T @ matrix, torch.eye(30))
    assert set(matrix.unique().tolist()) == {0.0, 1.0}
    image = picture(3, 5, 6)
    made = ApplyScrambler()(image, medium, ctx=context())
    assert torch.equal(made.pixels.flatten(1).sort().values, image.pixels.flatten(1).sort().values)
    assert not torch.equal(made.pixels, image.pixels)


def test_media_come_from_seed_and_node():
    for component in (Permutation(height=9), Glitter(height=9)):
        first, again, other = (component(ctx=context(seed=seed)).map.dense() for seed in (1, 1, 2))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)


def test_spots_have_the_mass_of_the_gaussian_on_each_pixel():
    pixels, masses = spots(torch.tensor([[4.3, 5.0]], dtype=torch.float64), 0.8, (10, 10))
    found = torch.zeros(100, dtype=torch.float64).index_put_((pixels[0],), masses[0], accumulate=True).view(10, 10)
    at = np.arange(10)
    lines = [norm.cdf((at + 0.5 - c) / 0.8) - norm.cdf((at - 0.5 - c) / 0.8) for c in (4.3, 5.0)]
    wanted = np.outer(*lines)
    wanted[wanted < 0.01 * wanted.max()] = 0
    assert np.allclose(found.numpy(), wanted / wanted.sum(), atol=1e-12)
    assert float(masses.sum()) == pytest.approx(1)


def test_a_sharp_spot_is_one_pixel_and_one_outside_is_none():
    pixels, masses = spots(torch.tensor([[1.4, 2.6], [-3.0, 0.0], [2.0, 9.0]], dtype=torch.float64), 0.0, (4, 5))
    assert masses.sum(1).tolist() == [1, 0, 0]
    assert pixels[0][masses[0] > 0].tolist() == [1 * 5 + 3]


def test_a_spot_at_the_border_loses_what_is_outside():
    _, masses = spots(torch.tensor([[-0.5, 3.0]], dtype=torch.float64), 1.0, (8, 8))
    assert float(masses.sum()) == pytest.approx(0.5, abs=1e-9)


def test_glitter_is_its_facets(monkeypatch):
    """The sparse sum, in blocks, is the dense one; all entries are light, and as much of it as facets send."""
    component = Glitter(height=6, width=8, sensor_height=7, sensor_width=5, facets=1.7, blur=0.7, margin=3.0)
    facets = component.drawn(context().rng)
    assert len(facets.gains) == round(1.7 * 35)
    dense = torch.zeros(35, 48, dtype=torch.float64)
    for place, point, gain in zip(facets.places, facets.points, facets.gains, strict=True):
        line = []
        for centre, size, grid in ((place, component.footprint, (7, 5)), (point, component.blur, (6, 8))):
            pixels, masses = spots(centre[None], size, grid)
            line.append(torch.zeros(grid[0] * grid[1]).double().index_put_((pixels[0],), masses[0], accumulate=True))
        dense += gain * torch.outer(*line)
    monkeypatch.setattr(glitter, "_AT_ONCE", 2000)
    medium = component(ctx=context())
    assert medium.source == (6, 8)
    assert medium.target == (7, 5)
    assert torch.allclose(medium.map.dense().double(), dense, atol=1e-6)
    assert float(medium.map.weights.min()) > 0
    assert 0 < float(dense.sum()) < float(facets.gains.sum())  # some looks beside the scene or falls beside the sensor


def test_every_pixel_has_a_facet_from_one_on_and_no_light_is_lost_inside():
    component = Glitter(height=12, facets=2.25, spread=0.0, margin=0.0, blur=0.0, footprint=0.0)
    facets = component.drawn(context().rng)
    homes = np.bincount((facets.places + 0.5).floor().long().numpy() @ [12, 1], minlength=144)
    assert set(homes) == {2, 3}
    matrix = component(ctx=context()).map.dense()
    assert float(matrix.sum()) == pytest.approx(144, rel=1e-5)
    assert np.allclose(matrix.sum(1).numpy(), homes / 2.25, rtol=1e-5)


def test_glitter_differs_in_brightness_as_asked_and_loses_some_points():
    facets = Glitter(height=40, facets=4.0, spread=0.5).drawn(context().rng)
    logs = facets.gains.log()
    assert float(logs.std()) == pytest.approx(0.5, rel=0.05)
    assert float(facets.gains.mean()) * 4 == pytest.approx(1, rel=0.05)
    few = Glitter(height=24, facets=0.5)(ctx=context()).map.dense()
    assert 0 < float((few.sum(0) == 0).float().mean()) < 0.3
    assert 0 < float((few.sum(1) == 0).float().mean()) < 0.5


def test_gain_and_noise_are_what_they_are_said_to_be():
    image, medium = picture(3, 40, 40), Permutation(height=40)(ctx=context())
    clear = ApplyScrambler()(image, medium, ctx=context()).pixels
    assert torch.equal(clear, medium(image.pixels))
    noisy = ApplyScrambler(gain=2.0, noise=0.1)(image, medium, ctx=context("a"))
    rest = noisy.pixels - 2 * clear
    assert float(rest.std()) == pytest.approx(0.1, rel=0.04)
    assert float(rest.mean()) == pytest.approx(0, abs=0.005)
    assert float(noisy.pixels.max()) > 1.5  # not clipped
    assert noisy.meta["stem"] == "a"
    again, other = (ApplyScrambler(gain=2.0, noise=0.1)(image, medium, ctx=context(key)) for key in ("a", "b"))
    assert torch.equal(again.pixels, noisy.pixels)
    assert not torch.equal(other.pixels, noisy.pixels)


@pytest.mark.parametrize("photons", [20.0, 1e9])
def test_photons_have_the_variance_of_their_number(photons):
    image = Image(torch.full((1, 60, 60), 0.5))
    made = ApplyScrambler(photons=photons)(image, Permutation(height=60)(ctx=context()), ctx=context()).pixels.double()
    assert float(made.mean()) == pytest.approx(0.5, rel=0.03)
    assert float(made.var()) == pytest.approx(0.5 / photons, rel=0.1)
    counts = made * photons
    assert photons > 1e6 or torch.allclose(counts, counts.round(), atol=1e-4)


def test_what_cannot_be_seen_through_a_medium_is_refused():
    medium = Permutation(height=8)(ctx=context())
    with pytest.raises(DataError, match="8 x 8"):
        ApplyScrambler()(picture(3, 8, 9), medium, ctx=context())
    with pytest.raises(DataError, match="negative"):
        ApplyScrambler(photons=10.0)(Image(torch.full((1, 8, 8), -0.1)), medium, ctx=context())


def test_alpha_is_taken_as_black():
    image, medium = picture(3, 8, 8, alpha=True), Permutation(height=8)(ctx=context())
    made = ApplyScrambler()(image, medium, ctx=context())
    assert made.alpha is None
    assert torch.equal(made.pixels, medium(image.pixels * image.alpha))


def test_a_frame_is_the_mean_of_the_middle():
    image = picture(3, 12, 17)
    made = Frame(side=4)(image)
    wanted = image.pixels[:, :, 2:14].reshape(3, 4, 3, 4, 3).mean((2, 4))
    assert torch.allclose(made.pixels, wanted, atol=1e-6)
    assert torch.equal(Frame(side=12)(image).pixels, image.pixels[:, :, 2:14])
    parts = Frame(side=5)(image).pixels  # 2.4 pixels each
    assert torch.allclose(parts.mean((1, 2)), image.pixels[:, :, 2:14].mean((1, 2)), atol=1e-6)
    edge = image.pixels[0, :, 2:14]
    corner = edge[:2, :2].sum() + 0.4 * (edge[2, :2].sum() + edge[:2, 2].sum()) + 0.16 * edge[2, 2]
    assert float(parts[0, 0, 0]) == pytest.approx(float(corner) / 2.4**2, abs=1e-6)


def test_a_frame_is_grey_if_asked_and_nothing_is_enlarged():
    grey = Frame(side=4, grey=True)(picture(3, 12, 12, alpha=True))
    assert grey.channels == 1
    assert grey.space == "gray"
    assert grey.alpha is None
    with pytest.raises(DataError, match="at least 13 x 13 pixels, got 12 x 40"):
        Frame(side=13)(picture(3, 12, 40))


def test_media_without_ports_serve_a_pipeline(tmp_path):
    text = """
otframe: 1
inputs: {photos: "Image[]"}
nodes:
  medium: {use: scramble.glitter, with: {height: 8}}
  small: {in: photos, steps: [{scramble.frame: {side: 8}}]}
  scrambled: {use: scramble.apply, in: {image: small, scrambler: medium}, with: {noise: 0.01}}
  seen: {in: small, steps: [{scramble.shift: {spread: 1.0}}, scramble.warp, scramble.corrupt]}
outputs: {medium: medium, scrambled: scrambled, seen: seen}
"""
    (tmp_path / "p.yaml").write_text(text)
    pipeline = Pipeline.from_yaml(tmp_path / "p.yaml")
    made = pipeline(photos={name: picture(3, 10, 12) for name in ("a", "b")})
    noise = [made["scrambled"][name].pixels - made["medium"](made["scrambled"][name].pixels * 0) for name in "ab"]
    assert not torch.equal(noise[0], noise[1])  # one medium, its own noise for each picture
    assert torch.allclose(noise[0], noise[1], atol=0.1)
    assert made["seen"]["a"].meta["shift"] != made["seen"]["b"].meta["shift"]
