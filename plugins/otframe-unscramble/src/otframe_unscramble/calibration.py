"""`unscramble.calibration`: what a method found out about the pairs that it learnt from, as a table."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Component, Transform
from otframe.values import Table
from otframe_unscramble.values import Unscrambler

__all__ = ["CalibrationTable"]


class CalibrationTable(Transform):
    """One row for each calibration pair: how far its clear picture was displaced, and what the pair is worth.

    Columns are `pair`; `down` and `right`, px, of each channel or their mean; `size`, the mean length of the channels'
    displacements, px; and `trust`, from 0 (no pair at all) to 1. Cells are empty where a method does not look for it:
    least squares takes pictures as they are.
    """

    references: ClassVar[tuple[str, ...]] = ("bolle2022robust",)

    title: str = "Calibration"
    """The table's caption."""

    channels: int = Parameter(default=4, ge=0)
    """Up to so many channels each have columns of their own, numbered from 1; of more, or with 0, the mean is told."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Each channel, and their mean."""
        return [cls(), cls(channels=0, title="Pairs")]

    def __call__(self, operator: Unscrambler) -> Table:
        """The table, in the order of the operator's keys.

        Raises
        ------
        DataError
            The operator does not tell its pairs, as what was learnt from moments, or has shifts that are not finite.
        """
        if not operator.keys:
            raise DataError(
                "the operator does not tell which pairs it was learnt from",
                hint="learn it from `unscramble.pairs`; moments forget their pairs",
            )
        for name, part in (("shifts", operator.shifts), ("trust", operator.trust)):
            if part is not None and not bool(torch.isfinite(part).all()):
                raise DataError(f"the operator's {name} must be finite, got NaN or infinity")
        names, cells = _shifts(operator.shifts, len(operator.keys), self.channels)
        trust = [None] * len(cells) if operator.trust is None else [float(one) for one in operator.trust.cpu()]
        rows = tuple((key, *row, worth) for key, row, worth in zip(operator.keys, cells, trust, strict=True))
        return Table(("pair", *names, "size", "trust"), rows, self.title)


def _shifts(
    shifts: torch.Tensor | None, count: int, channels: int
) -> tuple[tuple[str, ...], list[tuple[float | None, ...]]]:
    """Names of the columns of shifts `(n, C, 2)`, and of each pair the cells and the mean length."""
    if shifts is None:
        return ("down", "right"), [(None, None, None)] * count
    shifts = shifts.detach().cpu().double()
    size = shifts.norm(dim=2).mean(1)
    if not 1 < shifts.shape[1] <= channels:
        shifts = shifts.mean(1, keepdim=True)
        names: tuple[str, ...] = ("down", "right")
    else:
        names = tuple(f"{way} {k + 1}" for k in range(shifts.shape[1]) for way in ("down", "right"))
    told = torch.cat([shifts.flatten(1), size[:, None]], 1)
    return names, [tuple(float(cell) for cell in row) for row in told]
