"""`gaussian.barycenter`: the Wasserstein barycentre of Gaussian laws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from pydantic import Field as Parameter
from pydantic import field_validator

from otframe.errors import DataError, SolveError
from otframe.interfaces import Context, Solver
from otframe.numerics import spectrum, symmetrise
from otframe.values import GaussianLaw

__all__ = ["GaussianBarycenter"]


class GaussianBarycenter(Solver):
    r"""The law with the least weighted sum of squared Wasserstein-2 distances to the given Gaussian laws.

    Its mean is the weighted mean of the means; its covariance is the fixed point of

    .. math:: S = \sum_i \lambda_i (S^{1/2} S_i S^{1/2})^{1/2},

    reached by moving S by the average of the optimal maps to the laws [alvarez2016fixed]_:
    `S <- T S T`, `T = sum_i lambda_i T_i`. A barycentre that is not reached is an error, never a result.
    """

    references: ClassVar[tuple[str, ...]] = ("agueh2011barycenters", "alvarez2016fixed")
    promises: ClassVar[tuple[str, ...]] = ("identity", "translation", "gaussian")

    weights: tuple[float, ...] | None = None
    """Weight of each law, in the order of the stream; scaled to sum 1. Equal where absent."""

    tolerance: float = Parameter(default=1e-7, gt=0.0, lt=1.0)
    """The fixed point counts as reached where both sides differ by this part of the covariance (Frobenius)."""

    max_iter: int = Parameter(default=500, ge=1)
    """Iterations after which the barycentre counts as not reached."""

    floor: float = Parameter(default=1e-10, gt=0.0, lt=1.0)
    """Eigenvalues up to this part of the largest count as zero."""

    @field_validator("weights")
    @classmethod
    def _proper(cls, weights: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if weights is not None and (not weights or min(weights) < 0.0 or sum(weights) <= 0.0):
            raise ValueError("weights must be non-negative and not all zero")
        return weights

    def solve(self, laws: Sequence[GaussianLaw], *, ctx: Context | None = None) -> GaussianLaw:
        """Find the barycentre.

        Parameters
        ----------
        laws : sequence of GaussianLaw
            At least one, all in one dimension d.
        ctx : Context, optional
            Is told the progress and may cancel.

        Returns
        -------
        GaussianLaw
            Its `count` is the sum of the laws' counts, 0 where one of them is known exactly.
        """
        lambdas = self._lambdas(laws)
        dim = laws[0].dim
        if any(law.dim != dim for law in laws):
            raise DataError(
                f"the laws have dimensions {', '.join(str(law.dim) for law in laws)}",
                hint="fit all on patches of the same size and channels",
            )
        mean = sum((w * law.mean.double() for w, law in zip(lambdas, laws, strict=True)), torch.zeros(()).double())
        covs = [symmetrise(law.cov) for law in laws]
        counts = [law.count for law in laws]
        cov = self._fixed_point(covs, lambdas, ctx)
        return GaussianLaw(mean, cov, sum(counts) if all(counts) else 0)

    def _lambdas(self, laws: Sequence[GaussianLaw]) -> list[float]:
        if not laws:
            raise DataError("a barycentre needs at least one law")
        if self.weights is None:
            return [1.0 / len(laws)] * len(laws)
        if len(self.weights) != len(laws):
            raise DataError(f"there are {len(laws)} laws and {len(self.weights)} weights")
        total = math.fsum(self.weights)
        return [weight / total for weight in self.weights]

    def _fixed_point(self, covs: list[torch.Tensor], lambdas: list[float], ctx: Context | None) -> torch.Tensor:
        kept = [(w, cov) for w, cov in zip(lambdas, covs, strict=True) if w > 0.0]
        if len(kept) == 1:
            return kept[0][1].clone()
        # The linear mean's range holds the ranges of all laws, so nothing is lost at the start.
        S = sum((w * cov for w, cov in kept), torch.zeros_like(covs[0]))
        factors = [(w, _factor(cov)) for w, cov in kept]
        residual = 0.0
        for step in range(self.max_iter):
            found = spectrum(S, floor=self.floor)
            U = found.vectors[:, : found.rank]
            D = found.values[: found.rank].sqrt()
            root = U * D
            # In S's own basis: sum_i lambda_i (S^1/2 S_i S^1/2)^1/2, on the range of S.
            average = torch.zeros(found.rank, found.rank, dtype=S.dtype, device=S.device)
            for w, factor in factors:
                left, singular, _ = torch.linalg.svd(root.T @ factor, full_matrices=False)
                average += w * (left * singular) @ left.T
            average = symmetrise(average)
            size = float(torch.linalg.norm(S))
            if size == 0.0:
                return S
            residual = float(torch.linalg.norm(average - torch.diag(D.square()))) / size
            if residual <= self.tolerance:
                return S
            if ctx is not None:
                ctx.progress(step / self.max_iter, f"residual {residual:.1e}")
            # T S T in S's basis is D^-1 average^2 D^-1.
            half = (average / D[:, None]) @ U.T
            S = symmetrise(half.T @ half)
        raise SolveError(
            f"the barycentre was not reached in {self.max_iter} iterations: residual {residual:.2e}, "
            f"wanted {self.tolerance:.0e}",
            hint="raise max_iter or tolerance, or shrink covariances that are nearly singular",
        )


def _factor(cov: torch.Tensor) -> torch.Tensor:
    """`R` with `R R' = S`, as wide as the rank: the root of the product is then made of singular values, which keep the
    digits that a root of eigenvalues loses on singular laws."""
    found = spectrum(cov, floor=1e-15)
    return found.vectors[:, : found.rank] * found.values[: found.rank].sqrt()
