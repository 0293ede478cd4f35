"""`metric.patch_frechet`: the distance of the laws of patches, which needs no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field

from otframe.errors import DataError
from otframe.numerics import Moments, gelbrich_squared
from otframe.values import Image, PatchSet, Scalar
from otframe_metrics.metric import Metric

__all__ = ["PatchFrechet", "TwoLaws"]


@dataclass(frozen=True, eq=False)
class TwoLaws:
    """Moments of the patches of the images and of the references."""

    images: Moments
    references: Moments


class PatchFrechet(Metric):
    """Frechet distance, times 1000, of the Gaussian laws of the p x p patches of the images and of the references.

    The squared Wasserstein-2 distance of the two fitted Gaussians [dowson1982frechet]_ over all overlapping patches
    of all images together: what FID measures on network features, here on pixels. It sees missing or excessive
    contrast, colour casts and lost texture; it does not see whether the patches sit in their places. The images need
    not be aligned, nor of one size: one pass over two unpaired sets is enough. Covariances are unbiased.

    Sets are compared by the value of the whole set; a single image's value is comparable only at equal sizes.
    `DataError` where a side is under p pixels, channels or spaces differ, or pixels are not finite.
    """

    references = ("dowson1982frechet",)
    label: ClassVar[str] = "patch Frechet"
    unit: ClassVar[str] = "x1000"
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    size: int = Field(default=5, ge=1, le=32)
    """Side p of the patches in pixels. At 5, a law has 75 dimensions in colour, and texture shows."""

    @property
    def column(self) -> str:
        """`patch Frechet (x1000)`; names p where it is not 5."""
        return super().column if self.size == 5 else f"{self.label} p{self.size} ({self.unit})"

    def lift(self, image: Image, reference: Image) -> TwoLaws:
        """The moments of the patches of both."""
        if (image.channels, image.space) != (reference.channels, reference.space):
            raise DataError(
                f"the image has {image.channels} channels in space '{image.space}', "
                f"the reference {reference.channels} in '{reference.space}'",
                hint="convert one of them first: image.convert",
            )
        return TwoLaws(PatchSet(image, self.size).moments(), PatchSet(reference, self.size).moments())

    def merge(self, a: TwoLaws, b: TwoLaws) -> TwoLaws:
        """The moments over both sets."""
        return TwoLaws(a.images.merge(b.images), a.references.merge(b.references))

    def finish(self, s: TwoLaws) -> Scalar:
        """The distance between the sets, 0 or more."""
        a, b = s.images, s.references
        # a single patch has no spread: its covariance is zero
        cov_a, cov_b = (m.scatter / (m.freedom if m.freedom > 0 else 1.0) for m in (a, b))
        return self.value(1000 * gelbrich_squared(a.mean, cov_a, b.mean, cov_b))
