"""Densities on a square grid: all mass is kept, in proportion and in the middle."""

import pytest
import torch

from otframe.parts.square import Square
from otframe.values import Density


def random(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)).double()


@pytest.mark.parametrize("shape", [(5, 9), (64, 20), (33,), (4, 5, 6)])
@pytest.mark.parametrize("side", [1, 8, 33])
def test_mass_is_kept_on_a_grid_of_the_side(shape, side):
    density = Density(random(*shape))
    made = Square(side=side)(density)
    assert made.shape == (side,) * len(shape)
    assert made.total == pytest.approx(density.total)
    assert made.spacing == (1 / side,) * len(shape)


def test_a_square_of_that_side_stays_as_it_is():
    mass = random(7, 7)
    assert torch.allclose(Square(side=7)(Density(mass)).mass, mass, atol=1e-15)


def test_cells_are_cut_where_they_lie_in_two():
    made = Square(side=2)(Density(torch.tensor([1.0, 2.0, 4.0]).double()))
    assert made.mass.tolist() == pytest.approx([2.0, 5.0])
    assert Square(side=4)(Density(torch.tensor([1.0, 3.0]).double())).mass.tolist() == pytest.approx(
        [0.5, 0.5, 1.5, 1.5]
    )


def test_a_shorter_side_lies_in_the_middle():
    made = Square(side=8)(Density(torch.ones(4, 8).double())).mass
    assert torch.equal(made, torch.tensor([0.0, 0, 1, 1, 1, 1, 0, 0]).double()[:, None].expand(8, 8))
    # lengths count, not cells: these are twice as high as wide
    tall = Square(side=4)(Density(torch.ones(2, 2).double(), (2.0, 1.0))).mass
    assert torch.equal(tall > 0, torch.tensor([False, True, True, False]).expand(4, 4))
