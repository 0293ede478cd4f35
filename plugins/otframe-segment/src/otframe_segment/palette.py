"""A few colours that stand for all: k-means of pixels, and the nearest of them for each."""

from __future__ import annotations

import torch

__all__ = ["nearest", "palette_of"]

_BLOCK = 1 << 16


def palette_of(samples: torch.Tensor, count: int, rng: torch.Generator, rounds: int = 12) -> torch.Tensor:
    """The means of clusters of samples `(n, d)`, `(m, d)` with `m <= count`, by k-means from a k-means++ start."""
    samples = samples.float()
    centres = _spread_out(samples, count, rng)
    for _ in range(rounds):
        own = nearest(samples, centres)
        order = torch.argsort(own, stable=True)
        lengths = torch.bincount(own.to("cpu"), minlength=len(centres)).to(own)
        starts = lengths.cumsum(0) - lengths
        sums = torch.nn.functional.embedding_bag(order, samples, starts, mode="sum")
        full = (lengths > 0)[:, None]
        centres = torch.where(full, sums / lengths.clamp(min=1)[:, None], centres)
    return centres


def nearest(points: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """The number of the centre next to each point `(n, d)`, int64 `(n,)`; in blocks, so that memory is bounded."""
    norms = centres.square().sum(1)
    found = [(norms - 2 * block @ centres.T).argmin(1) for block in points.split(_BLOCK)]
    return torch.cat(found)


def _spread_out(samples: torch.Tensor, count: int, rng: torch.Generator) -> torch.Tensor:
    """Samples far from one another: each is drawn by its squared distance to those before."""
    draws = torch.rand(count, generator=rng, dtype=torch.float64).to(samples.device)
    pick = (draws[:1] * len(samples)).long().clamp(max=len(samples) - 1)
    chosen = [samples.index_select(0, pick)]
    left = (samples - chosen[0]).square().sum(1).double()
    for k in range(1, min(count, len(samples))):
        running = left.cumsum(0)
        if float(running[-1]) <= 1e-12:
            break
        pick = torch.searchsorted(running, draws[k : k + 1] * running[-1]).clamp(max=len(samples) - 1)
        chosen.append(samples.index_select(0, pick))
        left = torch.minimum(left, (samples - chosen[-1]).square().sum(1).double())
    return torch.cat(chosen)
