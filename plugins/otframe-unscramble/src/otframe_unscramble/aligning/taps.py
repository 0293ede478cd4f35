"""Bilinear displacements without matrices: pictures that move by the same whole pixels are views of one array."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.nn import functional

__all__ = ["bilinear", "bilinear_slopes"]


def bilinear(pictures: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Pictures `(m, H, W)` at `p - v` for v `(m, 2)`, dark outside."""
    made = torch.empty_like(pictures)
    for members, wide, along, across in _views(pictures, v):
        mixed = torch.lerp(wide[:, :, 1:], wide[:, :, :-1], across)
        made[members] = torch.lerp(mixed[:, 1:], mixed[:, :-1], along)
    return made


def bilinear_slopes(pictures: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """The same and their derivatives by either part of v, `(m, 3, H, W)`: those from the right where v is whole."""
    made = pictures.new_empty(len(pictures), 3, *pictures.shape[1:])
    for members, wide, along, across in _views(pictures, v):
        step_right = wide[:, :, :-1] - wide[:, :, 1:]
        mixed = torch.addcmul(wide[:, :, 1:], step_right, across)
        step_down = mixed[:, :-1] - mixed[:, 1:]
        now = torch.addcmul(mixed[:, 1:], step_down, along)
        made[members] = torch.stack([now, step_down, torch.lerp(step_right[:, 1:], step_right[:, :-1], along)], 1)
    return made


def _views(
    pictures: torch.Tensor, v: torch.Tensor
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Pictures of one whole displacement: who they are, moved with a row and a column more, and the parts of pixels."""
    whole = v.floor()
    part = (v - whole).to(pictures)
    steps, which = whole.unique(dim=0, return_inverse=True)
    for number in range(len(steps)):
        members = (which == number).nonzero()[:, 0]
        down, right = (
            min(max(int(step), -size - 1), size) for step, size in zip(steps[number], pictures.shape[1:], strict=True)
        )
        wide = functional.pad(pictures[members], (right + 1, -right, down + 1, -down))
        yield members, wide, part[members, 0, None, None], part[members, 1, None, None]
