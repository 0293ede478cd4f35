"""Colour maps on NumPy arrays of any depth, for programs that hold pixels of their own."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import torch

from otframe.errors import DataError
from otframe.interfaces import Context, Solver
from otframe.numerics.byte_colors import each_color_once
from otframe.values import Image
from otframe_color.cloud import Cloud
from otframe_color.maps import ColorMap, FittedMap
from otframe_color.spaces import CODINGS, Coding, Space, coded
from otframe_color.transfer import fitted

__all__ = ["map_between", "recolored_array"]

_PIECE = 1 << 19
_SCALES = {"uint8": 255.0, "uint16": 65535.0}


def recolored_array(
    map: ColorMap, array: np.ndarray, *, coding: Coding = "srgb", out: np.ndarray | None = None
) -> np.ndarray:
    """Pixels with their colours moved by a map, in the depth they came in.

    8-bit colours are moved once each; others in pieces, so that nothing but the result needs memory.

    Parameters
    ----------
    map : ColorMap
        Fitted, or read from a file.
    array : numpy.ndarray
        `(H, W, 3)` or `(H, W, 4)` with straight alpha last, which is kept: uint8, uint16, float16, float32 or float64.
    coding : str
        `srgb` where values are coded for display, `linear` where they are light.
    out : numpy.ndarray, optional
        Where to write, of the same shape and type; may be `array` itself.

    Returns
    -------
    numpy.ndarray
        Integers are rounded and clipped, floating point is neither. `DataError` for other shapes and types, and where
        something is NaN or infinite.
    """
    _check(array, coding)
    if out is not None and (out.shape != array.shape or out.dtype != array.dtype):
        raise DataError(f"`out` is of the shape and type of the pixels, got {out.dtype} {out.shape}")

    def move(colors: torch.Tensor) -> torch.Tensor:
        return coded(map(coded(colors, coding, map.coding)), map.coding, coding)

    if array.dtype == np.uint8 and array.shape[2] == 3 and out is None:
        return each_color_once(array, move)
    out = np.empty_like(array) if out is None else out
    if array.shape[2] == 4 and out is not array:
        out[..., 3] = array[..., 3]
    if array.dtype == np.uint8:
        out[..., :3] = each_color_once(array[..., :3], move)
        return out
    rows = max(1, _PIECE // array.shape[1])
    for start in range(0, len(array), rows):
        out[start : start + rows, :, :3] = _moved(array[start : start + rows, :, :3], move)
    return out


def _moved(part: np.ndarray, move: object) -> np.ndarray:
    assert callable(move)
    scale = _SCALES.get(part.dtype.name, 0.0)
    planes = np.ascontiguousarray(part.transpose(2, 0, 1)).reshape(3, -1)
    planes = planes.astype(np.float64 if part.dtype == np.float64 else np.float32, copy=False)
    if scale:
        planes *= np.float32(1 / scale)
    elif not np.isfinite(planes).all():
        raise DataError("the pixels must be finite, got NaN or infinity")
    made = move(torch.from_numpy(planes).T).T
    if scale:
        made = (made * scale).round_().clamp_(0, scale)
    return made.contiguous().numpy().reshape(3, *part.shape[:2]).transpose(1, 2, 0).astype(part.dtype)


def map_between(
    source: np.ndarray | Sequence[np.ndarray],
    reference: np.ndarray | Sequence[np.ndarray],
    *,
    solver: Solver,
    space: Space = "srgb",
    strength: float = 1.0,
    samples: int = 49_152,
    coding: Coding = "srgb",
    seed: int = 0,
) -> FittedMap:
    """The colour map from some pixels to others: `color.cloud` and `color.transfer` on arrays.

    Only the pixels that are drawn are converted, so that a large photograph costs no more than a small one.

    Parameters
    ----------
    source, reference : numpy.ndarray, or a sequence of them
        `(H, W, 3)` or `(H, W, 4)` of any depth, as for `recolored_array`; several count by their pixels.
    solver : Solver
        Such as `component("sliced.transport")`.
    space : str
        The working space.
    strength : float
        How far colours go, 0 to 1.
    samples : int
        Colours of each side.
    coding : str
        How both are coded.
    seed : int
        What pixels are drawn from.
    """
    fit = Cloud(space=space, samples=samples)
    clouds = []
    for name, side in (("source", source), ("reference", reference)):
        ctx = Context(seed=seed, node=name)
        arrays = [side] if isinstance(side, np.ndarray) else list(side)
        if not arrays:
            raise DataError(f"the {name} is empty: wanted one array of pixels at least")
        for array in arrays:
            _check(array, coding)
        total = sum(_seen(array) for array in arrays)
        if total == 0:
            raise DataError(f"all of the {name} is transparent", hint="look at its alpha")
        states = [fit.lift(_drawn(array, samples / total, coding, ctx), ctx=ctx) for array in arrays]
        clouds.append(fit.finish(functools.reduce(fit.merge, states)))
    return fitted(solver, clouds[0], clouds[1], Context(seed=seed, node="map"), strength=strength)


def _check(array: np.ndarray, coding: str) -> None:
    if array.ndim != 3 or array.shape[2] not in (3, 4) or min(array.shape) == 0:
        raise DataError(f"wanted pixels (H, W, 3) or (H, W, 4), got {array.shape}", hint="stack grey three times")
    if array.dtype.name not in _SCALES and not np.issubdtype(array.dtype, np.floating):
        raise DataError(f"wanted uint8, uint16 or floating point, got {array.dtype}", hint="convert it first")
    if coding not in CODINGS:
        raise DataError(f"colours are coded as {' or '.join(CODINGS)}, got '{coding}'")


def _seen(array: np.ndarray) -> int:
    """How many pixels are not transparent."""
    return int(np.count_nonzero(array[..., 3])) if array.shape[2] == 4 else array.shape[0] * array.shape[1]


def _drawn(array: np.ndarray, share: float, coding: Coding, ctx: Context) -> Image:
    """A share of an array's pixels that are not transparent, from all over it, as an image of one row."""
    total = _seen(array)
    if share < 1 and total:
        count = max(1, round(share * total))
        steps = torch.arange(count) + torch.rand(count, generator=ctx.rng, dtype=torch.float64)
        index = (steps * (total / count)).long().clamp_(max=total - 1).numpy()
        if array.shape[2] == 4 and total < array.shape[0] * array.shape[1]:
            index = np.flatnonzero(array[..., 3])[index]
        rows, columns = np.divmod(index, array.shape[1])
        array = array[rows, columns][None]
    return Image.from_numpy(array, space="linear" if coding == "linear" else None)
