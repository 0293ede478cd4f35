"""Pictures that are displaced by another amount from place to place: smooth local warps, on a coarse grid."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from otframe_unscramble.aligning.displace import chunks

__all__ = ["bent", "followed", "surrounded", "unbent"]

_STEPS = 2
_FARTHEST = 0.5
_TRUST = 0.03
"""What is added to the local slopes' energy, in units of its mean: flat places follow their neighbours."""


def bent(pictures: torch.Tensor, v: torch.Tensor, bends: torch.Tensor) -> torch.Tensor:
    """`x(p - v - u(p))` of pictures `(m, H, W)`, bilinear, dark outside; `bends (m, 2, h, w)` give u."""
    return _sampled(pictures, -_field(v, bends, pictures.shape[-2:]))


def unbent(errors: torch.Tensor, v: torch.Tensor, bends: torch.Tensor) -> torch.Tensor:
    """Errors of bent pictures carried back to where they come from, to first order in the slope of u."""
    return _sampled(errors, _field(v, bends, errors.shape[-2:]))


def followed(
    predicted: torch.Tensor,
    seen: torch.Tensor,
    v: torch.Tensor,
    bends: torch.Tensor | None,
    scale: float,
    group: int,
    dark: bool = True,
) -> torch.Tensor:
    """Bends `(m / group, 2, h, w)` on a grid of half the scale, by least squares in windows [lucas1981iterative]_.

    Parameters
    ----------
    predicted, seen : torch.Tensor
        `(m, H, W)`.
    v : torch.Tensor
        `(m, 2)`.
    bends : torch.Tensor, optional
        To start from.
    scale : float
        Standard deviation of the Gaussian windows, pixels.
    group : int
        So many neighbours are bent together.
    dark : bool
        Whether it is dark outside; what comes from there does not count otherwise.
    """
    height, width = seen.shape[1:]
    grid = tuple(max(2, math.ceil(2 * n / scale) + 1) for n in (height, width))
    made = []
    for part in chunks(len(seen), 6 * height * width, group):
        start = part.start // group, part.stop // group
        now = seen.new_zeros(start[1] - start[0], 2, *grid) if bends is None else bends[slice(*start)]
        for _ in range(_STEPS):
            now = now + _step(predicted[part], seen[part], v[part], now, scale, group, dark)
        made.append(now)
    return torch.cat(made)


def surrounded(v: torch.Tensor, bends: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Where bent pictures show what was inside before, `(m, H, W)` of 0 and 1."""
    offset = _field(v, bends, like.shape[-2:])
    made = torch.ones_like(like)
    for axis in (0, 1):
        at = torch.arange(like.shape[1 + axis], device=like.device, dtype=like.dtype)
        source = (at[:, None] if axis == 0 else at[None]) - offset[:, axis]
        made = made * ((source >= 0) & (source <= like.shape[1 + axis] - 1))
    return made


def _step(
    predicted: torch.Tensor,
    seen: torch.Tensor,
    v: torch.Tensor,
    bends: torch.Tensor,
    scale: float,
    group: int,
    dark: bool,
) -> torch.Tensor:
    each = bends.repeat_interleave(group, 0)
    moved = bent(predicted, v, each)
    down, right = torch.gradient(moved, dim=(1, 2))
    missed = seen - moved
    if not dark:
        inside = surrounded(v, each, seen)
        down, right, missed = down * inside, right * inside, missed * inside
    products = torch.stack([down * down, right * right, down * right, down * missed, right * missed], 1)
    if group > 1:
        products = products.reshape(-1, group, *products.shape[1:]).sum(1)
    yy, xx, xy, by, bx = _blurred(products, scale).unbind(1)
    floor = _TRUST * (yy + xx).mean((1, 2), keepdim=True) + 1e-9
    yy, xx = yy + floor, xx + floor
    step = torch.stack([xy * bx - xx * by, xy * by - yy * bx], 1) / (yy * xx - xy * xy)[:, None]
    return _onto(step.clamp(-_FARTHEST, _FARTHEST), (bends.shape[2], bends.shape[3]))


def _field(v: torch.Tensor, bends: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
    return _onto(bends, size) + v[:, :, None, None].to(bends)


def _onto(field: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
    return functional.interpolate(field, tuple(size), mode="bilinear", align_corners=True)


def _sampled(pictures: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
    height, width = pictures.shape[1:]
    rows = torch.arange(height, device=pictures.device, dtype=pictures.dtype)[:, None] + offset[:, 0]
    columns = torch.arange(width, device=pictures.device, dtype=pictures.dtype)[None] + offset[:, 1]
    place = torch.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], -1)
    return functional.grid_sample(pictures[:, None], place, mode="bilinear", align_corners=False)[:, 0]


def _blurred(fields: torch.Tensor, scale: float) -> torch.Tensor:
    """Gaussian means over places inside the picture."""
    height, width = fields.shape[-2:]
    down, right = (_means(n, scale, fields) for n in (height, width))
    return down @ fields @ right.T


def _means(length: int, scale: float, like: torch.Tensor) -> torch.Tensor:
    at = torch.arange(length, device=like.device, dtype=like.dtype)
    weights = torch.exp(-0.5 * ((at[:, None] - at[None]) / scale).square())
    return weights / weights.sum(1, keepdim=True)
