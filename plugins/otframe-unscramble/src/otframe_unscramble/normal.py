"""Least squares by their normal equations: with a matrix of pixels (primal) or one of samples (dual)."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import torch

from otframe.errors import DataError
from otframe.values import DenseMap, LowRankMap
from otframe_unscramble.moments import PairMoments
from otframe_unscramble.values import Pairs

__all__ = ["MOST_SAMPLES", "Inverse", "dual", "primal", "ridge_of"]

MOST_SAMPLES = 11_585
"""The most samples of the dual form: their matrix of products takes 1 GiB in float64."""

_EPS = sys.float_info.epsilon
_BLOCK = 1024
_PROBES = 4


@dataclass(frozen=True, eq=False)
class Inverse:
    """`(M + ridge I)^-1` of a symmetric matrix without negative eigenvalues, or its pseudo-inverse.

    Parameters
    ----------
    factor : torch.Tensor
        A Cholesky factor `(m, m)`; or eigenvectors `(m, r)`, where `values` says so.
    values : torch.Tensor, optional
        Their eigenvalues `(r,)`, those alone that are not taken as 0.
    """

    factor: torch.Tensor
    values: torch.Tensor | None = None

    @classmethod
    def of(cls, matrix: torch.Tensor, ridge: float, size: int) -> Inverse:
        """The inverse of a matrix `(m, m)`, float64.

        Without a ridge, eigenvalues of at most `size` times the machine's precision, relative to the largest, count
        as 0. They are looked for only where the matrix is about as badly conditioned as that: a factor is ten times
        faster.
        """
        raised = matrix.clone()
        raised.diagonal().add_(ridge)
        factor, failed = torch.linalg.cholesky_ex(raised)
        cutoff = size * _EPS
        if not bool(failed) and (ridge > 0 or _smallest(factor) > 10 * cutoff * float(torch.linalg.norm(matrix))):
            return cls(factor)
        values, vectors = torch.linalg.eigh(raised)
        held = values > cutoff * values[-1]
        return cls(vectors[:, held], values[held])

    def __call__(self, right: torch.Tensor) -> torch.Tensor:
        """The inverse times columns `(m, k)`."""
        if self.values is None:
            return torch.cholesky_solve(right, self.factor)
        return self.factor @ ((self.factor.T @ right) / self.values[:, None])


def ridge_of(trace: float, pixels: int, ridge: float) -> float:
    """A ridge that is told relative to the mean eigenvalue of `Y'Y`, in its units; `DataError` where that is 0."""
    if not trace > 0:
        raise DataError("all scrambled pictures are black: nothing can be learnt from them")
    return ridge * trace / pixels


def primal(moments: PairMoments, ridge: float) -> tuple[DenseMap, float]:
    """The operator `A (D, d)` of `(Y'Y + ridge) A' = Y'X`, float32, and how far that holds.

    Parameters
    ----------
    moments : PairMoments
        `Y'Y` and `Y'X`.
    ridge : float
        In units of `Y'Y`; 0 for the pseudo-inverse.
    """
    inverse = Inverse.of(moments.gram, ridge, max(moments.samples, len(moments.gram)))
    matrix = inverse(moments.cross).T.float().contiguous()
    probes = _signs(moments.cross, len(matrix))
    wanted, probe = moments.cross @ probes, matrix.T.double() @ probes
    missed = moments.gram @ probe + ridge * probe - wanted
    return DenseMap(matrix), _relative(missed, wanted)


def dual(pairs: Pairs, ridge: float) -> tuple[LowRankMap, float]:
    """The operator `X' (YY' + ridge)^-1 Y` as a product `(D, n) (n, d)`, float32, and how far its equation holds."""
    scrambled, clear = pairs.rows()
    count = len(scrambled)
    if count > MOST_SAMPLES:
        raise DataError(
            f"the dual form has a matrix of all pairs of samples: at most {MOST_SAMPLES} samples (channels count), "
            f"got {count}",
            hint="`unscramble.pairs` with `most` uses fewer pairs; smaller pictures allow the primal form",
        )
    products = scrambled.new_zeros(count, count, dtype=torch.float64)
    for block in scrambled.split(_BLOCK, 1):
        wide = block.double()
        products.addmm_(wide, wide.T)
    inverse = Inverse.of(products, ridge, max(count, scrambled.shape[1]))
    left = clear.new_empty(clear.shape[1], count)
    probes = _signs(products, clear.shape[1])
    probe, wanted = products.new_zeros(count, _PROBES), products.new_zeros(count, _PROBES)
    for start in range(0, clear.shape[1], _BLOCK):
        part = clear[:, start : start + _BLOCK].double()
        found = inverse(part).float()
        left[start : start + _BLOCK] = found.T
        probe += found.double() @ probes[start : start + _BLOCK]
        wanted += part @ probes[start : start + _BLOCK]
    missed = products @ probe + ridge * probe - wanted
    back = [(block.double().T @ missed, block.double().T @ wanted) for block in scrambled.split(_BLOCK, 1)]
    return LowRankMap(left, scrambled), _relative(*(torch.cat(parts) for parts in zip(*back, strict=True)))


def _smallest(factor: torch.Tensor) -> float:
    """The smallest eigenvalue of what a Cholesky factor is of, from above, by a few inverse iterations."""
    steps = torch.arange(len(factor), dtype=factor.dtype, device=factor.device)
    vector = 1 + torch.sin(steps * steps)[:, None]
    grown = 1.0
    for _ in range(6):
        vector = vector / torch.linalg.norm(vector)
        vector = torch.cholesky_solve(vector, factor)
        grown = float(torch.linalg.norm(vector))
    return 1 / grown if grown > 0 else 0.0


def _signs(like: torch.Tensor, count: int) -> torch.Tensor:
    """Some vectors of signs `(count, p)`: the equations of all pixels are looked at in a few sums of them."""
    drawn = torch.randint(0, 2, (count, _PROBES), generator=torch.Generator().manual_seed(0))
    return (2 * drawn - 1).to(like)


def _relative(error: torch.Tensor, wanted: torch.Tensor) -> float:
    norm = float(torch.linalg.norm(wanted))
    return float(torch.linalg.norm(error)) / norm if norm > 0 else 0.0
