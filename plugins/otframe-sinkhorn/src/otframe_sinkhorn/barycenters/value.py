"""What `sinkhorn.barycenter` gives: a density or a cloud that knows how the solver ended."""

from __future__ import annotations

from dataclasses import dataclass, field

from otframe.values import Density, PointCloud, SolveInfo

__all__ = ["CloudBarycenter", "GridBarycenter"]


@dataclass(frozen=True, eq=False, repr=False)
class GridBarycenter(Density):
    """A barycentre of densities, on their grid, of sum 1.

    Parameters
    ----------
    info : SolveInfo
        `residual` is how far the marginals of the plans to the given densities, whose other marginals are exact, are
        from the barycentre: in L1, in the mean by the weights.
    """

    info: SolveInfo = field(default_factory=SolveInfo)


@dataclass(frozen=True, eq=False)
class CloudBarycenter(PointCloud):
    """A barycentre of clouds.

    Parameters
    ----------
    info : SolveInfo
        `residual` is how far the last step moved the points, root mean square, as a part of their spread.
    """

    info: SolveInfo = field(default_factory=SolveInfo)
