"""Linear algebra of positive semidefinite matrices, in float64 and with thresholds relative to the largest eigenvalue.

Nothing here adds an absolute constant to an eigenvalue, so every function is equivariant to the scale of the data:
covariances of size 1e-12 and of size 1e12 are treated alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from otframe.errors import DataError

__all__ = ["FLOOR", "Spectrum", "gelbrich_squared", "pinv_sqrt", "spectrum", "sqrt", "symmetrise"]

FLOOR = 1e-10
"""Default relative eigenvalue floor.

A symmetric eigensolver leaves an error of about 1e-16 of the largest eigenvalue in all of them, so an eigenvalue at the
floor is known to six digits and one below 1e-16 not at all; float32 samples blur variances below about 1e-14 of their
squared size. What lies below the floor is treated as exactly zero.
"""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues in descending order, shape `(d,)`, and eigenvectors in columns, shape `(d, d)`.

    `rank` counts the eigenvalues above the relative floor that the spectrum was made with.
    """

    values: torch.Tensor
    vectors: torch.Tensor
    rank: int

    def power(self, exponent: float) -> torch.Tensor:
        """The matrix to a power on its range, zero elsewhere; shape `(d, d)`."""
        vectors = self.vectors[:, : self.rank]
        return symmetrise((vectors * self.values[: self.rank] ** exponent) @ vectors.T)


def symmetrise(matrix: torch.Tensor) -> torch.Tensor:
    """The symmetric part `(M + M') / 2` in float64, shape `(d, d)`."""
    matrix = matrix.to(torch.float64)
    return (matrix + matrix.T) * 0.5


def spectrum(matrix: torch.Tensor, *, floor: float = FLOOR) -> Spectrum:
    """Eigen-decomposition of a positive semidefinite matrix.

    Parameters
    ----------
    matrix : torch.Tensor
        Shape `(d, d)`; only its symmetric part is used.
    floor : float
        Eigenvalues at or below `floor` times the largest count as zero.

    Raises
    ------
    DataError
        Where the matrix is not square or not finite.
    """
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise DataError(f"wanted a square matrix, got shape {tuple(matrix.shape)}")
    if not torch.isfinite(matrix).all():
        raise DataError("a covariance must be finite, got NaN or infinity", hint="look for NaN in the data")
    values, vectors = torch.linalg.eigh(symmetrise(matrix))
    values, vectors = values.flip(0), vectors.flip(1)
    top = float(values[0]) if len(values) else 0.0
    rank = int((values > max(floor * top, 0.0)).sum()) if top > 0.0 else 0
    return Spectrum(values, vectors, rank)


def sqrt(matrix: torch.Tensor, *, floor: float = 0.0) -> torch.Tensor:
    """The positive semidefinite square root, shape `(d, d)`; negative eigenvalues (rounding) count as zero."""
    return spectrum(matrix, floor=floor).power(0.5)


def pinv_sqrt(matrix: torch.Tensor, *, floor: float = FLOOR) -> torch.Tensor:
    """The inverse square root on the range, zero on the null space; shape `(d, d)`."""
    return spectrum(matrix, floor=floor).power(-0.5)


def gelbrich_squared(mean0: torch.Tensor, cov0: torch.Tensor, mean1: torch.Tensor, cov1: torch.Tensor) -> float:
    r"""Squared Gelbrich distance of two pairs of moments: the squared Wasserstein-2 distance of the Gaussian laws.

    .. math:: |m_0 - m_1|^2 + \operatorname{tr}(S_0) + \operatorname{tr}(S_1)
              - 2 \operatorname{tr}\,(S_0^{1/2} S_1 S_0^{1/2})^{1/2}

    It bounds the distance of any two laws with these moments from below [gelbrich1990formula]_, [olkin1982distance]_,
    and is the Frechet distance of feature statistics [dowson1982frechet]_. The last trace is the nuclear norm of
    `S_0^(1/2) S_1^(1/2)`, whose singular values keep the half of the digits that the root of a product would lose.

    Parameters
    ----------
    mean0, mean1 : torch.Tensor
        Shape `(d,)`.
    cov0, cov1 : torch.Tensor
        Shape `(d, d)`.
    """
    if mean0.shape != mean1.shape or cov0.shape != cov1.shape or cov0.shape != (len(mean0), len(mean0)):
        raise DataError(
            "two laws of one dimension are wanted, got means "
            f"{tuple(mean0.shape)} and {tuple(mean1.shape)}, covariances {tuple(cov0.shape)} and {tuple(cov1.shape)}",
        )
    shift = (mean0.to(torch.float64) - mean1.to(torch.float64)).square().sum()
    root0, root1 = sqrt(cov0), sqrt(cov1)
    # min over rotations Q of |S0^(1/2) - S1^(1/2) Q|^2 is the distance; as a sum of squares it cannot come out negative
    # and loses nothing where the laws nearly agree.
    left, _, right = torch.linalg.svd(root1 @ root0)
    return float(shift + (root0 - root1 @ (left @ right)).square().sum())
