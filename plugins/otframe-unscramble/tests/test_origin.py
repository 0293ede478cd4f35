"""By how much an operator of single pixels lies beside the grid."""

from __future__ import annotations

import pytest
import torch
from otframe_unscramble.aligning.displace import shift_matrix
from otframe_unscramble.aligning.origin import off_grid

SIZE = (9, 11)
COUNT = SIZE[0] * SIZE[1]


def displaced_permutation(down, right, seed=0, slots=12):
    """Slots of `S(v) P` for a random permutation P: what a common displacement makes of it."""
    order = torch.randperm(COUNT, generator=torch.Generator().manual_seed(seed))
    v = torch.tensor([[down], [right]], dtype=torch.float64)
    shift = torch.kron(shift_matrix(v[0], SIZE[0])[0], shift_matrix(v[1], SIZE[1])[0])
    weights, columns = (shift @ torch.eye(COUNT, dtype=torch.float64)[order]).topk(slots, 1)
    return columns, weights


@pytest.mark.parametrize(("down", "right"), [(0.0, 0.0), (0.2, -0.1), (-0.3, 0.05)])
def test_a_common_displacement_is_told(down, right):
    found = off_grid(*displaced_permutation(down, right), SIZE, COUNT)
    assert torch.allclose(found, -torch.tensor([down, right], dtype=torch.float64), atol=0.02)


def test_strange_weights_far_away_do_not_count():
    columns, weights = displaced_permutation(0.2, 0.1)
    weights = weights.clone()
    weights[:, -1] = 0.1 * torch.rand(COUNT, generator=torch.Generator().manual_seed(1))
    found = off_grid(columns, weights, SIZE, COUNT)
    assert torch.allclose(found, -torch.tensor([0.2, 0.1], dtype=torch.float64), atol=0.03)


def test_rows_of_many_weights_tell_none():
    columns = torch.arange(COUNT).expand(COUNT, COUNT)[:, :12]
    assert off_grid(columns, torch.ones(COUNT, 12), SIZE, COUNT) is None
