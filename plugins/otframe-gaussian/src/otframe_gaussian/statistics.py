"""`gaussian.statistics`: mean and covariance of a stream of patches or points."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Accumulator, Component
from otframe.values import Field, GaussianLaw, PatchSet, PointCloud
from otframe_gaussian.shrinkage import oas_intensity, shrink
from otframe_gaussian.state import SampleMoments

__all__ = ["Statistics"]


class Statistics(Accumulator):
    """The mean and the unbiased covariance of all samples of a stream, in float64 and bounded memory.

    Patches are never made: their covariance comes from shifted products of the field. States are merged by the pairwise
    update of [chan1983algorithms]_.
    """

    references: ClassVar[tuple[str, ...]] = ("chan1983algorithms", "chen2010shrinkage")

    shrinkage: Annotated[float, Parameter(ge=0.0, le=1.0)] | Literal["oas"] = 0.0
    """How far the covariance is drawn towards the identity times its mean variance: 0 not, 1 fully. `oas` finds it from
    the covariance and the number of samples [chen2010shrinkage]_; below five images it is worth setting by hand."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Without shrinkage, with some, and with the automatic one."""
        return [cls(), cls(shrinkage=0.1), cls(shrinkage="oas")]

    def lift(self, samples: PatchSet[Field] | PointCloud) -> SampleMoments:
        """The moments of one item.

        Parameters
        ----------
        samples : PatchSet or PointCloud
            Patches of one field, or points, weighted or not; a cloud of n points counts n whatever its weights sum to.
        """
        return SampleMoments.of(samples.moments())

    def merge(self, a: SampleMoments, b: SampleMoments) -> SampleMoments:
        """The moments of two states' samples together."""
        return a.merge(b)

    def finish(self, s: SampleMoments) -> GaussianLaw:
        """The law of a state; `DataError` below two samples."""
        if s.count < 2 or s.freedom <= 0.0:
            raise DataError(
                f"a covariance needs at least two samples, got {s.count:g}",
                hint="give more points, or an image larger than one patch",
            )
        cov = s.scatter / s.freedom
        if self.shrinkage == "oas":
            cov = shrink(cov, oas_intensity(cov, s.count**2 / s.squares))
        else:
            cov = shrink(cov, self.shrinkage)
        return GaussianLaw(s.mean, cov, round(s.count))
