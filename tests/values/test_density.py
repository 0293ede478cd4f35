"""`Density`: what it checks, where its cells are, and its cloud."""

from __future__ import annotations

import pytest
import torch

from otframe.errors import DataError
from otframe.registry import Registry
from otframe.values import Density
from otframe.values.codec import from_bytes, to_bytes


@pytest.mark.parametrize(
    ("mass", "spacing", "message"),
    [
        (torch.ones(()), (), "floating point"),
        (torch.ones(2, 2, 2, 2), (), "floating point"),
        (torch.ones(0), (), "floating point"),
        (torch.ones(3, dtype=torch.int64), (), "torch.int64"),
        (torch.zeros(3), (), "has mass somewhere, got none"),
        (torch.tensor([1.0, -1e-9]), (), "not negative, got a smallest mass of -1e-09"),
        (torch.tensor([1.0, torch.nan]), (), "finite"),
        (torch.tensor([1.0, torch.inf]), (), "finite"),
        (torch.ones(3, 3), (1.0,), "2 axes has as many positive spacings"),
        (torch.ones(3), (0.0,), "positive spacings"),
        (torch.ones(3), (float("nan"),), "positive spacings"),
        (torch.ones(3), (float("inf"),), "positive spacings"),
    ],
)
def test_what_is_no_density_is_refused(mass, spacing, message):
    with pytest.raises(DataError, match=message):
        Density(mass, spacing)


@pytest.mark.parametrize("shape", [(5,), (4, 6), (2, 3, 4), (1, 1)])
def test_cells_lie_at_multiples_of_the_spacing(shape):
    density = Density(torch.ones(shape))
    assert density.shape == shape
    assert density.dim == len(shape)
    assert density.side == pytest.approx(1.0)
    assert density.spacing == (1 / max(shape),) * len(shape)
    spacing = (0.5, 2.0, 3.0)[: len(shape)]
    wide = Density(torch.ones(shape), spacing)
    assert wide.side == pytest.approx(max(n * step for n, step in zip(shape, spacing, strict=True)))
    places = wide.positions()
    assert places.shape == (*shape, len(shape))
    for k, step in enumerate(spacing):
        assert torch.equal(wide.axis(k), torch.arange(shape[k], dtype=torch.float64) * step)
    last = places[tuple(n - 1 for n in shape)]
    assert last.tolist() == pytest.approx([(n - 1) * step for n, step in zip(shape, spacing, strict=True)])


def test_spacing_is_a_tuple_of_numbers():
    assert Density(torch.ones(2, 3), [1, 2]).spacing == (1.0, 2.0)
    assert isinstance(Density(torch.ones(2, 3), [1, 2]).spacing, tuple)


def test_the_cloud_is_the_cells_with_mass():
    mass = torch.tensor([[0.0, 1.0, 0.0], [3.0, 0.0, 4.0]])
    cloud = Density(mass, (2.0, 0.5)).cloud()
    assert cloud.points.tolist() == [[0.0, 0.5], [2.0, 0.0], [2.0, 1.0]]
    assert cloud.weights.tolist() == [0.125, 0.375, 0.5]
    assert cloud.points.dtype == cloud.weights.dtype == torch.float64


@pytest.mark.parametrize(
    "mass",
    [
        torch.full((3,), 3e38),
        torch.full((3,), 1e-45),
        torch.full((300, 300), 6e4, dtype=torch.float16),
        torch.tensor([1e-300, 1.0, 1e300], dtype=torch.float64),
    ],
)
def test_extreme_masses_are_summed_in_float64(mass):
    density = Density(mass)
    assert density.total == pytest.approx(float(mass.double().sum()))
    assert float(density.cloud().weights.sum()) == pytest.approx(1.0)
    assert (density.cloud().weights >= 0).all()


def test_another_mass_on_the_same_grid():
    density = Density(torch.ones(2, 3), (1.0, 2.0))
    double = density.with_mass(2 * density.mass)
    assert double.spacing == density.spacing
    assert double.total == 12
    assert repr(double) == "Density(2 x 3, total 12)"
    with pytest.raises(DataError, match="not negative"):
        density.with_mass(-density.mass)


def test_densities_are_stored_whole():
    density = Density(torch.rand(3, 4, generator=torch.Generator().manual_seed(0)), (0.5, 2.0))
    back = from_bytes(to_bytes(density, Registry(allow=[])), Registry(allow=[]))
    assert torch.equal(back.mass, density.mass)
    assert back.spacing == density.spacing
