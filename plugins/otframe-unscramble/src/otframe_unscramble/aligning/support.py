r"""Regressions on few columns each: for every row of A its own small quadratic problem.

Row i has k slots, the scrambled pixels `columns[i]`. With `G = Y_S' Y_S (k, k)` and `b = Y_S' z_i` its weights solve

.. math:: \min_w \tfrac12 w' G w - b' w

freely, with `w >= 0`, or on the simplex. All rows are solved at once.
"""

from __future__ import annotations

from typing import Literal

import torch

__all__ = ["Constraint", "grams", "moments", "of_columns", "solved"]

Constraint = Literal["positive", "simplex", "free"]

_CHUNK = 16_000_000
"""Numbers that are gathered at a time."""
_CACHED = 1_000_000
"""The same where they are read once more and thrown away: so many stay near the processor."""
_FLOOR = 1e-6
"""What is added to a Gram matrix's diagonal, in units of its mean."""


def grams(y: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """`G` of each row, `(m, k, k)`; y is `(d, n)`: pixels first."""
    count, slots = columns.shape
    made = y.new_empty(count, slots, slots)
    for part in _parts(count, slots * y.shape[1]):
        taken = y[columns[part]]
        made[part] = taken @ taken.transpose(1, 2)
    return made


def moments(y: torch.Tensor, z: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """`b` of each row, `(m, k)`; y is `(d, n)` and z `(m, n)`: pixels first."""
    count, slots = columns.shape
    made = y.new_empty(count, slots)
    for part in _parts(count, slots * y.shape[1], _CACHED):
        made[part] = (y[columns[part]] * z[part, None]).sum(2)
    return made


def of_columns(y: torch.Tensor, columns: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """`A y` for y `(d, n)`, shape `(m, n)`: sums over the slots."""
    count, slots = columns.shape
    starts = torch.arange(0, count * slots, slots, device=y.device)
    return torch.nn.functional.embedding_bag(
        columns.reshape(-1), y, starts, mode="sum", per_sample_weights=weights.reshape(-1)
    )


def solved(
    gram: torch.Tensor, b: torch.Tensor, start: torch.Tensor, constraint: Constraint, sweeps: int = 50
) -> torch.Tensor:
    """Weights `(m, k)`. The start is improved until nothing changes, or so many sweeps were made."""
    scale = gram.diagonal(dim1=1, dim2=2).mean(1)
    lifted = gram + (_FLOOR * scale + 1e-12)[:, None, None] * torch.eye(gram.shape[1]).to(gram)
    if constraint == "free":
        return torch.cholesky_solve(b[..., None], torch.linalg.cholesky(lifted))[..., 0]
    if constraint == "simplex":
        return _on_simplex(lifted, b, start, sweeps)
    return _positive(lifted, b, start, sweeps)


def _positive(gram: torch.Tensor, b: torch.Tensor, start: torch.Tensor, sweeps: int) -> torch.Tensor:
    """Coordinate descent, which is exact at its end."""
    # slots first: every step then reads memory that lies together
    gram, b = gram.permute(1, 2, 0).contiguous(), b.T.contiguous()
    weights = start.T.clamp(min=0).contiguous()
    slots = len(gram)
    slope = (gram * weights[None]).sum(1) - b
    for _ in range(sweeps):
        most = 0.0
        for k in range(slots):
            now = (weights[k] - slope[k] / gram[k, k]).clamp(min=0)
            step = now - weights[k]
            slope += gram[k] * step[None]
            weights[k] = now
            most = max(most, float(step.abs().max()))
        if most < 1e-5:
            break
    return weights.T.contiguous()


def _on_simplex(gram: torch.Tensor, b: torch.Tensor, start: torch.Tensor, sweeps: int) -> torch.Tensor:
    """Accelerated projected gradients."""
    bound = gram.abs().sum(2).amax(1)[:, None]
    last = _projected(start)
    ahead, t = last, 1.0
    for _ in range(10 * sweeps):
        now = _projected(ahead - ((gram @ ahead[..., None])[..., 0] - b) / bound)
        step = now - last
        # where the last step went uphill the momentum is dropped
        uphill = ((ahead - now) * step).sum(1, keepdim=True) > 0
        t_next = (1 + (1 + 4 * t * t) ** 0.5) / 2
        ahead = now + torch.where(uphill, 0.0, (t - 1) / t_next) * step
        last, t = now, t_next
        if float(step.abs().max()) < 1e-6:
            break
    return last


def _projected(points: torch.Tensor) -> torch.Tensor:
    """The nearest points of the simplex `w >= 0, sum w = 1`, by sorting [duchi2008efficient]_."""
    falling = points.sort(1, descending=True)[0]
    excess = falling.cumsum(1) - 1
    ranks = torch.arange(1, points.shape[1] + 1, device=points.device, dtype=points.dtype)
    kept = (falling - excess / ranks > 0).sum(1, keepdim=True)
    threshold = excess.gather(1, kept - 1) / kept
    return (points - threshold).clamp(min=0)


def _parts(count: int, each: int, most: int = _CHUNK) -> list[slice]:
    step = max(1, most // max(1, each))
    return [slice(start, min(count, start + step)) for start in range(0, count, step)]
