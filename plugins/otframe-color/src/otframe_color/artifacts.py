"""`color.artifacts`: what recolouring did to an image's noise, gradients and smooth ramps."""

from __future__ import annotations

from dataclasses import astuple
from typing import ClassVar

from pydantic import Field as Parameter

from otframe.interfaces import Transform
from otframe.values import Image, Table
from otframe_color.artifact_measures import Artifacts, measured

__all__ = ["ArtifactTable", "Artifacts", "measured"]


class ArtifactTable(Transform):
    r"""Artefacts that a change of colours brought into an image, by comparing it with the image before.

    *Noise ratio.* In windows of `window` pixels a side, noise is what a plane does not explain of the colours. Flat
    places are the windows with the least noise in the image before, without those that are clipped in either image or
    have no noise at all. The ratio of the standard deviations after and before is told by its median, and by its 95 %
    quantile, since contrast is often stretched in a part of the picture only. An affine change of contrast by a factor
    a has the ratio a, everywhere.

    *Gradient preservation* [xiao2009gradient]_ is the cosine between the fields of luminance gradients,

    .. math:: \frac{\sum_x \langle \nabla u(x), \nabla v(x) \rangle}
              {\sqrt{\sum_x |\nabla u(x)|^2 \; \sum_x |\nabla v(x)|^2}}

    1 where contrast changed by one positive factor all over.

    *Banding* looks at how unevenly the colour of smooth places changes from pixel to pixel. For the n steps d between
    neighbours in a window of `span` pixels a side the sparsity [hurley2009comparing]_

    .. math:: n \frac{\sum |d|^2}{(\sum |d|)^2}

    is 1 where all are equal, and k where only every k-th is there, k times as large. The ratio after and before is told
    by its mean over smooth windows, chosen as flat ones are. An even ramp of which every k steps became one has the
    banding k; an affine change of contrast, 1.

    Images count as they are: round them first where the rounding is to be seen.
    """

    references: ClassVar[tuple[str, ...]] = ("xiao2009gradient", "hurley2009comparing")

    window: int = Parameter(default=7, ge=3, le=99)
    """Side of the windows in which noise is measured, in pixels; an even one counts as the next odd one."""

    span: int = Parameter(default=33, ge=3, le=999)
    """Side of the windows in which banding is measured, in pixels; less in images that are smaller."""

    flat: float = Parameter(default=0.25, gt=0.0, le=1.0)
    """Share of the windows that count as flat."""

    def __call__(self, image: Image, moved: Image) -> Table:
        """Measure.

        Parameters
        ----------
        image, moved : Image
            Before and after, of one size and coding; one of them may be grey. `DataError` otherwise, and where pixels
            are NaN or infinite.

        Returns
        -------
        Table
            One row, named by the image's stem; an empty cell where there is nothing to measure, as on a constant image.
        """
        found = measured(image, moved, window=self.window, span=self.span, flat=self.flat)
        columns = ("image", "noise ratio", "worst noise ratio", "gradient preservation", "banding")
        row = (str(image.meta.get("stem", "")), *astuple(found))
        return Table(columns, (row,), "Artefacts of recolouring", ("", "lower", "lower", "higher", "lower"))
