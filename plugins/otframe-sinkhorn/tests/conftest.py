"""Densities, and the dense kernel that small problems are held against."""

import pytest
import torch

from otframe.values import Density


@pytest.fixture
def density():
    """A density with holes, the same for the same seed."""

    def make(seed, *shape, holes=0.2):
        random = torch.Generator().manual_seed(seed)
        mass = torch.rand(*shape, generator=random, dtype=torch.float64)
        mass[mass < holes] = 0
        mass.view(-1)[0] = 0.5
        return Density(mass)

    return make


@pytest.fixture
def costs():
    """All costs between the cells of a grid, shape `(n, n)`."""

    def make(density, kind):
        places = density.positions().reshape(-1, density.dim)
        apart = places[:, None] - places
        return apart.square().sum(-1) if kind == "squared" else apart.abs().sum(-1)

    return make


@pytest.fixture
def dense(costs):
    """The plan of some potentials, formed."""

    def make(found):
        exponents = (found.f.flatten()[:, None] + found.g.flatten() - costs(found.source, found.kind)) / found.eps
        return torch.exp(exponents) * found.source.mass.flatten()[:, None] * found.target.mass.flatten()

    return make
