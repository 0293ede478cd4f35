"""Bilinear displacements without matrices: pictures that move by the same whole pixels are views of one array."""

from __future__ import annotations

import torch
from torch.nn import functional

__all__ = ["bilinear"]


def bilinear(pictures: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pictures `(m, H, W)` at `p - v` for v `(m, 2)`, dark outside, and their derivatives by either part of v.

    The derivatives are those from the right where v is whole.
    """
    height, width = pictures.shape[1:]
    whole = v.floor()
    part = (v - whole).to(pictures)
    made = tuple(torch.empty_like(pictures) for _ in range(3))
    steps, which = whole.unique(dim=0, return_inverse=True)
    for number in range(len(steps)):
        members = (which == number).nonzero()[:, 0]
        down, right = (
            min(max(int(step), -size - 1), size) for step, size in zip(steps[number], (height, width), strict=True)
        )
        # one row and one column more than the picture: whole steps are views of it
        wide = functional.pad(pictures[members], (right + 1, -right, down + 1, -down))
        across = part[members, 1, None, None]
        along = part[members, 0, None, None]
        step_right = wide[:, :, :-1] - wide[:, :, 1:]
        mixed = torch.addcmul(wide[:, :, 1:], step_right, across)
        step_down = mixed[:, :-1] - mixed[:, 1:]
        made[0][members] = torch.addcmul(mixed[:, 1:], step_down, along)
        made[1][members] = step_down
        made[2][members] = torch.lerp(step_right[:, 1:], step_right[:, :-1], along)
    return made[0], made[1], made[2]
