r"""Displaced pictures: `x'(p) = x(p - v)` with sub-pixel v, as one small matrix for each axis.

A displacement along an axis of n pixels is a banded matrix `S(v) (n, n)`, whatever the interpolation; what comes from
outside is dark. A picture is displaced by `S(v_y) x S(v_x)'`, and brought back by the regularised inverse
`(S'S + tau)^-1 S'` of either axis. Both are batched products of small matrices, exact at the borders.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch

from otframe_unscramble.aligning.taps import bilinear

__all__ = ["Interpolation", "brought_back", "chunks", "covered", "displaced", "shift_matrix", "slopes"]

Interpolation = Literal["linear", "cubic", "lanczos"]

_STEP = 1e-2
"""Half the step of the central differences by v, in pixels."""
_PARTS = 32
"""Steps of a pixel for which inverses are made."""
_CHUNK = 24_000_000
"""Numbers that are worked on at a time."""


def chunks(count: int, numbers: int, group: int = 1) -> Iterator[slice]:
    """Slices of `count` pictures, each of which needs so many numbers, for a bounded memory; groups stay together."""
    step = max(1, _CHUNK // max(1, numbers * group)) * group
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
    if interpolation == "linear":
        return bilinear(pictures, v)[0]
    down, right = _axes(pictures, v, interpolation)
    return down @ pictures @ right.transpose(1, 2)


def covered(v: torch.Tensor, size: tuple[int, int], like: torch.Tensor, margin: float = 0.0) -> torch.Tensor:
    """Where displaced pictures show what was inside before, or within a margin around: `(m, H, W)` of 0 and 1."""
    inside = []
    for axis in (0, 1):
        source = torch.arange(size[axis], device=like.device, dtype=like.dtype) - v[:, axis, None].to(like)
        inside.append(((source >= -margin) & (source <= size[axis] - 1 + margin)).to(like))
    return inside[0][:, :, None] * inside[1][:, None, :]


def slopes(
    pictures: torch.Tensor, v: torch.Tensor, interpolation: Interpolation = "linear"
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Displaced pictures and their derivatives by either part of v, `(m, H, W)` each."""
    if interpolation == "linear":
        return bilinear(pictures, v)
    down, right = _axes(pictures, v, interpolation)
    ahead, behind = (_axes(pictures, v + step, interpolation) for step in (_STEP, -_STEP))
    by_down, by_right = ((a - b) / (2 * _STEP) for a, b in zip(ahead, behind, strict=True))
    across = pictures @ right.transpose(1, 2)
    return down @ across, by_down @ across, down @ (pictures @ by_right.transpose(1, 2))


def brought_back(
    errors: torch.Tensor, v: torch.Tensor, tau: float, interpolation: Interpolation = "linear"
) -> torch.Tensor:
    """Errors of displaced pictures `(m, H, W)` carried back to before they were displaced by `v (m, 2)`.

    Details whose squared gain is below `tau` are left out, and so is what lies outside. Displacements are rounded to a
    part of a pixel here, so that few inverses are made: this is a step towards a solution, and need not be exact.
    """
    down, right = (_inverses(v[:, axis], errors.shape[1 + axis], tau, interpolation, errors) for axis in (0, 1))
    return down @ errors @ right.transpose(1, 2)


def _inverses(
    v: torch.Tensor, length: int, tau: float, interpolation: Interpolation, like: torch.Tensor
) -> torch.Tensor:
    steps, which = (v.to(like) * _PARTS).round().unique(return_inverse=True)
    shift = shift_matrix(steps / _PARTS, length, interpolation)
    gram = shift.transpose(1, 2) @ shift
    gram = gram + tau * torch.eye(length, dtype=like.dtype, device=like.device)
    return torch.cholesky_solve(shift.transpose(1, 2).contiguous(), torch.linalg.cholesky(gram))[which]


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
