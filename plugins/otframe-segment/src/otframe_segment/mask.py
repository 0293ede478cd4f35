"""`segment.mask`: one region as a grey image."""

from __future__ import annotations

from types import MappingProxyType

from otframe.interfaces import Component, Transform
from otframe.values import Image
from otframe_segment.values import Segmentation

__all__ = ["RegionMask"]


class RegionMask(Transform):
    """One region of a segmentation as a grey image: 1 inside, 0 outside, to be used as a mask elsewhere."""

    region: str = ""
    """The region's name; empty for the first."""

    soft: bool = False
    """The relaxed region, whose values lie between 0 and 1 where the convex problem left it open."""

    @classmethod
    def examples(cls) -> list[Component]:
        """The first region, and the soft one."""
        return [cls(), cls(region="object", soft=True)]

    def __call__(self, segmentation: Segmentation) -> Image:
        """The mask, of the image's size, in space `gray`. `DataError` where there is no such region."""
        number = segmentation.number(self.region) if self.region else 0
        if self.soft:
            values = segmentation.relaxed[number].clamp(0, 1)
        else:
            values = (segmentation.labels == number).to(segmentation.relaxed)
        return Image(values[None].float(), None, "gray", MappingProxyType({"depth": "uint8"}))
