"""The second part of the alternation: few weights a row on fixed candidates, and displacements, in turns."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from otframe.values import SparseMap
from otframe_unscramble.aligning.held_out import HeldOut
from otframe_unscramble.aligning.motion import Motion
from otframe_unscramble.aligning.origin import off_grid
from otframe_unscramble.aligning.state import State, changed
from otframe_unscramble.aligning.support import Constraint, grams, moments, of_columns, solved

__all__ = ["Sparse", "candidates", "sparse_rounds"]

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

    def map(self, width: int) -> SparseMap:
        """As a value."""
        return SparseMap.of_slots(self.columns, self.weights, width)


def candidates(fit: HeldOut, z: torch.Tensor, slots: int, *, signed: bool = False) -> Sparse:
    """The largest weights of each row of the ridge regression, or where they may be `signed` those of largest size."""
    columns, weights = [], []
    step = max(1, _BLOCK // fit.y.shape[1])
    for start in range(0, z.shape[1], step):
        rows = fit.rows(z, start, min(z.shape[1], start + step))
        index = (rows.abs() if signed else rows).topk(slots, 1)[1]
        columns.append(index)
        weights.append(rows.gather(1, index).clamp(min=0))
    return Sparse(torch.cat(columns), torch.cat(weights))


def sparse_rounds(state: State, motion: Motion, begun: Sparse) -> tuple[Sparse, torch.Tensor, torch.Tensor]:
    """Alternate regressions on the candidates and registrations until predictions stay; then prune and fit again.

    Parameters
    ----------
    state : State
        Samples to start from, and settings.
    motion : Motion
        Displacements, improved in place.
    begun : Sparse
        Candidates and first weights.

    Returns
    -------
    (Sparse, torch.Tensor, torch.Tensor)
        The weights, the samples in their places `(m, D)`, and the errors of predictions `(m, H, W)`.
    """
    settings, z = state.settings, state.z
    pixels = state.y.T.contiguous()
    gram = grams(pixels, begun.columns)
    last, ahead, t = begun.weights, begun.weights, 1.0
    predicted, clip, done, change = None, None, 0, 1.0
    for done in range(1, settings.rounds + 1):
        now = solved(gram, moments(pixels, z.T.contiguous(), begun.columns), ahead.clamp(min=0), settings.constraint)
        later = (1 + (1 + 4 * t * t) ** 0.5) / 2
        ahead, last, t = now + (t - 1) / later * (now - last), now, later
        fresh = state.shaped(of_columns(pixels, begun.columns, ahead).T)
        before, change = change, changed(fresh, predicted)
        # where changes grow again, the speed that was gained is given up
        t = 1.0 if change > before else t
        predicted = fresh
        if state.moving:
            motion.improve(predicted, state.seen, clip=clip)
            off = off_grid(begun.columns, now.clamp(min=0), state.size, state.y.shape[1])
            motion.centre(off)
        z, _, clip = state.cleared(predicted, motion)
        state.tell(0.35 + 0.6 * done / settings.rounds, f"round {done}: predictions change by {change:.2%}")
        if change < settings.tol:
            break
    made = _pruned(Sparse(begun.columns, last, done, change), settings.prune)
    made = _refitted(made, gram, moments(pixels, z.T.contiguous(), begun.columns), settings.constraint)
    predicted = state.shaped(of_columns(pixels, made.columns, made.weights).T)
    return made, z, motion.errors(predicted, state.seen)


def _pruned(sparse: Sparse, share: float) -> Sparse:
    size = sparse.weights.abs()
    # no row loses its largest weight, or its pixel would be black
    least = torch.minimum(share * size.sum(1, keepdim=True), size.amax(1, keepdim=True))
    kept = torch.where(size >= least, sparse.weights, torch.zeros_like(sparse.weights))
    return Sparse(sparse.columns, kept, sparse.rounds, sparse.change)


def _refitted(sparse: Sparse, gram: torch.Tensor, b: torch.Tensor, constraint: Constraint) -> Sparse:
    """Weights on what was kept alone: what was not gets an equation of its own, whose solution is 0."""
    kept = (sparse.weights != 0).to(gram)
    held = gram * kept[:, :, None] * kept[:, None, :]
    own = gram.diagonal(dim1=1, dim2=2).mean(1, keepdim=True) * (1 - kept)
    weights = solved(held + torch.diag_embed(own), b * kept, sparse.weights, constraint) * kept
    if constraint == "simplex":
        weights = weights / weights.sum(1, keepdim=True).clamp(min=1e-12)
    return Sparse(sparse.columns, weights, sparse.rounds, sparse.change)
