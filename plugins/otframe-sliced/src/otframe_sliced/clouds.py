"""Clouds made ready: checked, without points of no mass, in one frame, thinned or binned where they are large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from otframe.errors import DataError
from otframe.values import PointCloud
from otframe_sliced.line import argsorted, grouped

__all__ = ["Cloud", "Frame", "binned", "distinct", "prepared", "thinned"]

_CROWD, _CURVED, _BITS = 8, 3, 15
"""So many times the points wanted are drawn first, where the space has no more dimensions than this; and the bits of a
place on the curve through it."""
_WIDEST = 1e150
"""Beyond this squared distances leave float64."""


@dataclass(frozen=True, eq=False)
class Cloud:
    """Checked points.

    Parameters
    ----------
    points : torch.Tensor
        Shape `(n, d)`, float32 or float64, finite.
    weights : torch.Tensor or None
        Shape `(n,)`, float64, positive, sum 1; None where all are equal.
    low, high : torch.Tensor
        Shape `(d,)`: the corners of the box around the points of the cloud that was given, thinned since or not.
    """

    points: torch.Tensor
    weights: torch.Tensor | None
    low: torch.Tensor
    high: torch.Tensor

    @property
    def count(self) -> int:
        """Number n of points."""
        return len(self.points)

    @property
    def mass(self) -> torch.Tensor:
        """Mass of each point, `(n,)`, float64, also where all are equal."""
        if self.weights is not None:
            return self.weights
        return torch.full((self.count,), 1.0 / self.count, dtype=torch.float64, device=self.points.device)


@dataclass(frozen=True, eq=False)
class Frame:
    """The units that clouds are solved in: `(x - centre) / scale` lies within [-1, 1].

    So neither the units of the data nor a far origin costs digits.
    """

    centre: torch.Tensor
    scale: float

    @classmethod
    def around(cls, clouds: Sequence[Cloud]) -> Frame:
        """The frame of the box around some clouds; `DataError` where it is too wide for the precision."""
        low = torch.stack([cloud.low.double() for cloud in clouds]).amin(0)
        high = torch.stack([cloud.high.double() for cloud in clouds]).amax(0)
        scale = float((high / 2 - low / 2).amax())
        centre = low / 2 + high / 2
        if scale > min(torch.finfo(clouds[0].points.dtype).max / 4, _WIDEST):
            raise DataError(
                f"the coordinates lie {2 * scale:.3g} apart, too far for {clouds[0].points.dtype}",
                hint="give the points in other units, or in float64",
            )
        return cls(centre, scale if scale > 0 else 1.0)

    def enter(self, cloud: Cloud) -> Cloud:
        """The cloud in these units."""
        points, low, high = (self.inside(part) for part in (cloud.points, cloud.low, cloud.high))
        return Cloud(points, cloud.weights, low, high)

    def inside(self, points: torch.Tensor) -> torch.Tensor:
        """Points `(..., d)` in these units."""
        return ((points - self.centre.to(points)) / self.scale).to(points)

    def outside(self, points: torch.Tensor) -> torch.Tensor:
        """Points `(..., d)` in the units of the data."""
        return points * self.scale + self.centre.to(points)


def prepared(clouds: Sequence[PointCloud], ports: Sequence[str]) -> list[Cloud]:
    """Clouds of one dimension, precision and device: those of the first.

    `DataError` where dimensions differ, points or weights are NaN or infinite, a weight is negative, or none positive.
    """
    first = clouds[0]
    for cloud, port in zip(clouds, ports, strict=True):
        if cloud.dim != first.dim:
            raise DataError(
                f"the clouds have dimensions {', '.join(str(one.dim) for one in clouds)}",
                hint="give points of the same space, such as colours of images with as many channels",
                port=port,
            )
    dtype = torch.float32
    for cloud in clouds:
        dtype = torch.promote_types(dtype, cloud.points.dtype)
    return [_checked(c, dtype, first.points.device, port) for c, port in zip(clouds, ports, strict=True)]


def _checked(cloud: PointCloud, dtype: torch.dtype, device: torch.device, port: str) -> Cloud:
    points = cloud.points.to(device, dtype)
    weights = None if cloud.weights is None else cloud.weights.to(device, torch.float64)
    if weights is not None:
        if not bool(torch.isfinite(weights).all()) or bool((weights < 0).any()):
            raise DataError("weights are finite and not negative, got others", port=port)
        largest = weights.max()
        if not bool(largest > 0):
            raise DataError("all weights are zero: there is no mass to transport", port=port)
        if not bool(torch.isfinite(points).all()):
            raise DataError("points are finite, got NaN or infinity", port=port)
        weights = weights / largest
        held = weights > 0
        if not bool(held.all()):
            points, weights = points[held], weights[held]
        weights = None if bool((weights == weights[0]).all()) else weights / weights.sum()
    low, high = _box(points)
    if not bool(torch.isfinite(low).all() and torch.isfinite(high).all()):
        raise DataError("points are finite, got NaN or infinity", port=port)
    return Cloud(points, weights, low, high)


def _box(points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The corners of the box around points; NaN where one is NaN."""
    if points.stride(0) != 1:
        low, high = torch.aminmax(points, dim=0)
        return low, high
    # the planes of an image, one after the other: ten times faster on millions of points
    corners = [torch.aminmax(column) for column in points.T]
    return torch.stack([corner[0] for corner in corners]), torch.stack([corner[1] for corner in corners])


