"""Applying a transport to samples: `transport.apply`."""

from __future__ import annotations

from typing import ClassVar, TypeVar, cast

import torch
from pydantic import Field as Parameter

from otframe.interfaces import Context, Transform
from otframe.values import Field, PatchSet, PointCloud, Transport

__all__ = ["Apply"]

S = TypeVar("S", bound=PatchSet[Field] | PointCloud)


class Apply(Transform):
    """Samples moved by a transport, all the way or part of it along the geodesic.

    A point goes to `(1 - t) x + t T(x)`, the displacement interpolation [mccann1997convexity]_. Where the transport is
    stochastic, its noise is drawn from the run's seed, the node and the item, scaled by t: the moved law's covariance
    is right at every t. Overlapping patches share one white noise field, so that folding keeps the noise's variance.
    """

    references: ClassVar[tuple[str, ...]] = ("mccann1997convexity", "freirich2021theory")

    t: float = Parameter(default=1.0, ge=0.0, le=1.0)
    """Time on the geodesic: 0 leaves the samples, 1 moves them fully."""

    def __call__(self, samples: S, transport: Transport, *, ctx: Context) -> S:
        """Move the samples.

        Parameters
        ----------
        samples : PatchSet or PointCloud
            What is moved; patches stay a view under an affine map.
        transport : Transport
            A map in the dimension of the samples.
        ctx : Context
            Gives the seed of a stochastic map's noise.

        Returns
        -------
        PatchSet or PointCloud
            Of the kind that came.
        """
        seed = int(torch.randint(2**62, (), generator=ctx.rng))
        return cast(S, samples.transported(transport, seed, t=self.t))
