"""Pictures displaced by less than a pixel or more, many at a time: `shifted` as a whole, `warped` locally."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import torch

from otframe.errors import DataError

__all__ = ["Edge", "Interpolation", "shifted", "warped"]

Interpolation = Literal["linear", "cubic", "fourier"]
Edge = Literal["zero", "replicate"]

_AT_ONCE = 4_000_000
"""Pixels that are moved at a time: what is needed beside the result does not grow with the number of pictures."""

_AROUND = 16
"""Pixels around a picture that a Fourier shift looks at."""


def shifted(
    pictures: torch.Tensor, shifts: torch.Tensor, interpolation: Interpolation = "linear", edge: Edge = "zero"
) -> torch.Tensor:
    r"""Pictures moved as a whole: what was at `(i, j)` is found at `(i + down, j + right)`.

    Parameters
    ----------
    pictures : torch.Tensor
        Shape `(n, C, H, W)`, float32 or float64, finite.
    shifts : torch.Tensor
        Shape `(n, C, 2)`, pixels: down and to the right, one shift for each channel.
    interpolation : {"linear", "cubic", "fourier"}
        Between pixels: bilinear, Keys' cubic convolution (a = -1/2), or by the phase of the Fourier transform.
    edge : {"zero", "replicate"}
        What is outside of a picture: nothing, or its border.

    Returns
    -------
    torch.Tensor
        Like `pictures`. Whole shifts are exact.
    """
    if pictures.ndim != 4 or pictures.dtype not in (torch.float32, torch.float64):
        raise DataError(f"wanted float32 or float64 pictures (n, C, H, W), got {pictures.dtype} {_told(pictures)}")
    if tuple(shifts.shape) != (*pictures.shape[:2], 2) or not bool(torch.isfinite(shifts).all()):
        raise DataError(f"wanted finite shifts {(*pictures.shape[:2], 2)}, got {_told(shifts)}")
    made = torch.empty_like(pictures)
    for part in _parts(pictures):
        planes, steps = pictures[part].flatten(0, 1), shifts[part].flatten(0, 1).to(pictures.device).double()
        for axis in (1, 2):
            planes = _along(planes.transpose(1, 2), steps[:, axis - 1], interpolation, edge)
        made[part] = planes.unflatten(0, made[part].shape[:2])
    return made


def warped(pictures: torch.Tensor, fields: torch.Tensor, edge: Edge = "zero") -> torch.Tensor:
    r"""Pictures moved locally, with bilinear interpolation: the result at p is the picture at `p - field(p)`.

    A field that is the same everywhere is a shift.

    Parameters
    ----------
    pictures : torch.Tensor
        Shape `(n, C, H, W)`, float32 or float64, finite.
    fields : torch.Tensor
        Shape `(n, 2, H, W)`, pixels: down and to the right; one field for all channels of a picture.
    edge : {"zero", "replicate"}
        What is outside of a picture: nothing, or its border.
    """
    if pictures.ndim != 4 or pictures.dtype not in (torch.float32, torch.float64):
        raise DataError(f"wanted float32 or float64 pictures (n, C, H, W), got {pictures.dtype} {_told(pictures)}")
    count, _, height, width = pictures.shape
    if tuple(fields.shape) != (count, 2, height, width) or not bool(torch.isfinite(fields).all()):
        raise DataError(f"wanted finite fields {(count, 2, height, width)}, got {_told(fields)}")
    made = torch.empty_like(pictures)
    for part in _parts(pictures):
        # in units where the picture's outer borders are at -1 and 1
        grids = [
            (2 * (torch.arange(size, device=pictures.device).view(shape) - fields[part, axis].double()) + 1) / size - 1
            for axis, size, shape in ((1, width, (1, -1)), (0, height, (-1, 1)))
        ]
        made[part] = torch.nn.functional.grid_sample(
            pictures[part],
            torch.stack(grids, -1).to(pictures),
            padding_mode="zeros" if edge == "zero" else "border",
            align_corners=False,
        )
    return made


def _told(part: torch.Tensor) -> tuple[int, ...]:
    return tuple(part.shape)


def _parts(pictures: torch.Tensor) -> Iterator[slice]:
    each = max(1, _AT_ONCE // max(1, math.prod(pictures.shape[1:])))
    return (slice(start, start + each) for start in range(0, len(pictures), each))


def _along(planes: torch.Tensor, steps: torch.Tensor, interpolation: Interpolation, edge: Edge) -> torch.Tensor:
    """Planes `(n, a, b)` moved along their last axis by `steps (n,)`."""
    length = planes.shape[2]
    whole = steps.floor()
    part = (steps - whole).to(planes)
    first = whole.clamp(-2 * length - 4, 2 * length + 4).long()
    if interpolation == "fourier":
        return _by_phase(planes, first, part, edge)
    weights = _linear(part) if interpolation == "linear" else _cubic(part)
    reach = len(weights) // 2
    made = torch.zeros_like(planes)
    for offset, weight in enumerate(weights, 1 - reach):
        made += weight[:, None, None] * _taken(planes, first + offset, 0, edge)
    return made


def _taken(planes: torch.Tensor, first: torch.Tensor, around: int, edge: Edge) -> torch.Tensor:
    """Planes moved by whole steps along their last axis, with some pixels around it."""
    length = planes.shape[2]
    at = torch.arange(-around, length + around, device=planes.device) - first[:, None]
    held = at.clamp(0, length - 1)
    found = planes.gather(2, held[:, None].expand(-1, planes.shape[1], -1))
    return found * (held == at)[:, None] if edge == "zero" else found


def _linear(t: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Weights of the pixels at `whole` and one further back."""
    return 1 - t, t


def _cubic(t: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Keys' weights of the pixels from `whole - 1` to two further back."""
    s = 1 - t
    return (
        -0.5 * t * s.square(),
        1 + t.square() * (1.5 * t - 2.5),
        1 + s.square() * (1.5 * s - 2.5),
        -0.5 * s * t.square(),
    )


def _by_phase(planes: torch.Tensor, first: torch.Tensor, part: torch.Tensor, edge: Edge) -> torch.Tensor:
    """Planes moved by `first + part` along their last axis, as trigonometric polynomials."""
    length = planes.shape[2]
    wide = _taken(planes, first, _AROUND, edge)
    # mirrored, so that there is no step where the end meets the beginning
    period = torch.cat([wide, wide.flip(2)], 2)
    turns = torch.fft.rfftfreq(period.shape[2], device=planes.device).to(planes)
    angle = -2 * math.pi * part[:, None, None] * turns
    turned = torch.fft.irfft(torch.fft.rfft(period) * torch.polar(torch.ones_like(angle), angle), n=period.shape[2])
    moved = turned[:, :, _AROUND : _AROUND + length]
    return torch.where(part[:, None, None] == 0, wide[:, :, _AROUND : _AROUND + length], moved)
