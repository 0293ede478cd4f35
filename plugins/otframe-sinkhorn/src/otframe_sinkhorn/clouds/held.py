r"""`HeldKernel`: soft minima between few points, with the costs of all pairs held.

What is summed is the absorbed kernel `exp(p(x) + q(y) - c(x, y) / eps)`, whose rows and columns have sums near 1: a
soft minimum of v is then one product of a matrix and a vector,

.. math:: \log \sum_y e^{v(y) - c(x, y) / \varepsilon} = -p(x) + \log \sum_y K(x, y)\, e^{v(y) - q(y)},

several times cheaper than an exponential for each pair. Where v has gone so far from q that a sum gets out of the range
that float64 holds, p and q are made anew from v, in the logarithmic domain [schmitzer2019stabilized]_.
"""

from __future__ import annotations

import torch

__all__ = ["HeldKernel"]

_FLOOR = -345.0
"""Exponents in the matrix under this are raised to it, so that no product is a slow denormal number."""
_LOWEST = -300.0
"""The same for exponents of the vector, below its largest."""
_LEAST = 1e-100
"""A sum above this is exact: what was raised adds less than 1e-130 times the points to it."""
_PIECE = 1 << 18
"""Pairs that exponentials are taken of at once: they stay in the cache."""


class HeldKernel:
    """`log sum_y exp(v(y) - c(x, y) / eps)` and its transpose.

    Parameters
    ----------
    costs : torch.Tensor
        Shape `(n, m)`, float64: all costs, in units of eps.
    """

    def __init__(self, costs: torch.Tensor) -> None:
        self.costs = costs
        self._kernel = costs.new_empty(0, 0)
        self._rows, self._cols = costs.new_empty(0), costs.new_empty(0)

    def to_source(self, v: torch.Tensor) -> torch.Tensor:
        """The soft minimum over y, `(m,)` to `(n,)`."""
        return self._soft(v, across=False)

    def to_target(self, v: torch.Tensor) -> torch.Tensor:
        """The soft minimum over x, `(n,)` to `(m,)`."""
        return self._soft(v, across=True)

    def means(self, v: torch.Tensor, values: torch.Tensor, across: bool) -> torch.Tensor:
        """Means of `values` `(m, k)` over y with weights `exp(v(y) - c(x, y) / eps)`, shape `(n, k)`; x and y change
        places where it goes `across`."""
        pieces = self._pieces(v, across)
        return torch.cat([torch.softmax(v - costs, 1) @ values for costs in pieces])

    def mean_costs(self, v: torch.Tensor, across: bool) -> torch.Tensor:
        """Means of the cost in units of eps over y with weights `exp(v(y) - c(x, y) / eps)`, shape `(n,)`."""
        pieces = self._pieces(v, across)
        return torch.cat([(torch.softmax(v - costs, 1) * costs).sum(1) for costs in pieces])

    def _soft(self, v: torch.Tensor, across: bool) -> torch.Tensor:
        if len(self._kernel):
            near, far = (self._cols, self._rows) if across else (self._rows, self._cols)
            weights = v - far
            top = weights.amax()
            weights.sub_(top).clamp_(min=_LOWEST).exp_()
            sums = torch.mv(self._kernel.T if across else self._kernel, weights)
            if bool(sums.amin() > _LEAST):
                return sums.log_().add_(top).sub_(near)
        return self._absorbed(v, across)

    def _absorbed(self, v: torch.Tensor, across: bool) -> torch.Tensor:
        """The same in the logarithmic domain; the kernel is made anew from what it gives."""
        made = self._slow(v, across)
        back = self._slow(-made, not across)
        self._rows, self._cols = (-back, -made) if across else (-made, -back)
        if self._kernel.shape != self.costs.shape:
            self._kernel = torch.empty_like(self.costs)
        step = max(1, _PIECE // self.costs.shape[1])
        for low in range(0, len(self.costs), step):
            piece = self._kernel[low : low + step]
            torch.sub(self._cols, self.costs[low : low + step], out=piece)
            piece.add_(self._rows[low : low + step, None]).clamp_(min=_FLOOR).exp_()
        return made

    def _slow(self, v: torch.Tensor, across: bool) -> torch.Tensor:
        return torch.cat([torch.logsumexp(v - costs, 1) for costs in self._pieces(v, across)])

    def _pieces(self, v: torch.Tensor, across: bool) -> tuple[torch.Tensor, ...]:
        costs = self.costs.T if across else self.costs
        return torch.split(costs, max(1, _PIECE // len(v)))
