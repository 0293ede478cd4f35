"""Shrinking a covariance towards a multiple of the identity."""

from __future__ import annotations

import torch

__all__ = ["oas_intensity", "shrink"]


def shrink(cov: torch.Tensor, intensity: float) -> torch.Tensor:
    r"""`(1 - s) S + s tr(S) / d I`, shape `(d, d)`: the total variance stays."""
    if intensity == 0.0:
        return cov
    level = torch.diagonal(cov).mean() * intensity
    shrunk = cov * (1.0 - intensity)
    shrunk.diagonal().add_(level)
    return shrunk


def oas_intensity(cov: torch.Tensor, count: float) -> float:
    r"""The oracle-approximating intensity of [chen2010shrinkage]_, eq. 23, from the covariance alone.

    .. math:: \rho = \min\left(1, \frac{(1 - 2/d) \operatorname{tr}(S^2) + \operatorname{tr}(S)^2}
              {(n + 1 - 2/d) (\operatorname{tr}(S^2) - \operatorname{tr}(S)^2 / d)}\right)

    It is made for n independent Gaussian samples. Overlapping patches depend on each other, so for them it shrinks less
    than it would for as many independent ones.
    """
    d = cov.shape[0]
    square, trace = float(cov.square().sum()), float(torch.diagonal(cov).sum())
    spread = square - trace**2 / d
    if spread <= 0.0:
        return 1.0
    wanted = ((1.0 - 2.0 / d) * square + trace**2) / ((count + 1.0 - 2.0 / d) * spread)
    return min(1.0, max(0.0, wanted))
