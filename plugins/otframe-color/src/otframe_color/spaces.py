"""Working spaces of colours, and the way between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch

from otframe.errors import DataError
from otframe.parts.convert import from_linear, to_linear

__all__ = ["CODINGS", "SPACES", "Coding", "Space", "coded", "converted", "lightness_first"]

Space = Literal["srgb", "linear", "lab", "oklab", "ycbcr", "log"]
"""`srgb` (coded, [0, 1]), `linear` (light), `lab` (CIE 1976 over 100, white D65), `oklab`, `ycbcr` (Rec. 601, full
range, chroma about 0), `log` (the curve of ACEScct over the light of the same primaries)."""

Coding = Literal["srgb", "linear"]
"""How the colours of an image are coded: for displays, or as light."""

SPACES: tuple[Space, ...] = get_args(Space)
CODINGS: tuple[Coding, ...] = get_args(Coding)

_WHITE = (0.95047, 1.0, 1.08883)
_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
_LMS = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_OK = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
_YCC = (
    (0.299, 0.587, 0.114),
    (-0.168735891647856, -0.331264108352144, 0.5),
    (0.5, -0.418687589158345, -0.081312410841655),
)
_EDGE, _SLOPE, _FOOT = 0.0078125, 10.5402377416545, 0.0729055341958355


def converted(colors: torch.Tensor, start: Space, end: Space) -> torch.Tensor:
    """Colours of one space in another, any range.

    Curves are continued as odd functions below 0, so that each has an inverse everywhere
    [iec1999srgb]_, [cie2004colorimetry]_, [ottosson2020perceptual]_, [ampas2016acescct]_.

    Parameters
    ----------
    colors : torch.Tensor
        Shape `(..., 3)`, floating point.
    start, end : str
        Names of `SPACES`.

    Returns
    -------
    torch.Tensor
        The same shape and precision; the same tensor where the spaces are one.
    """
    if colors.shape[-1] != 3 or not colors.is_floating_point():
        raise DataError(f"colours are floating point (..., 3), got {colors.dtype} {tuple(colors.shape)}")
    if start == end:
        return colors
    if start == "srgb" and end == "ycbcr":
        return _times(colors, _YCC)
    if start == "ycbcr" and end == "srgb":
        return _times(colors, _YCC, inverse=True)
    return _FROM_LIGHT[end](_TO_LIGHT[start](colors))


def coded(colors: torch.Tensor, start: Coding, end: Coding) -> torch.Tensor:
    """Colours in the other coding; the same tensor where they are one."""
    return converted(colors, start, end)


def lightness_first(space: Space) -> bool:
    """Whether the first coordinate of a space is lightness and the others are chroma."""
    return space in ("lab", "oklab", "ycbcr")


def _times(colors: torch.Tensor, rows: tuple[tuple[float, ...], ...], *, inverse: bool = False) -> torch.Tensor:
    matrix = torch.as_tensor(rows, dtype=torch.float64)
    matrix = torch.linalg.inv(matrix) if inverse else matrix
    return colors @ matrix.T.to(colors)


def _root(x: torch.Tensor) -> torch.Tensor:
    return torch.copysign(x.abs().pow(1 / 3), x)


def _lab(light: torch.Tensor) -> torch.Tensor:
    white = torch.as_tensor(_WHITE, dtype=torch.float64).to(light)
    ratio = _times(light, _XYZ) / white
    size = ratio.abs()
    f = torch.copysign(torch.where(size > (6 / 29) ** 3, size.pow(1 / 3), size * (29 / 6) ** 2 / 3 + 4 / 29), ratio)
    # the foot's offset belongs to values from 0 up: odd about it, L = 116 f(0) - 16 = 0
    f = torch.where(ratio < 0, f + 8 / 29, f)
    x, y, z = f.unbind(-1)
    return torch.stack([1.16 * y - 0.16, 5 * (x - y), 2 * (y - z)], -1)


def _lab_light(lab: torch.Tensor) -> torch.Tensor:
    first, a, b = lab.unbind(-1)
    y = (first + 0.16) / 1.16
    f = torch.stack([y + a / 5, y, y - b / 2], -1) - 4 / 29
    size = f.abs() + 4 / 29
    ratio = torch.where(size > 6 / 29, size**3, 3 * (6 / 29) ** 2 * (size - 4 / 29))
    white = torch.as_tensor(_WHITE, dtype=torch.float64).to(lab)
    return _times(torch.copysign(ratio, f) * white, _XYZ, inverse=True)


def _oklab(light: torch.Tensor) -> torch.Tensor:
    return _times(_root(_times(light, _LMS)), _OK)


def _oklab_light(lab: torch.Tensor) -> torch.Tensor:
    return _times(_times(lab, _OK, inverse=True) ** 3, _LMS, inverse=True)


def _log(light: torch.Tensor) -> torch.Tensor:
    stops = (torch.log2(light.clamp(min=_EDGE)) + 9.72) / 17.52
    return torch.where(light <= _EDGE, light * _SLOPE + _FOOT, stops)


def _log_light(stops: torch.Tensor) -> torch.Tensor:
    edge = _EDGE * _SLOPE + _FOOT
    return torch.where(stops <= edge, (stops - _FOOT) / _SLOPE, torch.exp2(stops.clamp(min=edge) * 17.52 - 9.72))


def _same(colors: torch.Tensor) -> torch.Tensor:
    return colors


_TO_LIGHT: dict[Space, Callable[[torch.Tensor], torch.Tensor]] = {
    "srgb": to_linear,
    "linear": _same,
    "lab": _lab_light,
    "oklab": _oklab_light,
    "ycbcr": lambda colors: to_linear(_times(colors, _YCC, inverse=True)),
    "log": _log_light,
}
_FROM_LIGHT: dict[Space, Callable[[torch.Tensor], torch.Tensor]] = {
    "srgb": from_linear,
    "linear": _same,
    "lab": _lab,
    "oklab": _oklab,
    "ycbcr": lambda light: _times(from_linear(light), _YCC),
    "log": _log,
}
