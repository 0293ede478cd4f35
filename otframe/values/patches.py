"""`PatchSet`: all overlapping patches of a field, as a view. Statistics and affine maps never make the patches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

import torch

from otframe.errors import DataError
from otframe.numerics.affine_fold import AffineFold, working_dtype
from otframe.numerics.moments import Moments, moments_of_points
from otframe.numerics.noise_fold import NoiseFold, white_field
from otframe.numerics.patch_moments import moments
from otframe.numerics.unfold import check_patches, fold_rows, unfold_rows
from otframe.values.base import Field, Value
from otframe.values.transports import AffineMap, Transport

__all__ = ["PatchSet"]

F_co = TypeVar("F_co", bound=Field, covariant=True)
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class PatchSet(Value, Generic[F_co]):
    """All valid overlapping patches of a field at stride 1.

    Parameters
    ----------
    field : Field
        What the patches are taken of; its grid is `(C, H, W)`.
    size : int
        Side p of a patch, 1 or more, odd or even, at most the field's sides.
    map : AffineMap, optional
        A map of the patches that is pending: done when they are folded, one convolution, or asked for.
    seed : int
        Seed of the pending map's noise, where it has some. `rows` and `fold` use the same white field.
    moved : torch.Tensor, optional
        Shape `(n, C p^2)`: the patches themselves, where a map that is not affine has moved them.
    """

    field: F_co
    size: int
    map: AffineMap | None = None
    seed: int = 0
    moved: torch.Tensor | None = None

    def __post_init__(self) -> None:
        grid = self.field.grid
        check_patches(grid.shape, self.size)
        if not torch.isfinite(grid.sum(dtype=torch.float64)):
            raise DataError("patches are taken of finite samples, got NaN or infinity")
        if self.map is not None and self.map.A.shape[0] != self.dim:
            raise DataError(
                f"the patches have dimension {self.dim}, the map {self.map.A.shape[0]}",
                hint="fit the map on patches of the same size and channels",
            )
        if self.moved is not None and tuple(self.moved.shape) != (self.count, self.dim):
            raise DataError(f"moved patches have shape {(self.count, self.dim)}, got {tuple(self.moved.shape)}")

    @property
    def dim(self) -> int:
        """Dimension C p^2 of a patch."""
        return self.field.grid.shape[0] * self.size**2

    @property
    def count(self) -> int:
        """Number n of patches, (H - p + 1)(W - p + 1)."""
        _, height, width = self.field.grid.shape
        return (height - self.size + 1) * (width - self.size + 1)

    def rows(self) -> torch.Tensor:
        """The patches, maps and noise applied: `(n, C p^2)`, ordered as `torch.nn.functional.unfold` does."""
        grid = self.field.grid
        rows = unfold_rows(grid.to(working_dtype(grid)), self.size) if self.moved is None else self.moved
        if self.map is None:
            return rows
        rows = self.map(rows)
        return (
            rows
            if self.map.noise_cov is None
            else rows + self._noise(self.map, self.map.noise_cov).rows(self._white()).to(rows)
        )

    def transported(self, map: Transport, seed: int = 0, *, t: float = 1.0) -> PatchSet[F_co]:
        """The patches moved by a map, to time t of the geodesic; `seed` draws the noise of a stochastic one.

        An affine map stays pending and is composed with one that is pending already:
        `A2 (A1 x + b1 + w1) + b2 + w2`, with noise of covariance `A2 N1 A2' + N2`. Any other map that can be called
        on points moves the patches themselves.
        """
        if isinstance(map, AffineMap):
            if map.A.shape[0] != self.dim:
                raise DataError(
                    f"the patches have dimension {self.dim}, the map {map.A.shape[0]}",
                    hint="fit the map on patches of the same size and channels",
                )
            whole = map
            map = _prepared(whole, ("at", t), lambda: whole.at(t)) if t != 1 else whole
            if self.map is None:
                return replace(self, map=map, seed=seed)
            return replace(self, map=map.after(self.map), seed=seed if map.noise_cov is not None else self.seed)
        if not callable(map):
            raise DataError(
                f"a {type(map).__name__} cannot move patches: it is not a map",
                hint="use a solver that gives a map, or take the plan's barycentric map",
            )
        rows = self.rows()
        return replace(self, map=None, seed=0, moved=map(rows) if t == 1 else torch.lerp(rows, map(rows), t))

    def fold(self) -> F_co:
        """The field in which each sample is the mean over the patches that cover it.

        With an affine map pending this is one convolution; the noise of a stochastic map keeps its variance.
        """
        grid = self.field.grid
        if self.moved is not None:
            mean = self.moved if self.map is None else self.map(self.moved)
            folded = fold_rows(mean.to(working_dtype(grid)), self._shape, self.size)
        elif self.map is not None:
            found, dtype, device = self.map, working_dtype(grid), grid.device
            ready = _prepared(
                found,
                ("map", self.size, dtype, device),
                lambda: AffineFold(found.A, found.b, self.size, dtype, device),
            )
            folded = ready(grid)
        else:
            return self.field
        if self.map is not None and self.map.noise_cov is not None:
            folded = folded + self._noise(self.map, self.map.noise_cov).field(self._white()).to(folded)
        return self.field.with_grid(folded.to(grid))

    def moments(self) -> Moments:
        """Moments of the patches, float64; a pending map moves the moments, its noise counts at its covariance."""
        found = moments(self.field.grid, self.size) if self.moved is None else moments_of_points(self.moved)
        return found if self.map is None else found.affine(self.map.A, self.map.b, self.map.noise_cov)

    @property
    def _shape(self) -> tuple[int, int, int]:
        channels, height, width = self.field.grid.shape
        return channels, height, width

    def _white(self) -> torch.Tensor:
        return white_field(self._shape, self.size, self.seed)

    def _noise(self, map: AffineMap, cov: torch.Tensor) -> NoiseFold:
        dtype, device = working_dtype(self.field.grid), self.field.grid.device
        return _prepared(map, ("noise", self.size, dtype, device), lambda: NoiseFold(cov, self.size, dtype, device))


# What a map was made ready into, for as long as the map lives: an operator is applied to many images, and summing its
# kernels costs as much as applying them to a small one.
_ready: WeakKeyDictionary[AffineMap, dict[Hashable, Any]] = WeakKeyDictionary()
_lock = threading.Lock()


def _prepared(map: AffineMap, key: Hashable, make: Callable[[], T]) -> T:
    with _lock:
        made = _ready.setdefault(map, {})
    if key not in made:
        made[key] = make()
    found: T = made[key]
    return found
