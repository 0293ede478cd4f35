"""Where displaced pictures lie against predictions of them: by correlation first, then by least squares."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from otframe_unscramble.aligning.displace import Interpolation, chunks, covered, slopes
from otframe_unscramble.aligning.trust import clipped

__all__ = ["correlated", "refined"]

_BAND = 0.4
"""Frequencies that the first correlation uses, as a part of the highest one: predictions know coarse things first."""
_NEWTON = 5
_FARTHEST = 0.4
"""The longest step of least squares, in pixels."""


def correlated(
    predicted: torch.Tensor,
    seen: torch.Tensor,
    reach: float,
    *,
    group: int = 1,
    spread: float | None = None,
    band: float = _BAND,
) -> torch.Tensor:
    """Displacements `(m / group, 2)`, down and to the right, by which `seen` lies off `predicted`, both `(m, H, W)`.

    The largest cross-correlation of tapered pictures, found on half pixels and by Newton's method from there. Errors of
    the prediction that have nothing to do with the picture do not bias it.

    Parameters
    ----------
    reach : float
        The largest displacement along either axis that is looked for, in pixels.
    group : int
        So many neighbours are displaced together.
    spread : float, optional
        Standard deviation of displacements that is expected, pixels: larger ones need more evidence.
    band : float
        Frequencies above this part of the highest one are left out.
    """
    height, width = seen.shape[1:]
    window = _taper(height, seen)[:, None] * _taper(width, seen)[None]
    grid = _Frequencies.of(seen, band)
    limit = max(1, math.ceil(2 * min(reach, min(height, width) / 2)))
    places = torch.arange(-limit, limit + 1, device=seen.device, dtype=seen.dtype) / 2
    pull = 0.0 if spread is None else 1.0 / spread**2
    made = []
    for part in chunks(len(seen), 4 * height * width, group):
        first, second = _transformed(predicted[part], window), _transformed(seen[part], window)
        cross = _summed(second * first.conj() * grid.counted, group)
        energy = [_summed(half.abs().square() * grid.counted, group).sum((1, 2)) for half in (first, second)]
        made.append(_best(cross, energy[0] * energy[1], grid, places, pull))
    return torch.cat(made)


def refined(
    predicted: torch.Tensor,
    seen: torch.Tensor,
    v: torch.Tensor,
    interpolation: Interpolation,
    *,
    group: int = 1,
    steps: int = 2,
    clip: float | None = None,
    dark: bool = True,
) -> torch.Tensor:
    """Displacements `(m / group, 2)` by least squares, `min_v |seen - S(v) predicted|^2`, by Gauss-Newton steps from v.

    With a `clip`, errors above it count as if they were as large as it is: Huber's loss. Outside pictures it is `dark`,
    or else unknown: pixels that come from there do not count.
    """
    made = []
    for part in chunks(len(seen), 4 * seen[0].numel(), group):
        now = v[part.start // group : part.stop // group]
        for _ in range(steps):
            now = now + _step(predicted[part], seen[part], now, interpolation, group, clip, dark)
        made.append(now)
    return torch.cat(made)


def _step(
    predicted: torch.Tensor,
    seen: torch.Tensor,
    v: torch.Tensor,
    interpolation: Interpolation,
    group: int,
    clip: float | None,
    dark: bool,
) -> torch.Tensor:
    each = v.repeat_interleave(group, 0)
    found = slopes(predicted, each, interpolation)
    found[:, 0] = clipped(seen - found[:, 0], clip)
    if not dark:
        found *= covered(each, (seen.shape[1], seen.shape[2]), seen)[:, None]
    rows = found.flatten(2)
    products = _summed(rows @ rows.transpose(1, 2), group)
    yy, xx, xy, by, bx = products[:, 1, 1], products[:, 2, 2], products[:, 1, 2], products[:, 1, 0], products[:, 2, 0]
    # pictures that are flat along some direction keep their place along it
    floor = 1e-4 * (yy + xx) + 1e-9
    yy, xx = yy + floor, xx + floor
    step = torch.stack([xx * by - xy * bx, yy * bx - xy * by], 1) / (yy * xx - xy * xy)[:, None]
    return step.clamp(-_FARTHEST, _FARTHEST)


@dataclass(frozen=True)
class _Frequencies:
    """Angular frequencies of the half spectrum, and how often each counts."""

    rows: torch.Tensor
    columns: torch.Tensor
    counted: torch.Tensor

    @classmethod
    def of(cls, like: torch.Tensor, band: float) -> _Frequencies:
        height, width = like.shape[-2:]
        rows = torch.fft.fftfreq(height, device=like.device, dtype=like.dtype) * (2 * math.pi)
        columns = torch.fft.rfftfreq(width, device=like.device, dtype=like.dtype) * (2 * math.pi)
        # each column of the half spectrum but the outermost stands for two
        twice = torch.full_like(columns, 2.0)
        twice[0] = 1.0
        if width % 2 == 0:
            twice[-1] = 1.0
        kept = (rows[:, None].square() + columns[None].square()).sqrt() <= band * math.pi
        return cls(rows, columns, kept * twice)


def _best(
    cross: torch.Tensor, energy: torch.Tensor, grid: _Frequencies, places: torch.Tensor, pull: float
) -> torch.Tensor:
    cross = cross / energy.sqrt().clamp(min=1e-20)[:, None, None]
    value = (_waves(places, grid.rows) @ cross @ _waves(places, grid.columns).T).real
    # a correlation r of M numbers says as much as a log-likelihood of about M r / (1 - r_max)
    certain = float((grid.counted > 0).sum()) / (1.02 - value.flatten(1).amax(1).clamp(0, 1))
    cross, value = cross * certain[:, None, None], value * certain[:, None, None]
    # what tells nothing, as black pictures do, stays where it is
    score = value - 0.5 * max(pull, 1e-6) * (places[:, None].square() + places[None].square())
    best = score.flatten(1).argmax(1)
    count = len(places)
    v = torch.stack([places[best // count], places[best % count]], 1)
    limit = float(places[-1])
    for _ in range(_NEWTON):
        v = _newton(cross, v, grid.rows, grid.columns, pull).clamp(-limit, limit)
    return v


def _summed(values: torch.Tensor, group: int) -> torch.Tensor:
    return values if group == 1 else values.reshape(-1, group, *values.shape[1:]).sum(1)


def _newton(
    cross: torch.Tensor, v: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor, pull: float
) -> torch.Tensor:
    """One step towards the largest correlation; none where it is not curved downwards."""
    turned = cross * torch.exp(1j * rows * v[:, :1])[:, :, None] * torch.exp(1j * columns * v[:, 1:])[:, None]
    over_rows, over_columns = turned.sum(2), turned.sum(1)
    slope_y = -(over_rows.imag * rows).sum(1) - pull * v[:, 0]
    slope_x = -(over_columns.imag * columns).sum(1) - pull * v[:, 1]
    yy = -(over_rows.real * rows.square()).sum(1) - pull
    xx = -(over_columns.real * columns.square()).sum(1) - pull
    xy = -((turned.real * columns).sum(2) * rows).sum(1)
    det = yy * xx - xy * xy
    curved = (yy < 0) & (det > 0)
    safe = torch.where(curved, det, torch.ones_like(det))
    step = torch.stack([xy * slope_x - xx * slope_y, xy * slope_y - yy * slope_x], 1) / safe[:, None]
    return v + torch.where(curved[:, None], step.clamp(-0.5, 0.5), torch.zeros_like(step))


def _transformed(pictures: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    centred = pictures - (pictures * window).sum((1, 2), keepdim=True) / window.sum()
    return torch.fft.rfft2(centred * window)


def _waves(places: torch.Tensor, frequencies: torch.Tensor) -> torch.Tensor:
    return torch.exp(1j * places[:, None] * frequencies[None])


def _taper(length: int, like: torch.Tensor) -> torch.Tensor:
    """A window that falls off over a tenth of the length at either end."""
    at = torch.arange(length, device=like.device, dtype=like.dtype) + 0.5
    edge = max(1.0, length / 10)
    near = torch.minimum(at, length - at).clamp(max=edge)
    return 0.5 - 0.5 * torch.cos(math.pi * near / edge)
