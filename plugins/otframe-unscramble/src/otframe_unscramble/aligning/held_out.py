r"""Ridge regression whose predictions of each picture come from all the others, in closed form.

With more weights than samples a regression repeats its calibration pictures wherever they are displaced to, and nothing
could be registered against them. Predictions that leave a picture out have no such memory. With `K = Y Y' + l` the
errors of the channels B of a picture, left out together, are

.. math:: e_B = (K^{-1}_{BB})^{-1} (K^{-1} Z)_B = (I - H_{BB})^{-1} (Z - H Z)_B, \quad H = Y (Y'Y + l)^{-1} Y'

so that all of them cost no more than the fit [golub1979generalized]_.
"""

from __future__ import annotations

import torch

from otframe.errors import DataError
from otframe.values import DenseMap, LinearMap, LowRankMap

__all__ = ["HeldOut", "Regression"]


class Regression:
    """What ridge regressions from the same samples have in common.

    Parameters
    ----------
    y : torch.Tensor
        Scrambled samples as rows `(n, d)`, float32; `group` neighbours belong to one picture.
    group : int
        Channels of a picture.
    """

    def __init__(self, y: torch.Tensor, group: int) -> None:
        self.y, self.group = y, group
        self.dual = len(y) < y.shape[1]
        self.gram = _gram(y if self.dual else y.T)
        self.mean = float(self.gram.diagonal().sum()) / y.shape[1]
        self._last: tuple[float, HeldOut] | None = None
        if not self.mean > 0:
            raise DataError("the scrambled pictures are all black", hint="there is nothing to learn from")

    def at(self, ridge: float) -> HeldOut:
        """The regression with so much added to the eigenvalues of Y'Y, in units of their mean."""
        if self._last is None or self._last[0] != ridge:
            self._last = None
            self._last = ridge, HeldOut(self, ridge)
        return self._last[1]


class HeldOut:
    """One ridge regression; `Regression.at` makes it."""

    def __init__(self, regression: Regression, ridge: float) -> None:
        y, group = regression.y, regression.group
        self.y, self.group, self.dual = y, group, regression.dual
        self.lift = ridge * regression.mean
        lifted = regression.gram.clone()
        lifted.diagonal().add_(self.lift)
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(lifted)).to(y.dtype)
        if self.dual:
            self.weights = inverse
            blocks = _blocks(inverse, group)
        else:
            self.weights = (y @ inverse).T.contiguous()
            mine, theirs = self.weights.T.reshape(-1, group, y.shape[1]), y.reshape(-1, group, y.shape[1])
            blocks = torch.eye(group, dtype=y.dtype, device=y.device) - mine @ theirs.transpose(1, 2)
        self.blocks = torch.linalg.inv(blocks.double()).to(y.dtype)

    def predictions(self, z: torch.Tensor) -> torch.Tensor:
        """What all other pictures say about each sample of the targets `z (n, D)`."""
        return self.both(z)[0]

    def both(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What all other pictures say about each sample, and what all pictures say, `(n, D)` each."""
        wrong = self.weights @ z if self.dual else z - self.y @ (self.weights @ z)
        fitted = z - (self.lift * wrong if self.dual else wrong)
        return z - (self.blocks @ wrong.reshape(-1, self.group, z.shape[1])).reshape(z.shape), fitted

    def rows(self, z: torch.Tensor, start: int, stop: int) -> torch.Tensor:
        """Rows of the matrix A that the targets give, `(stop - start, d)`."""
        solved = self.weights @ z[:, start:stop]
        return solved.T @ self.y if self.dual else solved.T

    def map(self, z: torch.Tensor) -> LinearMap:
        """The matrix A, as a product where there are fewer samples than pixels."""
        solved = (self.weights @ z).T.contiguous()
        return LowRankMap(solved, self.y) if self.dual else DenseMap(solved)


def _gram(rows: torch.Tensor) -> torch.Tensor:
    """`rows rows'` in float64, summed from products of float32 over parts of the inner axis."""
    made = rows.new_zeros(len(rows), len(rows), dtype=torch.float64)
    for start in range(0, rows.shape[1], 1024):
        part = rows[:, start : start + 1024]
        made += part @ part.T
    return made


def _blocks(matrix: torch.Tensor, group: int) -> torch.Tensor:
    count = len(matrix) // group
    whole = matrix.reshape(count, group, count, group)
    return whole.diagonal(dim1=0, dim2=2).permute(2, 0, 1).contiguous()
