"""Count, mean and scatter of samples, and their merge: the state that streams."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch

from otframe.errors import DataError

__all__ = ["Moments", "moments_of_points"]


@dataclass(frozen=True, eq=False)
class Moments:
    """First and second moments of samples.

    Parameters
    ----------
    count : float
        Sum of the weights, scaled so that n samples count n.
    squares : float
        Sum of the squared weights; `count` where all weights are 1.
    mean : torch.Tensor
        Shape `(d,)`, float64.
    scatter : torch.Tensor
        Shape `(d, d)`, float64: the weighted sum of `(x - mean)(x - mean)'`.
    """

    count: float
    squares: float
    mean: torch.Tensor
    scatter: torch.Tensor

    @property
    def dim(self) -> int:
        """Dimension of the samples."""
        return self.mean.shape[0]

    @property
    def freedom(self) -> float:
        """What the scatter is divided by for an unbiased covariance: `count - squares / count`, n - 1 unweighted."""
        return self.count - self.squares / self.count if self.count else 0.0

    @classmethod
    def empty(cls, dim: int) -> Self:
        """The moments of no samples, the neutral element of `merge`."""
        zeros = torch.zeros(dim, dim, dtype=torch.float64)
        return cls(0.0, 0.0, zeros[:, 0].clone(), zeros)

    def merge(self, other: Self) -> Self:
        r"""Moments of both samples together, by the pairwise update of [chan1983algorithms]_.

        With :math:`\delta` the difference of the means, the scatter is
        :math:`M_a + M_b + \delta\delta' n_a n_b / (n_a + n_b)`: no large sums are subtracted.
        """
        if self.dim != other.dim:
            raise DataError(
                f"moments in {self.dim} and in {other.dim} dimensions cannot be merged",
                hint="all samples need the same channels and patch size",
            )
        if not other.count or not self.count:
            return self if self.count else other
        count = self.count + other.count
        delta = other.mean.to(self.mean) - self.mean
        mean = self.mean + delta * (other.count / count)
        scatter = self.scatter + other.scatter.to(self.scatter)
        # Scaled before the product, so that rounding is the same on both sides of the diagonal.
        step = delta * (self.count * other.count / count) ** 0.5
        scatter.addr_(step, step)
        return replace(self, count=count, squares=self.squares + other.squares, mean=mean, scatter=scatter)

    def affine(self, A: torch.Tensor, b: torch.Tensor, noise_cov: torch.Tensor | None = None) -> Self:
        """Moments of `A x + b + w`, w independent noise; its scatter is taken at its expectation."""
        A, b = A.to(self.mean), b.to(self.mean)
        scatter = A @ self.scatter @ A.T
        scatter = (scatter + scatter.T) * 0.5
        if noise_cov is not None:
            scatter = scatter + noise_cov.to(scatter) * self.freedom
        return replace(self, mean=A @ self.mean + b, scatter=scatter)


def moments_of_points(points: torch.Tensor, weights: torch.Tensor | None = None, *, block: int = 1 << 16) -> Moments:
    """Moments of points, in float64 and in blocks of rows.

    Parameters
    ----------
    points : torch.Tensor
        Shape `(n, d)`.
    weights : torch.Tensor, optional
        Shape `(n,)`, non-negative; scaled to sum n. Uniform where None.
    block : int
        Rows that are converted to float64 at once.
    """
    n = points.shape[0]
    if weights is None:
        w = None
        reference = points.mean(0, dtype=torch.float64)
        squares = float(n)
    else:
        w = weights.to(torch.float64)
        total = float(w.sum())
        if not total > 0.0 or float(w.min()) < 0.0 or total == float("inf"):
            raise DataError("weights must be finite, non-negative and not all zero")
        w = w * (n / total)
        reference = (w @ points.to(torch.float64)) / n
        squares = float(w.square().sum())
    if not torch.isfinite(reference).all():
        raise DataError("samples must be finite, got NaN or infinity", hint="look for NaN in the data")
    scatter = points.new_zeros(points.shape[1], points.shape[1], dtype=torch.float64)
    for start in range(0, n, block):
        centred = points[start : start + block].to(torch.float64) - reference
        weighted = centred if w is None else centred * w[start : start + block, None]
        scatter.addmm_(weighted.T, centred)
    return Moments(float(n), squares, reference, (scatter + scatter.T) * 0.5)
