"""Couplings: transports that say how much mass goes from where to where. Their mean is a map, the barycentric one."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import torch

from otframe.errors import DataError
from otframe.values.maps import PointMap
from otframe.values.measures import PointCloud
from otframe.values.transports import Transport

__all__ = ["Coupling", "Plan"]


@dataclass(frozen=True, eq=False)
class Coupling(Transport, abc.ABC):
    """Base of transports that are a plan. Functions of the source or of the target have the shape of its mass."""

    @abc.abstractmethod
    def apply(self, values: torch.Tensor) -> torch.Tensor:
        """`sum_y plan(x, y) values(y)` for every x: leading axes of `values` are carried along."""

    @abc.abstractmethod
    def apply_transposed(self, values: torch.Tensor) -> torch.Tensor:
        """`sum_x plan(x, y) values(x)` for every y: leading axes of `values` are carried along."""

    @abc.abstractmethod
    def marginals(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The mass that leaves each x and that arrives at each y."""

    @abc.abstractmethod
    def barycentric(self) -> torch.Tensor:
        """The mean place where the mass of each x goes, one more axis of size d; x itself where it has no mass."""

    @abc.abstractmethod
    def as_map(self) -> PointMap:
        """The barycentric map of the source's points; elsewhere as at the nearest of them."""

    def __call__(self, points: torch.Tensor) -> torch.Tensor:
        """Move points, shape `(n, d)`, by the barycentric map."""
        return self.displace(points, 1.0)

    def displace(self, points: torch.Tensor, t: float) -> torch.Tensor:
        """The points at time t of the barycentric map's displacement: `x + t (T(x) - x)`."""
        return self.as_map().displace(points, t)


@dataclass(frozen=True, eq=False)
class Plan(Coupling):
    """A plan between points of one space, by its entries that are not zero.

    Parameters
    ----------
    rows, cols : torch.Tensor
        Shape `(k,)`, int64: the source and the target point of each entry.
    mass : torch.Tensor
        Shape `(k,)`, float64.
    source, target : PointCloud
        The points, n and m of them.
    dual : float, optional
        The value of a feasible dual pair: no plan costs less. None where there is none.
    f, g : torch.Tensor, optional
        That pair, shapes `(n,)` and `(m,)`.
    """

    rows: torch.Tensor
    cols: torch.Tensor
    mass: torch.Tensor
    source: PointCloud
    target: PointCloud
    dual: float | None = None
    f: torch.Tensor | None = None
    g: torch.Tensor | None = None

    def __post_init__(self) -> None:
        shapes = {tuple(part.shape) for part in (self.rows, self.cols, self.mass)}
        if len(shapes) != 1 or self.mass.ndim != 1:
            raise DataError(f"rows, columns and mass of a plan have one shape (k,), got {sorted(shapes)}")
        if self.source.dim != self.target.dim:
            raise DataError(
                f"a plan is between points of one space, got dimensions {self.source.dim}, {self.target.dim}"
            )
        for name, index, count in (("row", self.rows, self.source.count), ("column", self.cols, self.target.count)):
            if index.dtype != torch.int64 or (len(index) and not 0 <= int(index.min()) <= int(index.max()) < count):
                raise DataError(f"each {name} of a plan is a point's number, int64 from 0 to {count - 1}")
        for name, part, count in (("f", self.f, self.source.count), ("g", self.g, self.target.count)):
            if part is not None and part.shape != (count,):
                raise DataError(f"the dual function {name} of a plan has shape ({count},), got {tuple(part.shape)}")

    @property
    def gap(self) -> float | None:
        """How much more it costs than the dual value, which nothing goes under; None where there is none."""
        return None if self.dual is None else self.cost - self.dual

    def matrix(self) -> torch.Tensor:
        """The plan as a sparse `(n, m)` tensor."""
        index = torch.stack([self.rows, self.cols])
        size = (self.source.count, self.target.count)
        return torch.sparse_coo_tensor(index, self.mass, size, check_invariants=True).coalesce()

    def apply(self, values: torch.Tensor) -> torch.Tensor:
        """`sum_y plan(x, y) values(y)`, `(..., m) -> (..., n)`."""
        self._fitting(values, self.target)
        return _gathered(values, self.cols, self.rows, self.mass, self.source.count)

    def apply_transposed(self, values: torch.Tensor) -> torch.Tensor:
        """`sum_x plan(x, y) values(x)`, `(..., n) -> (..., m)`."""
        self._fitting(values, self.source)
        return _gathered(values, self.rows, self.cols, self.mass, self.target.count)

    @staticmethod
    def _fitting(values: torch.Tensor, cloud: PointCloud) -> None:
        if values.shape[-1:] != (cloud.count,):
            raise DataError(
                f"a function of {cloud.count} points has shape (..., {cloud.count}), got {tuple(values.shape)}"
            )

    def marginals(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The mass of each source and target point."""
        ones = torch.ones(1, dtype=self.mass.dtype, device=self.mass.device)
        return self.apply(ones.expand(self.target.count)), self.apply_transposed(ones.expand(self.source.count))

    def barycentric(self) -> torch.Tensor:
        """The mean place where the mass of each source point goes, shape `(n, d)`."""
        left, _ = self.marginals()
        moved = self.apply(self.target.points.to(self.mass).T)
        safe = torch.where(left > 0, left, torch.ones_like(left))
        return torch.where(left > 0, moved / safe, self.source.points.to(self.mass).T).T

    def as_map(self) -> PointMap:
        """The barycentric map of the source points; elsewhere as at the nearest of them."""
        return PointMap(self.cost, self.info, self.source.points, self.barycentric().to(self.source.points))


def _gathered(
    values: torch.Tensor, of: torch.Tensor, into: torch.Tensor, mass: torch.Tensor, count: int
) -> torch.Tensor:
    made = torch.zeros((*values.shape[:-1], count), dtype=mass.dtype, device=mass.device)
    return made.index_add_(-1, into, values.to(mass)[..., of] * mass)
