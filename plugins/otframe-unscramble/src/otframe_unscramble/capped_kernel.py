"""`CappedKernel`: products with `exp(-rate min(|p - q|, cap))` over all pairs of pixels, and the iteration with it."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import torch

__all__ = ["CappedKernel", "Scalings", "scalings"]

_LEAST = 1e-300
"""Masses under this count as this where their logarithm is asked for."""


class CappedKernel:
    """The kernel of the Euclidean distance with a cap. It is not separable: held for all pairs, or applied row by row.

    Row by row, only rows of pixels that are closer than the cap differ from `exp(-rate cap)`, which is added as a sum.
    Both ways are exact.

    Parameters
    ----------
    shape : (int, int)
        Height and width.
    steps : (float, float)
        Distance of neighbours along both axes, in the unit of the cap.
    cap, rate : float
        Where the cost ends, and what it is multiplied by: 1 over the regularisation.
    held : int
        The most pairs to hold.
    device : torch.device
        Where to compute.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        steps: tuple[float, float],
        cap: float,
        rate: float,
        held: int,
        device: torch.device,
    ) -> None:
        self.shape = height, width = shape
        down, across = (
            torch.arange(n, dtype=torch.float64, device=device) * step for n, step in zip(shape, steps, strict=True)
        )
        apart = (across[:, None] - across).square()
        self.far = math.exp(-rate * cap)
        self.reach = min(height, math.ceil(cap / steps[0]))
        costs = (apart + down[: self.reach, None, None].square()).sqrt().clamp(max=cap)
        self.bands = torch.exp(-rate * costs)
        self.full = None
        if (height * width) ** 2 <= held:
            far = torch.full_like(apart, self.far)
            blocks = [self.bands[k] if k < self.reach else far for k in range(height)]
            rows = [torch.cat([blocks[abs(i - j)] for j in range(height)], 1) for i in range(height)]
            self.full = torch.cat(rows)

    def __call__(self, v: torch.Tensor) -> torch.Tensor:
        """The kernel times each row of `v (B, H W)`, float64."""
        if self.full is not None:
            return v @ self.full
        (height, width), reach = self.shape, self.reach
        near, made = self.bands - self.far, []
        for i in range(height):
            low, high = max(0, i - reach + 1), min(height, i + reach)
            block = torch.cat([near[abs(i - j)] for j in range(low, high)])
            made.append(v[:, low * width : high * width] @ block)
        return torch.cat(made, 1).add_(self.far * v.sum(1, keepdim=True))


class Scalings(NamedTuple):
    """What the iteration gives, `(B, n)` each."""

    log_u: torch.Tensor
    """The logarithm of the scaling of the sources."""
    log_v: torch.Tensor
    """Of the targets; finite where they have no mass, too."""
    errors: torch.Tensor
    """`(B,)`: the error of the first marginal, in L1. The second one is exact."""


def scalings(kernel: CappedKernel, a: torch.Tensor, b: torch.Tensor, iterations: int) -> Scalings:
    """That many plain iterations `u = a / K (b / K u)` from `u = 1`, then `v = b / K u` [cuturi2013sinkhorn]_."""
    u, met = torch.ones_like(a), torch.ones_like(a)
    for _ in itertools.repeat(None, iterations):
        met = kernel(b / kernel(u))
        u = a / met
    seen = kernel(u)
    back = kernel(b / seen)
    log_u = a.clamp(min=_LEAST).log() - met.log()
    return Scalings(log_u, b.clamp(min=_LEAST).log() - seen.log(), (u * back - a).abs().sum(1))
