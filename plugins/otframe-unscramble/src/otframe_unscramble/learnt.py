"""`unscramble.learnt`: an operator as a picture to look at."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import ClassVar, Literal

import torch
from pydantic import Field as Parameter

from otframe.interfaces import Component, Transform
from otframe.values import Image, LinearMap
from otframe_unscramble.panels import beside, dotted, enlarged, framed, inked, position_colours, sheet
from otframe_unscramble.values import Unscrambler

__all__ = ["Learnt", "origins"]

_ROWS = 256


class Learnt(Transform):
    """What an operator learnt, as a picture for a report: where the light of scrambled pixels came from.

    The small frame at the left is the scrambled picture, coloured by position: the key. At the right, with `columns`,
    is what single scrambled pixels see of the picture, columns of the operator [zhang2014sparkle]_: in the places, and
    framed in the colours, of the squares in the key. Each is scaled to its largest weight; negative weights are blue.
    With `origins` the right is the recovered picture, each pixel in the colour of the scrambled pixel that counts most
    for it, the darker the less that one stands out of the others. A medium that leaves all in its place shows the key
    again, a permutation confetti as bright; black pixels have no source.
    """

    references: ClassVar[tuple[str, ...]] = ("zhang2014sparkle",)

    show: Literal["columns", "origins"] = "columns"
    """`columns`: what some scrambled pixels see. `origins`: where each pixel of the picture is found."""

    count: int = Parameter(default=36, ge=1, le=400)
    """About how many columns to show, on a grid over the scrambled picture; no more than it has pixels."""

    side: int = Parameter(default=900, ge=64, le=4096)
    """About how many px the right part is high, or half as many as it is wide where it is longer than that. Pixels are
    enlarged whole times; many columns of large pictures make it higher."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Both views."""
        return [cls(count=9, side=128), cls(show="origins", side=64)]

    def __call__(self, operator: Unscrambler) -> Image:
        """Draw it, in sRGB.

        Parameters
        ----------
        operator : Unscrambler
            Of any form: it is written out in blocks of rows alone.
        """
        height, width = operator.source
        key = position_colours(height, width)
        scale = max(1, round(self.side / 3 / max(height, width)))
        if self.show == "columns":
            down, right = _grid(operator.source, self.count)
            drawn = beside(dotted(key, down, right, scale), self._columns(operator, key, down, right))
        else:
            origin, sharp = origins(operator.map)
            picture = key.flatten(1)[:, origin.cpu()] * sharp.cpu().float().sqrt()
            drawn = beside(
                enlarged(key, scale),
                enlarged(picture.unflatten(1, operator.target), max(1, self.side // max(operator.target))),
            )
        there = operator.map.rows(0, 1).device
        return Image(drawn.clamp(0, 1).to(there), None, "srgb", MappingProxyType({"depth": "uint8"}))

    def _columns(
        self, operator: Unscrambler, key: torch.Tensor, down: torch.Tensor, right: torch.Tensor
    ) -> torch.Tensor:
        at = (down[:, None] * operator.source[1] + right[None]).flatten()
        units = torch.nn.functional.one_hot(at, operator.map.shape[1]).to(operator.map.rows(0, 1))
        seen = operator.map(units).cpu().float().unflatten(1, operator.target)
        room = self.side / max(len(down), len(right) / 2)
        frame = max(1, round(room / 60))
        scale = max(1, round((room - 4 * frame) / max(operator.target)))
        dot = scale * max(operator.target) / 26
        colours = key.flatten(1)[:, at].T
        tiles = [framed(inked(one, scale, dot), colour, frame) for one, colour in zip(seen, colours, strict=True)]
        return sheet(torch.stack(tiles), len(down))


def origins(operator: LinearMap) -> tuple[torch.Tensor, torch.Tensor]:
    """For each row, the column of its entry of largest magnitude, and what part of the row's 2-norm that one is.

    An empty row has part 0.
    """
    found, parts = [], []
    for start in range(0, operator.shape[0], _ROWS):
        block = operator.rows(start, min(start + _ROWS, operator.shape[0])).abs()
        most, at = block.max(1)
        found.append(at)
        parts.append(most / torch.linalg.norm(block, dim=1).clamp(min=1e-30))
    return torch.cat(found), torch.cat(parts)


def _grid(size: tuple[int, int], count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows and columns of about `count` pixels spread over a frame."""
    height, width = size
    rows = min(height, max(1, round(math.sqrt(count * height / width))))
    columns = min(width, max(1, round(count / rows)))
    down, right = (
        ((torch.arange(number) + 0.5) * side / number).long() for number, side in ((rows, height), (columns, width))
    )
    return down, right
