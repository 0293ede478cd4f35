"""What calibration pairs are worth: pictures that nothing explains are no pairs, and large errors count less."""

from __future__ import annotations

import torch

__all__ = ["clip_of", "clipped", "trusted", "unexplained"]

_SAMPLED = 2_000_000
_INNER = 0.9
_CLIP = 5.0
_FAR, _LEAST = 4.0, 0.4


def unexplained(seen: torch.Tensor, errors: torch.Tensor, inside: torch.Tensor | None, group: int) -> torch.Tensor:
    """For each picture the share of its variance that errors leave, `(n,)`; samples are `(n group, H, W)`.

    Where there is an `inside`, of bool, it says which pixels the errors tell of, those elsewhere being 0: predictions
    that were moved far away explain no more by that. A part of the mean variance is added to each picture's, so that
    flat pictures are not judged by their noise.
    """
    held = torch.ones_like(seen, dtype=torch.bool) if inside is None else inside
    count = held.sum((1, 2)).clamp(min=1)
    mean = (seen * held).sum((1, 2)) / count
    centred = (seen - mean[:, None, None]) * held
    left, spread = ((part.square().sum((1, 2)) / count).reshape(-1, group).mean(1) for part in (errors, centred))
    return left / (spread + 0.1 * spread.mean() + 1e-12)


def trusted(share: torch.Tensor) -> torch.Tensor:
    """Which pictures are pairs at all, `(n,)` of bool: those that are explained about as well as most.

    What has nothing to do with its prediction has a share of 1 or more, so that nothing under .4 is given up, and
    nothing within four times the median.
    """
    return share <= max(_FAR * float(share.median()), _LEAST)


def clip_of(errors: torch.Tensor) -> float:
    """Beyond which an error counts as an outlier: five times the root mean square of the smaller nine tenths."""
    flat = errors.flatten()
    step = max(1, len(flat) // _SAMPLED)
    size = flat[::step].abs()
    inner = size[size <= size.kthvalue(max(1, int(_INNER * len(size))))[0]]
    return max(_CLIP * float(inner.square().mean().sqrt()), 1e-6)


def clipped(errors: torch.Tensor, clip: float | None) -> torch.Tensor:
    """Errors, none larger than the clip."""
    return errors if clip is None else errors.clamp(-clip, clip)
