"""How far one cloud is from another at least, by transports on lines: cheap, and 0 only where they are one."""

from __future__ import annotations

import math

import torch

__all__ = ["directions", "least_distance"]

_PLANE = 32
_BASES = 8


def least_distance(x: torch.Tensor, a: torch.Tensor, y: torch.Tensor, b: torch.Tensor) -> float:
    r"""A lower bound of the Wasserstein-2 distance between two clouds of mass 1.

    .. math:: W_2^2(\mu, \nu) \ge d \operatorname{mean}_\theta W_2^2(\theta \# \mu, \theta \# \nu)

    since the mean of `(theta, x - y)^2` over orthonormal bases is `|x - y|^2 / d` [bonneel2015sliced]_. On a line it is
    the distance itself, and so it is where one cloud is the other moved.

    Parameters
    ----------
    x, y : torch.Tensor
        Shapes `(n, d)` and `(m, d)`, float64.
    a, b : torch.Tensor
        Shapes `(n,)` and `(m,)`, of sum 1.
    """
    found = [_on_line(x @ theta, a, y @ theta, b) for theta in directions(x.shape[1])]
    return math.sqrt(max(0.0, x.shape[1] * sum(found) / len(found)))


def directions(dim: int) -> torch.Tensor:
    """Unit vectors `(k, d)`, the same each time: in the plane evenly spread, beyond it orthonormal bases."""
    if dim == 1:
        return torch.ones(1, 1, dtype=torch.float64)
    if dim == 2:
        angle = torch.arange(_PLANE, dtype=torch.float64) * (math.pi / _PLANE)
        return torch.stack([angle.cos(), angle.sin()], 1)
    random = torch.Generator().manual_seed(0)
    drawn = torch.randn(_BASES, dim, dim, generator=random, dtype=torch.float64)
    bases: torch.Tensor = torch.linalg.qr(drawn)[0]
    return bases.reshape(-1, dim)


def _on_line(x: torch.Tensor, a: torch.Tensor, y: torch.Tensor, b: torch.Tensor) -> float:
    """Squared Wasserstein-2 distance on a line: quantile by quantile."""
    x, order = x.sort(stable=True)
    y, other = y.sort(stable=True)
    below, beyond = a[order].cumsum(0), b[other].cumsum(0)
    levels = torch.cat([below, beyond]).clamp(max=1.0).sort().values
    widths = levels.diff(prepend=levels.new_zeros(1))
    middle = levels - 0.5 * widths
    i = torch.searchsorted(below, middle).clamp(max=len(x) - 1)
    j = torch.searchsorted(beyond, middle).clamp(max=len(y) - 1)
    return float((widths * (x[i] - y[j]).square()).sum())
