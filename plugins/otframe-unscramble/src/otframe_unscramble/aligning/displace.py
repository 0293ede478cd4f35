r"""Displaced pictures: `x'(p) = x(p - v)` with sub-pixel v, as one small matrix for each axis.

A displacement along an axis of n pixels is a banded matrix `S(v) (n, n)`, whatever the interpolation; what comes from
outside is dark. A picture is displaced by `S(v_y) x S(v_x)'`, and brought back by the regularised inverse
`(S'S + tau)^-1 S'` of either axis. Both are batched products of small matrices, exact at the borders.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import torch

from otframe_unscramble.aligning.taps import bilinear, bilinear_slopes

__all__ = ["Interpolation", "Inverses", "chunks", "covered", "displaced", "shift_matrix", "slopes"]

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
        return bilinear(pictures, v)
    down, right = _axes(pictures, v, interpolation)
    return down @ pictures @ right.transpose(1, 2)


def covered(v: torch.Tensor, size: tuple[int, int], like: torch.Tensor, margin: float = 0.0) -> torch.Tensor:
    """Where displaced pictures show what was inside before, or within a margin around: `(m, H, W)` of 0 and 1."""
    inside = []
    for axis in (0, 1):
        source = torch.arange(size[axis], device=like.device, dtype=like.dtype) - v[:, axis, None].to(like)
        inside.append(((source >= -margin) & (source <= size[axis] - 1 + margin)).to(like))
    return inside[0][:, :, None] * inside[1][:, None, :]


def slopes(pictures: torch.Tensor, v: torch.Tensor, interpolation: Interpolation = "linear") -> torch.Tensor:
    """Displaced pictures and their derivatives by either part of v, `(m, 3, H, W)`."""
    if interpolation == "linear":
        return bilinear_slopes(pictures, v)
    down, right = _axes(pictures, v, interpolation)
    ahead, behind = (_axes(pictures, v + step, interpolation) for step in (_STEP, -_STEP))
    by_down, by_right = ((a - b) / (2 * _STEP) for a, b in zip(ahead, behind, strict=True))
    across = pictures @ right.transpose(1, 2)
    return torch.stack([down @ across, by_down @ across, down @ (pictures @ by_right.transpose(1, 2))], 1)


class Inverses:
    """Regularised inverses of displacements, made once for steps of a part of a pixel.

    Details whose squared gain is below `tau` are left out, and so is what lies outside. Carrying errors back is a step
    towards a solution, and need not be exact.

    Parameters
    ----------
    size : (int, int)
        Height and width of pictures.
    reach : float
        The largest displacement, pixels.
    """

    def __init__(
        self, size: tuple[int, int], reach: float, tau: float, interpolation: Interpolation, like: torch.Tensor
    ) -> None:
        self.last = math.ceil(reach * _PARTS)
        steps = torch.arange(-self.last, self.last + 1, device=like.device, dtype=like.dtype) / _PARTS
        self.tables = [_inverses(steps, length, tau, interpolation) for length in size]

    def __call__(self, errors: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """Errors of displaced pictures `(m, H, W)` carried back to before they were displaced by `v (m, 2)`."""
        at = (v * _PARTS).round().long().clamp(-self.last, self.last) + self.last
        down, right = (table[at[:, axis]] for axis, table in enumerate(self.tables))
        return down @ errors @ right.transpose(1, 2)


def _inverses(steps: torch.Tensor, length: int, tau: float, interpolation: Interpolation) -> torch.Tensor:
    shift = shift_matrix(steps, length, interpolation)
    gram = shift.transpose(1, 2) @ shift + tau * torch.eye(length, dtype=steps.dtype, device=steps.device)
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
