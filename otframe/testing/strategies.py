"""Hypothesis strategies of otframe's values, with the shapes that break things: one pixel, one point, one dimension."""

# ruff: noqa: B008 - strategies are values, made once

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from otframe.testing.violation import need
from otframe.values import (
    AffineMap,
    GaussianLaw,
    Image,
    Latent,
    PatchSet,
    PointCloud,
    Scalar,
    SolveInfo,
    Table,
)

need("hypothesis")

from hypothesis import strategies as st  # noqa: E402 - after it is known to be there

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = ["affine_maps", "clouds", "images", "latents", "laws", "patch_sets", "scalars", "tables"]

_SEEDS = st.integers(0, 2**31)
T = TypeVar("T")


def _draw(draw: DrawFn, strategy: SearchStrategy[T] | T) -> T:
    return draw(strategy) if isinstance(strategy, st.SearchStrategy) else strategy


def _random(draw: DrawFn) -> torch.Generator:
    return torch.Generator().manual_seed(draw(_SEEDS))


@st.composite
def images(
    draw: DrawFn,
    *,
    height: Any = st.integers(1, 24),
    width: Any = st.integers(1, 24),
    channels: Any = st.sampled_from([1, 3]),
    alpha: Any = st.booleans(),
) -> Image:
    """Images `(C, H, W)`, float32 in [0, 1], noise or constant; grey with one channel, some with alpha.

    Each argument may be a strategy or a value.
    """
    shape = (_draw(draw, channels), _draw(draw, height), _draw(draw, width))
    random = _random(draw)
    pixels = torch.rand(shape, generator=random)
    if draw(st.booleans()) and draw(st.booleans()):  # a quarter is constant
        pixels = pixels[:, :1, :1].expand(shape).contiguous()
    straight = torch.rand(shape[1:], generator=random) if _draw(draw, alpha) else None
    return Image(pixels, straight, "gray" if shape[0] == 1 else "srgb", MappingProxyType({"stem": "drawn"}))


@st.composite
def latents(
    draw: DrawFn,
    *,
    channels: Any = st.integers(1, 8),
    height: Any = st.integers(1, 12),
    width: Any = st.integers(1, 12),
) -> Latent:
    """Latents `(C, h, w)` of stride 8, standard normal, of images that need not fill them."""
    c, h, w = _draw(draw, channels), _draw(draw, height), _draw(draw, width)
    size = (8 * h - draw(st.integers(0, 7)), 8 * w - draw(st.integers(0, 7)))
    return Latent(torch.randn(c, h, w, generator=_random(draw)), 8, size)


@st.composite
def laws(
    draw: DrawFn,
    *,
    dim: Any = st.integers(1, 8),
    rank: Any = None,
    scale: Any = st.sampled_from([1e-6, 1.0, 1e6]),
    spread: Any = st.sampled_from([0.0, 2.0, 5.0]),
) -> GaussianLaw:
    """Gaussian laws in `dim` dimensions, in very different units.

    `rank` is the dimension itself where None; eigenvalues lie between `scale^2 10^-spread` and `scale^2`.
    """
    d, size = _draw(draw, dim), _draw(draw, scale)
    r = d if rank is None else min(d, _draw(draw, rank))
    random = _random(draw)
    basis = torch.linalg.qr(torch.randn(d, d, generator=random, dtype=torch.float64))[0][:, :r]
    values = 10 ** (-_draw(draw, spread) * torch.rand(r, generator=random, dtype=torch.float64))
    cov = (basis * values) @ basis.T * size**2
    return GaussianLaw(torch.randn(d, generator=random, dtype=torch.float64) * size, (cov + cov.T) / 2)


@st.composite
def clouds(
    draw: DrawFn, *, count: Any = st.integers(1, 30), dim: Any = st.integers(1, 6), weighted: Any = st.booleans()
) -> PointCloud:
    """Points `(n, d)`, float64, some weighted (sum 1, some weights zero), some with repeated points."""
    n, d = _draw(draw, count), _draw(draw, dim)
    random = _random(draw)
    points = torch.randn(n, d, generator=random, dtype=torch.float64)
    if draw(st.booleans()):
        points[n // 2 :] = points[: n - n // 2].clone()
    if not _draw(draw, weighted):
        return PointCloud(points)
    weights = torch.rand(n, generator=random, dtype=torch.float64)
    weights[1:][weights[1:] < 0.2] = 0
    return PointCloud(points, weights / weights.sum())


@st.composite
def affine_maps(draw: DrawFn, *, dim: Any = st.integers(1, 6), noisy: Any = st.booleans()) -> AffineMap:
    """Maps `x -> A x + b` in `dim` dimensions, A not symmetric, some with noise."""
    d = _draw(draw, dim)
    random = _random(draw)
    A, root = torch.randn(2, d, d, generator=random, dtype=torch.float64)
    noise = root @ root.T if _draw(draw, noisy) else None
    return AffineMap(1.0, SolveInfo(), A, torch.randn(d, generator=random, dtype=torch.float64), noise)


@st.composite
def patch_sets(draw: DrawFn, *, size: Any = st.integers(1, 4)) -> PatchSet[Image]:
    """Patches of side `size` of images that have at least one."""
    p = _draw(draw, size)
    sides = st.integers(p, p + 12)
    return PatchSet(draw(images(height=sides, width=sides)), p)


@st.composite
def scalars(draw: DrawFn) -> Scalar:
    """Finite numbers with a name."""
    return Scalar(draw(st.floats(-1e6, 1e6)), draw(st.sampled_from(["", "PSNR", "alpha"])), "")


@st.composite
def tables(draw: DrawFn, *, rows: Any = st.integers(0, 5), columns: Any = st.integers(1, 4)) -> Table:
    """Tables whose first column names the rows; cells are numbers, texts or nothing."""
    wide = _draw(draw, columns)
    cells = st.one_of(st.floats(-1e6, 1e6), st.integers(-9, 9), st.sampled_from(["inf", ""]), st.none())
    filled = tuple((f"row {k}", *(draw(cells) for _ in range(wide - 1))) for k in range(_draw(draw, rows)))
    directions = tuple(draw(st.sampled_from(["", "higher", "lower"])) for _ in range(wide - 1))
    return Table(("name", *(f"column {k}" for k in range(1, wide))), filled, "drawn", ("", *directions))
