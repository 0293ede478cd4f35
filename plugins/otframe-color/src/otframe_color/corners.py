"""The nodes around a place in a table and their weights: on tensors of any shape, without a loop over pieces."""

from __future__ import annotations

import torch

__all__ = ["corners", "looked_up"]


def looked_up(table: torch.Tensor, places: torch.Tensor, *, tetrahedral: bool) -> torch.Tensor:
    """A table's values at places, in one graph that can be traced.

    Parameters
    ----------
    table : torch.Tensor
        Shape `(s, ..., s, c)`, of d axes; three for tetrahedra.
    places : torch.Tensor
        Shape `(n, d)`, from 0 to 1.

    Returns
    -------
    torch.Tensor
        Shape `(n, c)`.
    """
    rows = table.reshape(-1, table.shape[-1])
    found = corners(table.shape[0], places, tetrahedral=tetrahedral)
    return torch.stack([rows[at] * weight[:, None] for at, weight in found]).sum(0)


def corners(size: int, places: torch.Tensor, *, tetrahedral: bool) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The nodes around places: the row of each in a table of s nodes an axis, `(n,)`, and its weight, `(n,)`."""
    place = places * (size - 1)
    cell = place.nan_to_num().floor().clamp(0, size - 2)
    within = (place - cell).unbind(1)
    base, *others = cell.to(torch.int64).unbind(1)
    for other in others:
        base = base * size + other
    parts = _tetrahedron(within, size) if tetrahedral else _cube(within, size)
    return [(base + offset, weight) for offset, weight in parts]


def _tetrahedron(within: tuple[torch.Tensor, ...], size: int) -> list[tuple[torch.Tensor | int, torch.Tensor]]:
    """Four nodes: the first, one step on along the largest part, another along the middle one, the last."""
    r, g, b = within
    red, green, blue = (torch.full_like(r, step).to(torch.int64) for step in (size * size, size, 1))
    most = torch.where(r >= g, torch.where(r >= b, red, blue), torch.where(g >= b, green, blue))
    least = torch.where(b <= g, torch.where(b <= r, blue, red), torch.where(g <= r, green, red))
    large, small = torch.maximum(torch.maximum(r, g), b), torch.minimum(torch.minimum(r, g), b)
    middle = torch.maximum(torch.minimum(r, g), torch.minimum(torch.maximum(r, g), b))
    whole = size * size + size + 1
    return [(0, 1 - large), (most, large - middle), (whole - least, middle - small), (whole, small)]


def _cube(within: tuple[torch.Tensor, ...], size: int) -> list[tuple[torch.Tensor | int, torch.Tensor]]:
    """All eight nodes, or two or four on fewer axes."""
    parts: list[tuple[torch.Tensor | int, torch.Tensor]] = [(0, torch.ones_like(within[0]))]
    for axis, part in enumerate(reversed(within)):
        beyond = [(at + size**axis, weight * part) for at, weight in parts]
        parts = [(at, weight * (1 - part)) for at, weight in parts] + beyond
    return parts
