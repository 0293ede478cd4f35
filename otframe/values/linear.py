"""Linear maps between finite spaces: dense, sparse, or a product of two thin matrices."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import torch

from otframe.errors import DataError
from otframe.values.base import Value

__all__ = ["DenseMap", "LinearMap", "LowRankMap", "SparseMap"]


@dataclass(frozen=True, eq=False, repr=False)
class LinearMap(Value, abc.ABC):
    """A matrix `A (m, n)`, held in whatever form it came in. Called on rows `(k, n)` it gives `rows A'`, `(k, m)`."""

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, int]:
        """`(m, n)`: of the space that it leads to, and of that which it comes from."""

    @abc.abstractmethod
    def rows(self, start: int, stop: int) -> torch.Tensor:
        """Its rows from `start` to `stop`, written out, shape `(stop - start, n)`."""

    @abc.abstractmethod
    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """The image `(k, m)` of vectors `(k, n)`, in their type; `DataError` where they have another length."""

    @property
    @abc.abstractmethod
    def entries(self) -> int:
        """How many numbers it is made of."""

    def dense(self) -> torch.Tensor:
        """The matrix written out, `(m, n)`."""
        return self.rows(0, self.shape[0])

    def _fitting(self, rows: torch.Tensor) -> None:
        if rows.ndim != 2 or rows.shape[1] != self.shape[1] or not rows.is_floating_point():
            raise DataError(
                f"the map takes floating point rows (k, {self.shape[1]}), got {rows.dtype} {tuple(rows.shape)}"
            )


@dataclass(frozen=True, eq=False, repr=False)
class DenseMap(LinearMap):
    """A linear map that is a matrix.

    Parameters
    ----------
    matrix : torch.Tensor
        `(m, n)`, floating point, finite.
    """

    matrix: torch.Tensor

    def __post_init__(self) -> None:
        _matrix("a dense map's matrix", self.matrix)

    def __repr__(self) -> str:
        return f"DenseMap({self.shape[0]} x {self.shape[1]})"

    @property
    def shape(self) -> tuple[int, int]:
        """`(m, n)`."""
        return self.matrix.shape[0], self.matrix.shape[1]

    @property
    def entries(self) -> int:
        """m times n."""
        return self.matrix.numel()

    def rows(self, start: int, stop: int) -> torch.Tensor:
        """Rows of the matrix."""
        return self.matrix[start:stop]

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """`rows A'`."""
        self._fitting(rows)
        return rows @ self.matrix.to(rows).T


@dataclass(frozen=True, eq=False, repr=False)
class LowRankMap(LinearMap):
    """A linear map `left right`, that is never written out.

    Parameters
    ----------
    left : torch.Tensor
        `(m, r)`, floating point, finite.
    right : torch.Tensor
        `(r, n)`, likewise.
    """

    left: torch.Tensor
    right: torch.Tensor

    def __post_init__(self) -> None:
        _matrix("a low-rank map's left factor", self.left)
        _matrix("a low-rank map's right factor", self.right)
        if self.left.shape[1] != self.right.shape[0]:
            raise DataError(f"factors (m, r) and (r, n), got {tuple(self.left.shape)} and {tuple(self.right.shape)}")

    def __repr__(self) -> str:
        return f"LowRankMap({self.shape[0]} x {self.shape[1]}, rank {self.left.shape[1]})"

    @property
    def shape(self) -> tuple[int, int]:
        """`(m, n)`."""
        return self.left.shape[0], self.right.shape[1]

    @property
    def entries(self) -> int:
        """r times (m + n)."""
        return self.left.numel() + self.right.numel()

    def rows(self, start: int, stop: int) -> torch.Tensor:
        """Rows of the product."""
        return self.left[start:stop] @ self.right

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """`(rows right') left'`."""
        self._fitting(rows)
        return (rows @ self.right.to(rows).T) @ self.left.to(rows).T


@dataclass(frozen=True, eq=False, repr=False)
class SparseMap(LinearMap):
    """A linear map with few entries a row, in compressed rows.

    Parameters
    ----------
    starts : torch.Tensor
        `(m + 1,)`, int64: row i has the entries `starts[i]` to `starts[i + 1]`. A row may have none.
    columns : torch.Tensor
        `(nnz,)`, int64, in [0, n).
    weights : torch.Tensor
        `(nnz,)`, floating point, finite.
    width : int
        n.
    """

    starts: torch.Tensor
    columns: torch.Tensor
    weights: torch.Tensor
    width: int

    def __post_init__(self) -> None:
        if any(part.ndim != 1 for part in (self.starts, self.columns, self.weights)) or len(self.starts) < 2:
            raise DataError("a sparse map has starts (m + 1,), columns (nnz,) and weights (nnz,), m at least 1")
        if {self.starts.dtype, self.columns.dtype} != {torch.int64} or not self.weights.is_floating_point():
            raise DataError("a sparse map has starts and columns of int64, and floating point weights")
        if len(self.columns) != len(self.weights):
            raise DataError(f"a sparse map has {len(self.columns)} columns and {len(self.weights)} weights")
        steps = self.starts.diff()
        if int(self.starts[0]) != 0 or int(self.starts[-1]) != len(self.columns) or bool((steps < 0).any()):
            raise DataError("a sparse map's starts rise from 0 to the number of its entries")
        if len(self.columns) and not 0 <= int(self.columns.min()) <= int(self.columns.max()) < self.width:
            raise DataError(f"a sparse map's columns lie in [0, {self.width})")
        if not bool(torch.isfinite(self.weights).all()):
            raise DataError("a sparse map's weights must be finite, got NaN or infinity")

    def __repr__(self) -> str:
        return f"SparseMap({self.shape[0]} x {self.shape[1]}, {self.entries} entries)"

    @classmethod
    def of_slots(cls, columns: torch.Tensor, weights: torch.Tensor, width: int) -> SparseMap:
        """A map of up to k entries a row, `columns` and `weights (m, k)`; weights of 0 are left out."""
        held = weights != 0
        starts = torch.nn.functional.pad(held.sum(1).cumsum(0), (1, 0))
        return cls(starts, columns[held], weights[held], width)

    @property
    def shape(self) -> tuple[int, int]:
        """`(m, n)`."""
        return len(self.starts) - 1, self.width

    @property
    def entries(self) -> int:
        """Number of entries that are held."""
        return self.weights.numel()

    @property
    def numbers(self) -> torch.Tensor:
        """The row of each entry, `(nnz,)`."""
        steps = self.starts.diff()
        return torch.arange(len(steps), device=steps.device).repeat_interleave(steps)

    def rows(self, start: int, stop: int) -> torch.Tensor:
        """Rows written out."""
        count = len(self.starts) - 1
        start, stop = min(max(start, 0), count), min(max(stop, start, 0), count)
        first, last = int(self.starts[start]), int(self.starts[stop])
        made = self.weights.new_zeros(stop - start, self.width)
        at = self.numbers[first:last] - start
        return made.index_put_((at, self.columns[first:last]), self.weights[first:last], accumulate=True)

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """`rows A'`, by sums over the entries of each row."""
        self._fitting(rows)
        taken = torch.nn.functional.embedding_bag(
            self.columns.to(rows.device),
            rows.T.contiguous(),
            self.starts[:-1].to(rows.device),
            mode="sum",
            per_sample_weights=self.weights.to(rows),
        )
        return taken.T.contiguous()


def _matrix(what: str, matrix: torch.Tensor) -> None:
    if matrix.ndim != 2 or not matrix.is_floating_point() or min(matrix.shape) == 0:
        raise DataError(f"{what} is floating point (m, n), got {matrix.dtype} {tuple(matrix.shape)}")
    if not bool(torch.isfinite(matrix).all()):
        raise DataError(f"{what} must be finite, got NaN or infinity")
