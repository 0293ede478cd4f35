"""Directions that clouds are projected on: random orthonormal bases, or quasi-random points of the sphere."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

__all__ = ["orthonormal_basis", "orthonormal_groups", "quasi_random_groups"]

_SCRAMBLES = 8
_MOST_SOBOL = 21201


def orthonormal_basis(dim: int, rng: torch.Generator) -> torch.Tensor:
    """A basis `(d, d)` by rows, uniform on the orthogonal group, float64 on the CPU [mezzadri2007generate]_."""
    gauss = torch.randn(dim, dim, generator=rng, dtype=torch.float64)
    basis, upper = torch.linalg.qr(gauss)
    # without the signs of R's diagonal, QR's own convention would show in the law
    uniform: torch.Tensor = basis * torch.sign(torch.diagonal(upper))
    return uniform.T.contiguous()


def orthonormal_groups(dim: int, count: int, rng: torch.Generator) -> Iterator[torch.Tensor]:
    """Independent bases `(d, d)`, two or more: the least number that gives `count` directions."""
    for _ in range(max(2, math.ceil(count / dim))):
        yield orthonormal_basis(dim, rng)


def quasi_random_groups(dim: int, count: int, rng: torch.Generator) -> Iterator[torch.Tensor]:
    """Eight independently scrambled Sobol sets mapped to the sphere, `(l, d)` each: `count` directions or a few more.

    Independent scrambles of one set make the error of their mean known [owen1997scrambled]_. The points of the cube go
    to the sphere through the normal law's quantiles. Above 21201 dimensions, where torch has no Sobol set, directions
    are independent.
    """
    each = max(1, math.ceil(count / _SCRAMBLES))
    for _ in range(_SCRAMBLES):
        seed = int(torch.randint(2**31 - 1, (), generator=rng))
        if dim > _MOST_SOBOL:
            gauss = torch.randn(each, dim, generator=rng, dtype=torch.float64)
        else:
            cube = torch.quasirandom.SobolEngine(dim, scramble=True, seed=seed).draw(each, dtype=torch.float64)
            gauss = torch.special.ndtri(cube.clamp(1e-12, 1 - 1e-12))
        size = torch.linalg.vector_norm(gauss, dim=1, keepdim=True)
        # the centre of the cube alone has no direction
        gauss = torch.where(size > 0, gauss, torch.ones_like(gauss))
        yield gauss / torch.linalg.vector_norm(gauss, dim=1, keepdim=True)
