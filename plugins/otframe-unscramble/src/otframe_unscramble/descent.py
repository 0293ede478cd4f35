"""One step on an operator whose columns lie on the simplex: mirror descent, or as published.

The operator is held transposed, `T = A'` of shape `(inputs, outputs)`: each row says where the mass of one scrambled
pixel goes, and is updated where it lies. Gradients are formed for some rows at a time.
"""

from __future__ import annotations

import abc

import torch

from otframe.errors import ConvergenceError

__all__ = ["Descent", "Mirror", "Published", "shares"]

_BLOCK = 2**22
"""Entries of the operator that are updated at once."""
_LARGE = 80.0
"""Exponents of one update are not followed beyond this."""


def shares(samples: torch.Tensor, floor: float) -> torch.Tensor:
    """Samples `(n, D)` of sum 1 with `floor / D` added, brought to sum 1 again; one without mass is even.

    What is negative counts as 0. `floor` is positive.
    """
    samples = samples.clamp(min=0)
    samples = samples / samples.amax(1, keepdim=True).clamp(min=torch.finfo(samples.dtype).tiny)
    total = samples.sum(1, keepdim=True)
    shared = torch.where(total > 0, samples / total.clamp(min=1), 0.0).add_(floor / samples.shape[1])
    return shared.div_(shared.sum(1, keepdim=True))


class Descent(abc.ABC):
    """Steps on one operator, which is changed in place.

    Parameters
    ----------
    operator : torch.Tensor
        `T (n, m)`, rows of sum 1.
    """

    def __init__(self, operator: torch.Tensor) -> None:
        self.operator = operator

    def step(self, rate: float, slopes: torch.Tensor, scrambled: torch.Tensor) -> float:
        """A step from the slopes `(k, m)` of k losses in what was made of samples `(k, n)`; the part that moved."""
        moved, size = 0.0, max(1, _BLOCK // self.operator.shape[1])
        for start in range(0, len(self.operator), size):
            at = slice(start, start + size)
            new = self._moved(at, rate, slopes, scrambled[:, at])
            moved += float((new - self.operator[at]).abs().sum(dtype=torch.float64))
            self.operator[at] = new
        return moved / 2 / len(self.operator)

    @abc.abstractmethod
    def _moved(self, at: slice, rate: float, slopes: torch.Tensor, scrambled: torch.Tensor) -> torch.Tensor:
        """Some rows after the step; `scrambled` are the samples' pixels of these rows."""


class Mirror(Descent):
    r"""Mirror descent with momentum: entries are multiplied, so that no column of A can die.

    The gradient of a column is divided by the mean mass of its pixel: it is then a mean of potentials, and dark pixels
    learn as bright ones do. It is measured in the spread of the potentials of the batch, so that a rate has no unit.
    The penalty is the derivative of `A / (1 + A / delta)`, `1 / (1 + A / delta)^2`, with `delta` of one over the pixels
    of a picture: what is far under the entries of an even column is pushed further down, and the rest is left alone.

    Parameters
    ----------
    operator
        As for `Descent`.
    penalty, momentum : float
        The weight of the penalty; the part of the last step that goes on.
    """

    def __init__(self, operator: torch.Tensor, penalty: float, momentum: float) -> None:
        super().__init__(operator)
        self.penalty, self.momentum = penalty, momentum
        self.velocity = torch.zeros_like(operator) if momentum else None

    def _moved(self, at: slice, rate: float, slopes: torch.Tensor, scrambled: torch.Tensor) -> torch.Tensor:
        rows = self.operator[at]
        spread = max(float(slopes.square().mean().sqrt()), torch.finfo(torch.float32).tiny)
        moves = (scrambled / scrambled.sum(0)).T @ (slopes / spread)
        if self.penalty:
            moves.add_((1 + rows * rows.shape[1]).pow_(-2), alpha=self.penalty)
        if self.velocity is not None:
            moves = self.velocity[at].mul_(self.momentum).add_(moves)
        moves = moves * -rate
        moves.sub_(moves.amax(1, keepdim=True)).clamp_(min=-_LARGE)
        made = moves.exp_().mul_(rows.clamp(min=torch.finfo(rows.dtype).tiny))
        return made.div_(made.sum(1, keepdim=True))


class Published(Descent):
    """The step of [bolle2022robust]_: along the gradient and the sign of each entry, cut at 0, columns of A of sum 1.

    Parameters
    ----------
    operator
        As for `Descent`.
    penalty : float
        The weight of the signs.
    """

    def __init__(self, operator: torch.Tensor, penalty: float) -> None:
        super().__init__(operator)
        self.penalty = penalty

    def _moved(self, at: slice, rate: float, slopes: torch.Tensor, scrambled: torch.Tensor) -> torch.Tensor:
        rows = self.operator[at]
        moves = scrambled.T @ slopes / len(slopes)
        moves.add_(rows.sign(), alpha=self.penalty)
        made = rows.sub(moves, alpha=rate).clamp_(min=0)
        total = made.sum(1, keepdim=True)
        if dead := int((total <= 0).sum()):
            m = rows.shape[1]
            raise ConvergenceError(
                f"{dead} of {len(rows)} columns of the operator have lost all their entries: the penalty takes "
                f"{rate * self.penalty:.2g} from each entry in a step, and entries of {m} pixels begin at {1 / m:.2g}",
                hint="take `mode: mirror`, whose entries are multiplied and whose penalty is scaled with the pixels; "
                "or a `penalty` well below 1 / (step * pixels)",
            )
        return made.div_(total)
