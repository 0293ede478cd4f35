"""`scramble.glitter`: a sheet of small mirrors, each of which shows a camera one spot of the scene."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field as Parameter
from scipy.sparse import coo_array, csr_array

from otframe.interfaces import Component, Context, Transform
from otframe.values import SparseMap
from otframe_unscramble.scrambling.facets import Facets, spots
from otframe_unscramble.values import Scrambler

__all__ = ["Glitter"]

_AT_ONCE = 4_000_000
"""Weights that are made at a time."""


class Glitter(Transform):
    r"""A medium of small mirrors, facets, at random places and angles, as a camera sees it [zhang2014sparkle]_.

    Facet f throws light of one spot of the scene, a Gaussian around a random point, on one small spot of the sensor,
    a Gaussian around the facet's own place, and reflects its own part :math:`g_f` of it:

    .. math:: S = \frac{1}{\textrm{facets}} \sum_f g_f \, p_f \, q_f^\top, \qquad \sum p_f = \sum q_f = 1

    with p of the sensor's pixels and q of the scene's, both with the Gaussian's mass on each pixel, cut where it falls
    below 1 % of its peak. What lies outside of the scene is dark and what falls beside the sensor is lost, so that a
    white scene of the size of the sensor is seen with a mean a little below 1. All entries are non-negative; each
    sensor pixel mixes a few spots, and scene points that no facet looks at are lost. Light adds up, so pictures should
    be `linear` for a physical simulation. Places, points and parts are drawn from the run's seed and the node's name.
    """

    references: ClassVar[tuple[str, ...]] = ("zhang2014sparkle",)

    height: int = Parameter(default=56, ge=1, le=1024)
    """Height of the scene in pixels."""

    width: int | None = Parameter(default=None, ge=1, le=1024)
    """Its width; the height where it is not given."""

    sensor_height: int | None = Parameter(default=None, ge=1, le=1024)
    """Height of the sensor in pixels; that of the scene where it is not given."""

    sensor_width: int | None = Parameter(default=None, ge=1, le=1024)
    """Its width; that of the scene where it is not given."""

    facets: float = Parameter(default=1.0, gt=0.0, le=16.0)
    """Facets for each sensor pixel. From 1 on every pixel has a facet of its own; below it some are dark."""

    footprint: float = Parameter(default=0.2, ge=0.0, le=4.0)
    """Size of a facet on the sensor: standard deviation in sensor pixels. The larger, the more facets overlap."""

    blur: float = Parameter(default=0.4, ge=0.0, le=4.0)
    """Size of the spot that a facet mirrors: standard deviation in scene pixels. Facets are not quite flat."""

    spread: float = Parameter(default=0.4, ge=0.0, le=3.0)
    """How much facets differ in brightness: standard deviation of its logarithm. The mean is 1."""

    margin: float = Parameter(default=1.0, ge=0.0, le=64.0)
    """Facets look at points uniform in the scene and so many pixels around it, where it is dark."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Square, and a sensor of another size with fewer facets."""
        return [cls(height=8), cls(height=6, width=9, sensor_height=7, sensor_width=5, facets=0.6, blur=0.0)]

    @property
    def scene(self) -> tuple[int, int]:
        """Height and width of the scene."""
        return self.height, self.width or self.height

    @property
    def sensor(self) -> tuple[int, int]:
        """Height and width of the sensor."""
        return self.sensor_height or self.scene[0], self.sensor_width or self.scene[1]

    def drawn(self, rng: torch.Generator) -> Facets:
        """Facets at random."""
        pixels = self.sensor[0] * self.sensor[1]
        count = max(1, round(self.facets * pixels))
        # as many in each pixel as in any other, or one more
        homes = [torch.arange(pixels).repeat(count // pixels), torch.randperm(pixels, generator=rng)[: count % pixels]]
        home = torch.cat(homes)
        corner = torch.stack([home // self.sensor[1], home % self.sensor[1]], 1)
        uniform = torch.rand(count, 4, generator=rng, dtype=torch.float64)
        sides = torch.tensor(self.scene, dtype=torch.float64)
        logs = self.spread * torch.randn(count, generator=rng, dtype=torch.float64)
        return Facets(
            places=corner - 0.5 + uniform[:, :2],
            points=(sides + 2 * self.margin) * uniform[:, 2:] - 0.5 - self.margin,
            gains=(logs - self.spread**2 / 2).exp() * (pixels / count),
        )

    def __call__(self, *, ctx: Context) -> Scrambler:
        """The medium, drawn at random: non-negative and sparse, float32."""
        facets = self.drawn(ctx.rng)
        to, to_masses = spots(facets.places, self.footprint, self.sensor)
        of, of_masses = spots(facets.points, self.blur, self.scene)
        shape = (math.prod(self.sensor), math.prod(self.scene))
        summed = csr_array(shape, dtype=np.float64)
        for part in torch.arange(len(to)).split(max(1, _AT_ONCE // (to.shape[1] * of.shape[1]))):
            weights = (facets.gains[part, None] * to_masses[part])[:, :, None] * of_masses[part, None, :]
            facet, row, column = weights.nonzero(as_tuple=True)
            at = (to[part][facet, row].numpy(), of[part][facet, column].numpy())
            summed = summed + coo_array((weights[facet, row, column].numpy(), at), shape=shape).tocsr()
        starts, columns = (torch.from_numpy(part.astype(np.int64)) for part in (summed.indptr, summed.indices))
        medium = SparseMap(starts, columns, torch.from_numpy(summed.data).float(), shape[1])
        return Scrambler(medium, self.scene, self.sensor)
