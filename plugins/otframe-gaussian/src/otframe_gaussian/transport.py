"""`gaussian.transport`: the optimal map between two Gaussian laws."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Solver
from otframe.values import AffineMap, GaussianLaw, SolveInfo
from otframe_gaussian.coupling import couple
from otframe_gaussian.shrinkage import shrink

__all__ = ["GaussianTransport"]


class GaussianTransport(Solver):
    r"""The optimal map between Gaussian laws for the squared distance, in closed form.

    .. math:: T(x) = m_t + S_s^{-1/2} (S_s^{1/2} S_t S_s^{1/2})^{1/2} S_s^{-1/2} (x - m_s)

    [olkin1982distance]_, [gelbrich1990formula]_. Where the source has directions without variance the optimal plan is
    no map; the result then carries the covariance of the noise that is missing [freirich2021theory]_, so that the moved
    law has the target's covariance exactly. For laws that are not Gaussian this is the best affine map between their
    first two moments.
    """

    references: ClassVar[tuple[str, ...]] = (
        "olkin1982distance",
        "gelbrich1990formula",
        "freirich2021theory",
        "adrai2023deep",
    )
    promises: ClassVar[tuple[str, ...]] = ("identity", "translation", "gaussian")

    floor: float = Parameter(default=1e-10, gt=0.0, lt=1.0)
    """Source eigenvalues up to this part of the largest count as zero. Rounding is magnified by its inverse at most: at
    1e-10 the map is good to about 1e-6 in the weakest direction that it still keeps, and the rest is given by noise."""

    shrinkage: float = Parameter(default=0.0, ge=0.0, le=1.0)
    """How far both covariances are drawn towards the identity times their mean variance: 0 not, 1 fully."""

    def solve(self, source: GaussianLaw, target: GaussianLaw) -> AffineMap:
        """Find the map.

        Parameters
        ----------
        source, target : GaussianLaw
            Laws in one dimension d.

        Returns
        -------
        AffineMap
            `cost` is the squared Gelbrich distance, `info.residual` the relative error (Frobenius) of the covariance
            that the map gives.
        """
        if source.dim != target.dim:
            raise DataError(
                f"the source law has dimension {source.dim}, the target {target.dim}",
                hint="fit both on patches of the same size and channels",
            )
        before, after = (shrink(law.cov.double(), self.shrinkage) for law in (source, target))
        found = couple(before, after.to(before), self.floor)
        start = source.mean.to(before)
        end = target.mean.to(before)
        cost = found.cost + float((start - end).square().sum())
        info = SolveInfo(iterations=0, converged=True, residual=found.residual)
        return AffineMap(cost, info, found.A, end - found.A @ start, found.noise)
