"""Displacements as small matrices: closed forms, finite differences and independent interpolation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_unscramble.aligning.displace import Inverses, chunks, covered, displaced, shift_matrix, slopes
from scipy import ndimage

KINDS = ["linear", "cubic", "lanczos"]
QUICK = settings(max_examples=25, deadline=None)
PART = st.floats(-4, 4)


def noise(*shape, seed=1):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def pair(down, right):
    return torch.tensor([[down, right]], dtype=torch.float64)


@QUICK
@given(down=PART, right=PART)
def test_linear_is_that_of_scipy_with_darkness_around(down, right):
    picture = noise(1, 7, 9)
    wanted = ndimage.shift(picture[0].numpy(), (down, right), order=1, mode="grid-constant", cval=0.0)
    assert np.abs(displaced(picture, pair(down, right))[0].numpy() - wanted).max() < 1e-12


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, -3), (-1, 1), (9, 0)])
def test_whole_shifts_are_exact(kind, down, right):
    picture = noise(1, 6, 7)
    wanted = ndimage.shift(picture[0].numpy(), (down, right), order=0, mode="constant", cval=0.0)
    assert np.abs(displaced(picture, pair(down, right), kind)[0].numpy() - wanted).max() < 1e-12


@QUICK
@given(v=st.floats(-1.5, 1.5))
def test_keys_kernel_keeps_parabolas_and_linear_keeps_lines(v):
    line = torch.arange(14, dtype=torch.float64)
    inner = slice(4, -4)
    for kind, power in (("linear", 1), ("cubic", 1), ("cubic", 2)):
        made = shift_matrix(torch.tensor([v], dtype=torch.float64), 14, kind)[0] @ line**power
        assert torch.allclose(made[inner], (line[inner] - v) ** power, atol=1e-9)


@pytest.mark.parametrize("v", [0.3, -1.75])
def test_lanczos_is_its_formula_and_moves_waves(v):
    matrix = shift_matrix(torch.tensor([v], dtype=torch.float64), 40, "lanczos")[0].numpy()
    for i, j in ((20, 18), (20, 20), (5, 7), (0, 4), (3, 9)):
        t = i - j - v
        assert matrix[i, j] == pytest.approx(np.sinc(t) * np.sinc(t / 3) if abs(t) < 3 else 0.0, abs=1e-12)
    at = np.arange(40)
    assert np.abs(matrix @ np.sin(0.5 * at) - np.sin(0.5 * (at - v)))[6:-6].max() < 0.02


def test_each_picture_has_its_own_displacement():
    pictures, v = noise(5, 6, 8), 2 * noise(5, 2, seed=2) - 1
    each = torch.cat([displaced(pictures[k : k + 1], v[k : k + 1], "cubic") for k in range(5)])
    assert torch.allclose(displaced(pictures, v, "cubic"), each, atol=1e-14)


@pytest.mark.parametrize("kind", ["linear", "cubic"])
def test_slopes_are_derivatives(kind):
    """At displacements where matrices are smooth, against much smaller differences."""
    pictures = noise(3, 7, 8)
    v = torch.tensor([[0.3, -0.7], [1.5, 0.25], [-2.2, 0.6]], dtype=torch.float64)
    now, down, right = slopes(pictures, v, kind).unbind(1)
    assert torch.allclose(now, displaced(pictures, v, kind), atol=1e-14)
    for axis, found in enumerate((down, right)):
        step = torch.zeros_like(v)
        step[:, axis] = 1e-6
        wanted = (displaced(pictures, v + step, kind) - displaced(pictures, v - step, kind)) / 2e-6
        assert torch.allclose(found, wanted, atol=1e-3)
        assert float(wanted.abs().max()) > 0.1


def test_slopes_at_whole_displacements_are_those_from_the_right():
    picture = noise(1, 1, 6)
    right = slopes(picture, pair(0.0, 0.0))[0, 2, 0]
    line = torch.nn.functional.pad(picture[0, 0], (1, 0))
    assert torch.allclose(right, line[:-1] - line[1:], atol=1e-12)


def test_views_of_one_array_are_the_product_of_matrices():
    """Near, far and outside of the picture altogether."""
    pictures = noise(6, 7, 5)
    v = torch.tensor([[0.3, -0.7], [3.0, 0.0], [-6.5, 4.25], [40.0, 0.5], [-9.2, -50.0], [0.3, -0.7]]).double()
    down, right = shift_matrix(v[:, 0], 7), shift_matrix(v[:, 1], 5)
    assert torch.allclose(displaced(pictures, v), down @ pictures @ right.transpose(1, 2), atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_brought_back_is_the_regularised_inverse(kind):
    errors, v, tau = noise(1, 5, 6), (0.75, -1.53125), 0.03
    steps = torch.tensor(v).double()
    down, right = (shift_matrix(steps[k : k + 1], n, kind)[0].numpy() for k, n in ((0, 5), (1, 6)))
    left, other = (np.linalg.inv(s.T @ s + tau * np.eye(len(s))) @ s.T for s in (down, right))
    made = Inverses((5, 6), 4.0, tau, kind, errors)(errors, pair(*v))[0].numpy()
    assert np.abs(made - left @ errors[0].numpy() @ other.T).max() < 1e-12
    near = Inverses((5, 6), 4.0, tau, kind, errors)(errors, pair(v[0] + 0.01, v[1] - 0.01))[0].numpy()
    assert np.array_equal(made, near), "displacements count in parts of a pixel"


def test_details_come_back_after_a_shift_but_not_what_was_lost():
    line = torch.arange(24, dtype=torch.float64)
    picture = torch.sin(0.4 * line)[:, None] * torch.cos(0.3 * line) * torch.ones(1, 1, 1)
    v = pair(0.25, -2.5)
    back = Inverses((24, 24), 4.0, 1e-3, "linear", picture)(displaced(picture, v), v)
    assert float((back - picture)[0, 3:-3, 5:-3].abs().max()) < 0.02
    assert float(back[0, :, :2].abs().max()) < 1e-6, "what left the picture is not made up"


@QUICK
@given(down=st.sampled_from([-3, -1.5, -0.25, 0, 0.25, 1, 9]), right=st.floats(-5, 5))
def test_covered_is_where_the_source_is_inside(down, right):
    made = covered(pair(down, right), (5, 6), noise(1))[0]
    for i in range(5):
        for j in range(6):
            assert bool(made[i, j]) == (0 <= i - down <= 4 and 0 <= j - right <= 5)
    border = displaced(torch.ones(1, 5, 6).double(), pair(down, right))[0]
    assert bool((border[made > 0] > 1 - 1e-9).all()), "nothing dark is mixed in where it counts"


@QUICK
@given(count=st.integers(0, 40), pixels=st.sampled_from([1, 900_000, 24_000_000, 50_000_000]), group=st.integers(1, 4))
def test_chunks_are_whole_groups_in_order(count, pixels, group):
    parts = list(chunks(count * group, pixels, group))
    assert [k for part in parts for k in range(part.start, part.stop)] == list(range(count * group))
    assert all((part.stop - part.start) % group == 0 for part in parts)
    assert all((part.stop - part.start) * pixels <= max(24_000_000, group * pixels) for part in parts)
