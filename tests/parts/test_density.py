"""Images as densities and back."""

import pytest
import torch

from otframe.errors import DataError
from otframe.parts.density import Cloud, Luminance, Picture
from otframe.values import Density, Image


def test_bright_is_mass_and_dark_where_it_is_asked_for():
    image = Image(torch.tensor([[0.0, 0.25], [1.0, 0.5]]).expand(3, 2, 2))
    assert torch.allclose(Luminance()(image).mass, torch.tensor([[0.0, 0.25], [1.0, 0.5]]).double(), atol=1e-6)
    assert torch.allclose(Luminance(dark=True)(image).mass, torch.tensor([[1.0, 0.75], [0.0, 0.5]]).double(), atol=1e-6)
    assert Luminance()(image).spacing == (0.5, 0.5)


def test_what_is_transparent_or_out_of_range_has_no_mass():
    image = Image(torch.tensor([[[0.5, 2.0, -1.0]]]), torch.tensor([[0.5, 0.0, 1.0]]), space="gray")
    assert torch.equal(Luminance()(image).mass, torch.tensor([[0.25, 0.0, 0.0]]).double())
    assert torch.equal(Luminance(dark=True)(image).mass, torch.tensor([[0.25, 0.0, 2.0]]).double())


def test_a_smaller_grid_keeps_the_mean():
    image = Image(torch.rand(1, 30, 20, generator=torch.Generator().manual_seed(0)), space="gray")
    made = Luminance(side=15)(image)
    assert made.shape == (15, 10)
    assert made.total / 150 == pytest.approx(float(image.pixels.double().mean()), rel=1e-6)
    assert Luminance(side=99)(image).shape == (30, 20)


def test_nothing_to_transport_is_told_of():
    with pytest.raises(DataError, match="no mass") as caught:
        Luminance()(Image(torch.zeros(3, 4, 4)))
    assert "dark: true" in caught.value.hint
    with pytest.raises(DataError, match="no mass"):
        Luminance(dark=True)(Image(torch.ones(3, 4, 4)))


def test_a_picture_shows_the_largest_mass_white():
    density = Density(torch.tensor([[1e-9, 4e-9], [0.0, 2e-9]]).double())
    assert torch.allclose(Picture()(density).pixels[0], torch.tensor([[0.25, 1.0], [0.0, 0.5]]))
    assert torch.allclose(Picture(gamma=2.0)(density).pixels[0], torch.tensor([[0.5, 1.0], [0.0, 0.5**0.5]]))
    assert Picture()(Density(torch.ones(5))).size == (1, 5)
    with pytest.raises(DataError, match="two dimensions"):
        Picture()(Density(torch.ones(2, 2, 2)))


def test_a_cloud_has_the_cells_with_mass():
    cloud = Cloud()(Density(torch.tensor([[0.0, 3.0], [1.0, 0.0]]).double(), (1.0, 10.0)))
    assert cloud.points.tolist() == [[0.0, 10.0], [1.0, 0.0]]
    assert cloud.weights.tolist() == [0.75, 0.25]
