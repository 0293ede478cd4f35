"""Local warps: what bends, what follows a bend, and what carries it back."""

from __future__ import annotations

import pytest
import torch
from otframe_unscramble.aligning.displace import displaced
from otframe_unscramble.aligning.warps import bent, followed, surrounded, unbent
from otframe_unscramble.scrambling.displace import warped
from otframe_unscramble.scrambling.field import smooth_field

SIDE = (20, 24)


def random(seed):
    return torch.Generator().manual_seed(seed)


def pictures(count, seed=0, scale=1.5):
    return 0.5 + 0.2 * smooth_field(SIDE, scale, count, random(seed)).float()


def bends(count, size, seed=1, grid=(5, 6)):
    return size * torch.randn(count, 2, *grid, generator=random(seed))


def written_out(grid):
    return torch.nn.functional.interpolate(grid, SIDE, mode="bilinear", align_corners=True)


def test_bent_pictures_are_those_of_the_simulation():
    x, u = pictures(4), bends(4, 0.7)
    v = torch.randn(4, 2, generator=random(2))
    wanted = warped(x[:, None], written_out(u) + v[:, :, None, None])[:, 0]
    assert torch.allclose(bent(x, v, u), wanted, atol=1e-5)


def test_without_bends_it_is_a_displacement():
    x, v = pictures(3), torch.tensor([[0.5, -0.25], [1.0, 0.0], [-2.25, 3.5]])
    flat = torch.zeros(3, 2, 3, 3)
    assert torch.allclose(bent(x, v, flat), displaced(x, v), atol=1e-5)
    moved = bent(x, v, flat)
    assert torch.allclose(unbent(moved, v, flat), displaced(moved, -v), atol=1e-5)


def test_what_is_bent_comes_back():
    x, u = pictures(6, scale=2.5), bends(6, 0.6, grid=(3, 3))
    v = torch.zeros(6, 2)
    back = unbent(bent(x, v, u), v, u)
    inner = slice(4, -4)
    left = (back - x)[:, inner, inner].square().mean().sqrt()
    assert float(left) < 0.4 * float((bent(x, v, u) - x)[:, inner, inner].square().mean().sqrt())


@pytest.mark.parametrize("start", [False, True])
def test_a_smooth_field_is_followed(start):
    x, scale, v = pictures(12), 8.0, torch.tensor([[0.4, -0.3]]).expand(12, 2)
    field = torch.stack([0.8 * smooth_field(SIDE, scale, 2, random(k)) for k in range(12)]).float()
    seen = warped(x[:, None], field + v[:, :, None, None], "replicate")[:, 0]
    found = None if not start else torch.zeros(12, 2, 6, 7)
    for _ in range(4):
        found = followed(x, seen, v, found, scale / 2, 1, dark=False)
    off = (written_out(found) - field)[..., 3:-3, 3:-3]
    assert float(off.square().mean().sqrt()) < 0.2 * float(field.square().mean().sqrt())


def test_the_grid_is_half_the_scale():
    x = pictures(2)
    assert followed(x, x, torch.zeros(2, 2), None, 8.0, 1).shape == (2, 2, 6, 7)
    assert followed(x, x, torch.zeros(2, 2), None, 8.0, 1).abs().max() < 1e-6
    assert followed(x, x, torch.zeros(2, 2), None, 100.0, 2).shape == (1, 2, 2, 2)


def test_a_wide_window_finds_a_shift():
    """With windows over the whole picture all places move alike: the least-squares registration again."""
    x = pictures(5)
    v = torch.tensor([[0.3, -0.4]]).expand(5, 2)
    found = None
    for _ in range(6):
        found = followed(x, displaced(x, v), torch.zeros(5, 2), found, 60.0, 1, dark=False)
    assert float((found - v[:, :, None, None]).abs().max()) < 0.05


def test_slopes_that_go_together_are_told_apart():
    """Stripes along a diagonal, and little across them: down and right are one question, not two."""
    line = torch.arange(SIDE[0])[:, None] + torch.arange(SIDE[1])[None]
    x = 0.5 + 0.3 * torch.sin(0.5 * line) + 0.3 * pictures(5)
    v = torch.tensor([[0.25, -0.15]]).expand(5, 2)
    found = None
    for _ in range(3):
        found = followed(x, displaced(x, v), torch.zeros(5, 2), found, 60.0, 1, dark=False)
    assert float((found - v[:, :, None, None]).abs().max()) < 0.06


def test_groups_bend_together():
    x, scale = pictures(12, scale=1.0), 8.0
    field = torch.stack([0.7 * smooth_field(SIDE, scale, 2, random(k)) for k in range(4)]).float()
    each = field.repeat_interleave(3, 0)
    seen = warped(x[:, None], each, "replicate")[:, 0] + 0.1 * torch.randn(12, *SIDE, generator=random(4))
    v = torch.zeros(12, 2)
    shared, alone = (
        written_out(followed(x, seen, v, followed(x, seen, v, None, scale, g, False), scale, g, False)) - truth
        for g, truth in ((3, field), (1, each))
    )
    assert shared.shape[0] == 4
    assert float(shared.square().mean()) < float(alone.square().mean())


def test_dark_places_are_never_not_a_number():
    black = torch.zeros(3, *SIDE)
    for dark in (False, True):
        assert not followed(black, black, torch.zeros(3, 2), None, 6.0, 1, dark).any()


def test_surrounded_is_where_the_source_is_inside():
    u = bends(3, 2.0)
    v = torch.tensor([[0.0, 0.0], [2.5, -1.0], [-9.0, 0.5]])
    made, field = surrounded(v, u, pictures(3)), written_out(u) + v[:, :, None, None]
    for n in range(3):
        for i in range(SIDE[0]):
            for j in range(SIDE[1]):
                down, right = i - field[n, 0, i, j], j - field[n, 1, i, j]
                assert bool(made[n, i, j]) == bool(0 <= down <= SIDE[0] - 1 and 0 <= right <= SIDE[1] - 1)
