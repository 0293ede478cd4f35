r"""Displaced pictures: `x'(p) = x(p - v)` with sub-pixel v, as one small matrix for each axis.

A displacement along an axis of n pixels is a banded matrix `S(v) (n, n)`, whatever the interpolation; what comes from
outside is dark. A picture is displaced by `S(v_y) x S(v_x)'`, and brought back by the regularised inverse
`(S'S + tau)^-1 S'` of either axis. Both are batched products of small matrices, exact at the borders.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch

__all__ = ["Interpolation", "chunks", "displaced", "restored", "shift_matrix", "slopes"]

Interpolation = Literal["linear", "cubic", "lanczos"]

_STEP = 1e-2
"""Half the step of the central differences by v, in pixels."""
_CHUNK = 4_000_000
"""Pixels that are worked on at a time."""


def chunks(count: int, pixels: int, group: int = 1) -> Iterator[slice]:
    """Slices of `count` pictures that hold some four million pixels each; groups stay together."""
    step = max(1, _CHUNK // max(1, pixels * group)) * group
    for start in range(0, count, step):
        yield slice(start, min(count, start + step))


def shift_matrix(v: torch.Tensor, length: int, interpolation: Interpolation = "linear") -> torch.Tensor:
    """The matrices `S(v)`, shape `(m, length, length)`, of displacements `v (m,)` in pixels, towards higher indices."""
    at = torch.arange(length, device=v.device, dtype=v.dtype)
    distance = (at[:, None] - at[None, :])[None] - v[:, None, None]
    if interpolation == "linear":
        return (1 - distance.abs()).clamp(min=0)
    if interpolation == "cubic":
        return _cubic(distance.abs())
    reach = 3.0
    made = torch.sinc(distance) * torch.sinc(distance / reach)
    return torch.where(distance.abs() < reach, made, torch.zeros_like(made))


def displaced(pictures: torch.Tensor, v: torch.Tensor, interpolation: Interpolation = "linear") -> torch.Tensor:
    """Pictures `(m, H, W)` displaced by `v (m, 2)`, down and to the right in pixels."""
    down, right = _axes(pictures, v, interpolation)
    return down @ pictures @ right.transpose(1, 2)


def slopes(
    pictures: torch.Tensor, v: torch.Tensor, interpolation: Interpolation = "linear"
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Displaced pictures and their derivatives by either part of v, `(m, H, W)` each."""
    down, right = _axes(pictures, v, interpolation)
    ahead, behind = (_axes(pictures, v + step, interpolation) for step in (_STEP, -_STEP))
    by_down, by_right = ((a - b) / (2 * _STEP) for a, b in zip(ahead, behind, strict=True))
    across = pictures @ right.transpose(1, 2)
    return down @ across, by_down @ across, down @ (pictures @ by_right.transpose(1, 2))


def restored(
    seen: torch.Tensor, v: torch.Tensor, guess: torch.Tensor, tau: float, interpolation: Interpolation = "linear"
) -> torch.Tensor:
    """Pictures before they were displaced: the guess, corrected by what was seen, where and as far as it tells.

    Parameters
    ----------
    seen : torch.Tensor
        Displaced pictures `(m, H, W)`.
    v : torch.Tensor
        Displacements `(m, 2)`.
    guess : torch.Tensor
        `(m, H, W)`: stands where nothing was seen, and for details finer than the interpolation lets through.
    tau : float
        Below which square of its gain a detail counts as lost.
    """
    down, right = _axes(seen, v, interpolation)
    missed = seen - down @ guess @ right.transpose(1, 2)
    return guess + _inverse(down, tau) @ missed @ _inverse(right, tau).transpose(1, 2)


def _inverse(shift: torch.Tensor, tau: float) -> torch.Tensor:
    gram = shift.transpose(1, 2) @ shift
    gram.diagonal(dim1=1, dim2=2).add_(tau)
    return torch.cholesky_solve(shift.transpose(1, 2).contiguous(), torch.linalg.cholesky(gram))


def _axes(pictures: torch.Tensor, v: torch.Tensor, interpolation: Interpolation) -> tuple[torch.Tensor, torch.Tensor]:
    v = v.to(pictures)
    return (
        shift_matrix(v[:, 0], pictures.shape[1], interpolation),
        shift_matrix(v[:, 1], pictures.shape[2], interpolation),
    )


def _cubic(r: torch.Tensor) -> torch.Tensor:
    near = (1.5 * r - 2.5) * r * r + 1
    far = ((-0.5 * r + 2.5) * r - 4) * r + 2
    return torch.where(r < 1, near, torch.where(r < 2, far, torch.zeros_like(r)))
