r"""Learning what scrambles instead of what unscrambles: few non-negative weights a sensor pixel, and its inverse.

Glitter adds spots of light up, and what adds few spots has no inverse with few weights. So `y = S x` is learnt, sparse
and non-negative, and undone by the linear estimate of least mean error for pictures of covariance C and noise s,

.. math:: A = C S' (S C S' + s I)^{-1}

C being that of the calibration pictures, mixed with its stationary part, which fewer pictures suffice for.
"""

from __future__ import annotations

import torch

from otframe.values import DenseMap
from otframe_unscramble.aligning.held_out import Regression
from otframe_unscramble.aligning.sparse import Sparse, candidates
from otframe_unscramble.aligning.support import grams, moments, of_columns, solved

__all__ = ["MOST", "inverse", "scrambling", "stationary"]

MOST = 4096
"""Pixels of a picture, and of its scrambled version, above which the inverse is not formed."""

_RIDGE = 3e-3


def scrambling(y: torch.Tensor, z: torch.Tensor, group: int, slots: int) -> tuple[Sparse, float]:
    """The rows of S, from scrambled samples `(m, d)` and clear ones `(m, D)`, and the variance of what is left."""
    fit = Regression(z, group).at(_RIDGE)
    begun = candidates(fit, y, min(slots, z.shape[1]))
    pixels = z.T.contiguous()
    weights = solved(
        grams(pixels, begun.columns), moments(pixels, y.T, begun.columns), begun.weights, "positive", sweeps=100
    )
    left = float((of_columns(pixels, begun.columns, weights).T - y).square().mean())
    return Sparse(begun.columns, weights), left


def inverse(rows: Sparse, left: float, z: torch.Tensor, even: torch.Tensor) -> DenseMap:
    """The matrix A `(D, d)`; `even (D, D)` is what `stationary` gives, of about the same pictures."""
    count, width = z.shape
    share = count / (count + width)
    cov = share * (z.T @ z).double() / count + (1 - share) * even
    weights = rows.weights.to(cov)
    across = of_columns(cov, rows.columns, weights)
    seen = of_columns(across.T.contiguous(), rows.columns, weights)
    seen = (seen + seen.T) / 2
    seen.diagonal().add_(left + 1e-9 * float(seen.diagonal().mean()))
    return DenseMap(torch.cholesky_solve(across, torch.linalg.cholesky(seen)).T.contiguous().to(z.dtype))


def stationary(pictures: torch.Tensor) -> torch.Tensor:
    """Second moments of pictures `(m, H, W)` that depend on the distance of two pixels only, `(H W, H W)` float64."""
    height, width = pictures.shape[1:]
    padded = (2 * height, 2 * width)
    power = torch.zeros(padded[0], width + 1, device=pictures.device, dtype=torch.float64)
    for part in pictures.split(512):
        power += torch.fft.rfft2(part, padded).abs().square().sum(0)
    inside = torch.fft.rfft2(pictures.new_ones(height, width, dtype=torch.float64), padded).abs().square()
    sums, counts = (torch.fft.irfft2(spectrum, padded) for spectrum in (power / len(pictures), inside))
    mean = sums / counts.round().clamp(min=1)
    rows, columns = (torch.arange(n, device=pictures.device) for n in (height, width))
    down = (rows[:, None] - rows[None]) % padded[0]
    right = (columns[:, None] - columns[None]) % padded[1]
    made = mean[down[:, None, :, None], right[None, :, None, :]].reshape(height * width, height * width)
    # means over fewer pairs at larger distances need not be a covariance
    values, vectors = torch.linalg.eigh(made)
    return (vectors * values.clamp(min=1e-9 * float(values[-1]))) @ vectors.T
