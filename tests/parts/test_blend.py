from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from otframe.errors import DataError
from otframe.parts.blend import Blend
from otframe.values import Image, Scalar


def image(*shape: int, seed: int = 0, **named) -> Image:
    return Image(torch.rand(*shape, generator=torch.Generator().manual_seed(seed)), **named)


@settings(max_examples=30, deadline=None)
@given(st.floats(-2, 3), st.integers(0, 99))
def test_blend_is_the_weighted_mean(weight, seed):
    a, b = image(3, 5, 4, seed=seed), image(3, 5, 4, seed=seed + 1)
    out = Blend()(a, b, weight)
    expected = (1 - weight) * a.pixels.double() + weight * b.pixels.double()
    assert torch.allclose(out.pixels.double(), expected, atol=1e-6)


def test_ends_are_exact_and_metadata_are_those_of_a():
    a = image(3, 4, 5, alpha=torch.rand(4, 5), meta={"stem": "a"})
    b = image(3, 4, 5, seed=1, meta={"stem": "b"})
    assert torch.equal(Blend()(a, b, 0.0).pixels, a.pixels)
    assert torch.equal(Blend()(a, b, 1.0).pixels, b.pixels)
    out = Blend()(a, b, 0.5)
    assert out.alpha is a.alpha
    assert out.meta == {"stem": "a"}


def test_a_scalar_may_be_the_weight():
    a, b = image(1, 1, 1), image(1, 1, 1, seed=1)
    assert torch.equal(Blend()(a, b, Scalar(0.25)).pixels, Blend()(a, b, 0.25).pixels)


def test_what_does_not_fit_is_told_with_both():
    with pytest.raises(DataError, match=r"\(3, 4, 5\).*\(3, 5, 4\)"):
        Blend()(image(3, 4, 5), image(3, 5, 4), 0.5)
    with pytest.raises(DataError, match=r"'srgb'.*'linear'"):
        Blend()(image(3, 4, 5), image(3, 4, 5, space="linear"), 0.5)
    for weight in (float("nan"), float("inf")):
        with pytest.raises(DataError, match="finite"):
            Blend()(image(3, 4, 5), image(3, 4, 5), weight)
