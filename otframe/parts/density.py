"""Images as densities and back, and densities as points: `density.luminance`, `density.picture`, `density.cloud`."""

from __future__ import annotations

from types import MappingProxyType

import torch
from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Component, Transform
from otframe.parts.convert import Convert
from otframe.values import Density, Image, PointCloud

__all__ = ["Cloud", "Luminance", "Picture"]

_WHITE = 1e-6
"""Rounding of the luminance: a tenth of a step of 16 bit."""


class Luminance(Transform):
    """The grey of an image as mass: bright is much, or dark is, for drawings on paper. Transparent is none.

    The mass of a cell is the sRGB-coded grey value [iec1999srgb]_, the luminance with as many steps as the eye sees,
    times alpha. Values below 0 count as 0. `DataError` where nothing is left.
    """

    references = ("iec1999srgb",)

    dark: bool = False
    """Whether dark is much: the mass is then 1 minus the grey, and none where the grey is above 1."""

    side: int | None = Parameter(default=None, ge=1)
    """Cells along the longest side: larger images are made smaller by the mean over areas. Their own where absent."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Bright, dark, and smaller."""
        return [cls(), cls(dark=True), cls(side=8)]

    def __call__(self, image: Image) -> Density:
        """The density `(H, W)`, float64; the longest side has length 1."""
        grey = Convert(space="gray")(image).pixels[0].double()
        mass = torch.where(grey < 1 - _WHITE, 1 - grey, 0.0) if self.dark else grey.clamp(min=0)
        if image.alpha is not None:
            mass = mass * image.alpha.to(mass).clamp(min=0)
        if self.side is not None and max(mass.shape) > self.side:
            ratio = self.side / max(mass.shape)
            height, width = (max(1, round(n * ratio)) for n in mass.shape)
            mass = torch.nn.functional.adaptive_avg_pool2d(mass[None], (height, width))[0]
        if not bool((mass > 0).any()):
            raise DataError(
                f"the image has no mass: it is all {'white' if self.dark else 'black'} or transparent",
                hint=f"`dark: {'false' if self.dark else 'true'}` counts the other side",
                port="image",
            )
        return Density(mass)


class Picture(Transform):
    """A density as a grey image, to look at.

    The scale is linear: no mass is black, the largest mass white; `gamma` lifts what is faint.
    """

    gamma: float = Parameter(default=1.0, gt=0.0)
    """The exponent `1 / gamma` is used: 2.2 shows small masses as a screen would show faint light."""

    def __call__(self, density: Density) -> Image:
        """The image `(1, H, W)` of a density in one or two dimensions; `DataError` in three."""
        if density.dim > 2:
            raise DataError(f"a picture has two dimensions, the density {density.dim}", port="density")
        mass = density.mass.reshape(-1, density.shape[-1]).float()
        scaled = (mass / mass.max()) ** (1 / self.gamma)
        return Image(scaled[None], space="gray", meta=MappingProxyType({"depth": "uint8"}))


class Cloud(Transform):
    """The cells of a density that have mass, as weighted points."""

    def __call__(self, density: Density) -> PointCloud:
        """Points `(n, d)` at the cells' places, weights of sum 1, float64."""
        return density.cloud()