def thinned(cloud: Cloud, limit: int, rng: torch.Generator) -> Cloud:
    """At most `limit` points of equal mass, by stratified sampling. Smaller clouds stay as they are.

    The mass is cut in equal parts, in the order of the points, and one drawn from each, so that a photograph is sampled
    all over; several times too many are drawn in this way, and of these every so-manieth is taken along a curve through
    the space, so that all regions of it are sampled by their mass.
    """
    if cloud.count <= limit:
        return cloud
    curved = cloud.points.shape[1] <= _CURVED
    points, many = cloud.points, limit * _CROWD if curved else limit
    if cloud.weights is not None or many < cloud.count:
        parts = torch.arange(many, dtype=torch.float64) + torch.rand(many, generator=rng, dtype=torch.float64)
        levels = (parts / many).to(points.device)
        if cloud.weights is None:
            index = (levels * cloud.count).long()
        else:
            index = torch.searchsorted(cloud.weights.cumsum(0), levels)
        points = points[index.clamp_(max=cloud.count - 1)]
    if curved:
        start = torch.rand(1, generator=rng, dtype=torch.float64)
        every = ((torch.arange(limit, dtype=torch.float64) + start) * (len(points) / limit)).long()
        points = points[_along_curve(points)[every.clamp_(max=len(points) - 1).to(points.device)]]
    return replace(cloud, points=points, weights=None)


def _along_curve(points: torch.Tensor) -> torch.Tensor:
    """The order `(n,)` of points on a Z-curve: by the bits of their coordinates in turns."""
    dim = points.shape[1]
    bits = _BITS // dim
    low, high = points.amin(0), points.amax(0)
    width = torch.where(high > low, high - low, torch.ones_like(high))
    cells = ((points - low) / width * (1 << bits)).long().clamp_(max=(1 << bits) - 1)
    numbers = torch.arange(1 << bits, device=points.device)
    # each number with its bits so far apart that those of the other coordinates fit between them
    spread = sum((((numbers >> bit) & 1) << (bit * dim) for bit in range(bits)), torch.zeros_like(numbers))
    key = sum((spread[cells[:, axis]] << axis for axis in range(dim)), torch.zeros_like(cells[:, 0]))
    return grouped(key, 1 << _BITS)


def distinct(cloud: Cloud) -> tuple[Cloud, torch.Tensor | None]:
    """The cloud with points that coincide joined, and for each old point `(n,)` the number of its new one.

    None in place of the numbers where no points coincide: the cloud is then the same.
    """
    points = cloud.points
    # Equal points have equal keys. Two others that share a key could keep a pair apart, so the factors are in no simple
    # relation: points on a lattice, as colours are, would share many keys otherwise.
    factors = torch.rand(points.shape[1], generator=torch.Generator().manual_seed(1), dtype=torch.float64).tolist()
    key = torch.zeros(len(points), dtype=torch.float64, device=points.device)
    for k, factor in enumerate(factors):
        key += points[:, k].double() * (0.5 + factor)
    order = argsorted(key)
    ranked = points[order]
    new = torch.ones(len(points), dtype=torch.bool, device=points.device)
    new[1:] = (ranked[1:] != ranked[:-1]).any(1)
    if bool(new.all()):
        return cloud, None
    group = new.cumsum(0) - 1
    number = torch.empty_like(group)
    number[order] = group
    total = cloud.mass[order].cumsum(0)
    last = torch.cat([new[1:], new[:1]]).nonzero()[:, 0]  # the first is new always, and closes the last group
    weights = total[last].diff(prepend=total.new_zeros(1))
    weights = torch.maximum(weights, cloud.mass[order][last])  # a mass too small for the sum to notice
    return replace(cloud, points=ranked[new], weights=weights / weights.sum()), number


def binned(cloud: Cloud, bits: int) -> Cloud:
    """The histogram of the cloud with `2^bits` bins on each side of its box, as a point at the mean of each bin in use.

    `DataError` where there would be more than 2^30 bins.
    """
    dim = cloud.points.shape[1]
    if bits * dim > 30:
        raise DataError(
            f"a histogram of {bits} bits in {dim} dimensions has too many bins",
            hint="lower `histogram`, or leave it out: points that coincide are joined anyway",
        )
    side = 1 << bits
    extent = (cloud.high - cloud.low).double()
    extent = torch.where(extent > 0, extent, torch.ones_like(extent))
    code = torch.zeros(cloud.count, dtype=torch.int64, device=cloud.points.device)
    for k in range(dim):
        place = (cloud.points[:, k].double() - cloud.low[k]) * (side / extent[k])
        code = code * side + place.long().clamp_(0, side - 1)
    order = argsorted(code)
    ranked, mass = code[order], cloud.mass[order]
    _, counts = torch.unique_consecutive(ranked, return_counts=True)
    ends = counts.cumsum(0)
    # sums by differences of running sums come out the same on every device, in whatever order others would add
    weights = _between(mass, ends)
    weights = torch.maximum(weights, mass[ends - 1])
    sums = torch.stack([_between(mass * cloud.points[order, k].double(), ends) for k in range(dim)], 1)
    points = torch.minimum(torch.maximum((sums / weights[:, None]).to(cloud.points), cloud.low), cloud.high)
    return replace(cloud, points=points, weights=weights / weights.sum())


def _between(values: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
    """Sums of the stretches of a vector that end before the given places."""
    total = values.cumsum(0)[ends - 1]
    return total.diff(prepend=total.new_zeros(1))
