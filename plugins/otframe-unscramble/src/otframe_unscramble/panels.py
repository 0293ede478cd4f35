"""Panels of pictures about operators: colours that tell positions, tiles in frames, and how they stand on a page."""

from __future__ import annotations

import torch

__all__ = ["beside", "dotted", "enlarged", "framed", "inked", "position_colours", "sheet"]

_CORNERS = ((1.0, 0.80, 0.10), (0.95, 0.15, 0.35), (0.05, 0.75, 0.45), (0.25, 0.30, 1.0))
"""Top left, top right, bottom left, bottom right: yellow, red, green, blue."""

_PAPER = 0.04
_ZERO = 0.13
_GAMMA = 2.2


def position_colours(height: int, width: int) -> torch.Tensor:
    """A colour for each position of a frame, `(3, H, W)`; mixed of the corners' in linear light."""
    corners = torch.tensor(_CORNERS).pow(_GAMMA).T.reshape(1, 3, 2, 2)
    size = (max(height, 2), max(width, 2))
    mixed = torch.nn.functional.interpolate(corners, size, mode="bilinear", align_corners=True)
    return mixed[0, :, :height, :width].pow(1 / _GAMMA)


def inked(weights: torch.Tensor, scale: int, dot: float) -> torch.Tensor:
    """Weights `(H, W)` as a picture, enlarged: the largest magnitude is white, 0 dark grey; negative ones are blue.

    Single pixels are grown to at least `dot` px, or they would not be seen on large tiles.
    """
    largest = float(weights.abs().max())
    share = weights / largest if largest > 0 else weights
    reach = 2 * max(0, round((dot / scale - 1) / 2)) + 1
    above, below = (
        torch.nn.functional.max_pool2d(part[None], reach, 1, reach // 2)[0].pow(1 / 1.25)
        for part in (share.clamp(min=0), (-share).clamp(min=0))
    )
    ink = torch.where(above >= below, above, -below)[None]
    warm, cold = (torch.tensor(colour)[:, None, None] for colour in ((1.0, 0.97, 0.9), (0.25, 0.55, 1.0)))
    return enlarged(_ZERO + ink.abs() * (torch.where(ink > 0, warm, cold) - _ZERO), scale)


def framed(tile: torch.Tensor, colour: torch.Tensor, frame: int) -> torch.Tensor:
    """A tile `(3, H, W)` in a frame of a colour `(3,)`, with room around it."""
    height, width = tile.shape[-2:]
    made = colour[:, None, None].repeat(1, height + 2 * frame, width + 2 * frame)
    made[:, frame:-frame, frame:-frame] = tile
    return torch.nn.functional.pad(made, (frame,) * 4, value=_PAPER)


def sheet(tiles: torch.Tensor, rows: int) -> torch.Tensor:
    """Tiles `(n, 3, h, w)` in rows."""
    count, _, height, width = tiles.shape
    placed = tiles.unflatten(0, (rows, count // rows)).permute(2, 0, 3, 1, 4)
    return placed.reshape(3, rows * height, (count // rows) * width)


def dotted(key: torch.Tensor, down: torch.Tensor, right: torch.Tensor, scale: int) -> torch.Tensor:
    """A key `(3, H, W)`, enlarged and dimmed, with bright squares at the crossings of some rows and columns."""
    height, width = key.shape[-2:]
    made = enlarged(key * 0.35, scale)
    gap = min(height / len(down), width / len(right)) * scale
    half = max(1, round(gap * 0.26))
    for i in down:
        for j in right:
            y, x = (int((float(k) + 0.5) * scale) for k in (i, j))
            box = (slice(None), slice(max(0, y - half), y + half), slice(max(0, x - half), x + half))
            made[box] = key[:, i, j][:, None, None]
    return made


def beside(key: torch.Tensor, main: torch.Tensor) -> torch.Tensor:
    """A key at the upper left of what it is the key to, on dark paper."""
    room = max(8, main.shape[-2] // 45)
    height = max(key.shape[-2], main.shape[-2]) + 2 * room
    made = torch.full((3, height, key.shape[-1] + main.shape[-1] + 3 * room), _PAPER)
    for part, left in ((key, room), (main, key.shape[-1] + 2 * room)):
        made[:, room : room + part.shape[-2], left : left + part.shape[-1]] = part
    return made


def enlarged(picture: torch.Tensor, scale: int) -> torch.Tensor:
    """Each pixel as a square."""
    return picture.repeat_interleave(scale, -2).repeat_interleave(scale, -1)
