"""The second part of the alternation: few weights a row on fixed candidates, and displacements, in turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from otframe.values import SparseMap
from otframe_unscramble.aligning.held_out import HeldOut
from otframe_unscramble.aligning.motion import Motion
from otframe_unscramble.aligning.support import Constraint, grams, moments, of_columns, solved
from otframe_unscramble.aligning.trust import clip_of

__all__ = ["Sparse", "candidates", "contrast", "sparse_rounds"]

_TAU = 0.02
_BLOCK = 8_000_000


@dataclass
class Sparse:
    """Rows of up to k weights.

    Parameters
    ----------
    columns, weights : torch.Tensor
        `(D, k)`.
    rounds : int
    change : float
        The root mean square of the last change of predictions, as a part of their contrast.
    """

    columns: torch.Tensor
    weights: torch.Tensor
    rounds: int = 0
    change: float = 1.0

    def of(self, y: torch.Tensor) -> torch.Tensor:
        """Predictions `(m, D)` from rows `(m, d)`."""
        return of_columns(y.T.contiguous(), self.columns, self.weights).T

    def map(self, width: int) -> SparseMap:
        """As a value."""
        return SparseMap.of_slots(self.columns, self.weights, width)


def candidates(fit: HeldOut, z: torch.Tensor, slots: int) -> Sparse:
    """The largest weights of each row of the ridge regression."""
    columns, weights = [], []
    step = max(1, _BLOCK // fit.y.shape[1])
    for start in range(0, z.shape[1], step):
        value, index = fit.rows(z, start, min(z.shape[1], start + step)).topk(slots, 1)
        columns.append(index)
        weights.append(value.clamp(min=0))
    return Sparse(torch.cat(columns), torch.cat(weights))


def sparse_rounds(
    y: torch.Tensor,
    seen: torch.Tensor,
    z: torch.Tensor,
    motion: Motion,
    begun: Sparse,
    *,
    counted: torch.Tensor,
    constraint: Constraint,
    prune: float,
    robust: bool,
    moving: bool,
    tol: float,
    rounds: int,
    tell: Callable[[int, float], None],
) -> tuple[Sparse, torch.Tensor, float]:
    """Alternate regressions on the candidates and registrations until predictions stay; then prune and fit again.

    Parameters
    ----------
    y : torch.Tensor
        Scrambled samples `(m, d)`.
    seen : torch.Tensor
        Clear samples as they were seen, `(m, H, W)`.
    z : torch.Tensor
        Clear samples brought back to their places, `(m, D)`: to start from.
    motion : Motion
        Displacements, improved in place.
    counted : torch.Tensor
        `(m,)` of bool: samples that the origin of displacements is the mean of.
    moving : bool
        Whether there are displacements to be found.
    tell : callable
        Is told the round and the change.

    Returns
    -------
    (Sparse, torch.Tensor, float)
        The weights, the samples in their places `(m, D)`, and the mean squared error of predictions.
    """
    size = seen.shape[1:]
    pixels = y.T.contiguous()
    gram = grams(pixels, begun.columns)
    last, ahead, t = begun.weights, begun.weights, 1.0
    predicted, done, change = None, 0, 1.0
    for done in range(1, rounds + 1):
        now = solved(gram, moments(pixels, z.T, begun.columns), ahead.clamp(min=0), constraint)
        t, momentum = (1 + (1 + 4 * t * t) ** 0.5) / 2, (t - 1) / ((1 + (1 + 4 * t * t) ** 0.5) / 2)
        ahead, last = now + momentum * (now - last), now
        fresh = of_columns(pixels, begun.columns, ahead).T.reshape(-1, *size)
        if predicted is not None:
            change = float((fresh - predicted).square().mean().sqrt() / contrast(fresh))
        predicted = fresh
        clip = clip_of(seen - motion.applied(predicted)) if robust else None
        if moving:
            motion.improve(predicted, seen, clip=clip)
            motion.centre(counted)
        z = motion.undone(seen, predicted, _TAU, clip).reshape(len(seen), -1)
        tell(done, change)
        if change < tol:
            break
    made = _pruned(Sparse(begun.columns, last, done, change), prune)
    made = _refitted(made, gram, moments(pixels, z.T, begun.columns), constraint)
    predicted = of_columns(pixels, made.columns, made.weights).T.reshape(-1, *size)
    return made, z, float((seen - motion.applied(predicted)).square().mean())


def contrast(pictures: torch.Tensor) -> torch.Tensor:
    """The root mean square of pictures' deviations from their own means."""
    return (pictures - pictures.mean((1, 2), keepdim=True)).square().mean().sqrt().clamp(min=1e-12)


def _pruned(sparse: Sparse, share: float) -> Sparse:
    least = share * sparse.weights.sum(1, keepdim=True)
    kept = torch.where(sparse.weights >= least, sparse.weights, torch.zeros_like(sparse.weights))
    return Sparse(sparse.columns, kept, sparse.rounds, sparse.change)


def _refitted(sparse: Sparse, gram: torch.Tensor, b: torch.Tensor, constraint: Constraint) -> Sparse:
    """Weights on what was kept alone: what was not gets an equation of its own, whose solution is 0."""
    kept = (sparse.weights > 0).to(gram)
    held = gram * kept[:, :, None] * kept[:, None, :]
    own = gram.diagonal(dim1=1, dim2=2).mean(1, keepdim=True) * (1 - kept)
    weights = solved(held + torch.diag_embed(own), b * kept, sparse.weights, constraint) * kept
    if constraint == "simplex":
        weights = weights / weights.sum(1, keepdim=True).clamp(min=1e-12)
    return Sparse(sparse.columns, weights, sparse.rounds, sparse.change)
