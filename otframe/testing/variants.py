"""Unusual versions of a value: with a NaN, of another dimension, as small as can be."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch

from otframe.errors import OtframeError
from otframe.interfaces import Stream
from otframe.testing.arguments import Listed
from otframe.testing.samples import DIM, PATCH, SIZE, cloud, image, law
from otframe.testing.snapshot import tensors
from otframe.values import (
    AffineMap,
    Field,
    GaussianLaw,
    Image,
    Latent,
    PatchSet,
    PointCloud,
    Scalar,
    SolveInfo,
    Table,
    Transport,
    Value,
)

__all__ = ["first_replaced", "other_dimension", "smallest", "spoiled", "spoilt_share"]


def spoiled(value: Any) -> Any:
    """The value with one NaN in its first tensor; None where it has none or refuses it itself.

    Transports are left out: solvers make them, and never of NaN.
    """
    if isinstance(value, Transport) or not isinstance(value, Value) or not dataclasses.is_dataclass(value):
        return None
    for field in dataclasses.fields(value):
        part = getattr(value, field.name)
        if isinstance(part, torch.Tensor) and part.is_floating_point() and part.numel() and field.init:
            part = part.clone()
            part[(0,) * part.ndim] = torch.nan
            try:
                return dataclasses.replace(value, **{field.name: part})
            except OtframeError:
                return None
    return None


def spoilt_share(value: Any) -> float:
    """Which part of a value is NaN: of a field's positions, of a cloud's points; all or nothing else."""
    if isinstance(value, Field):
        return float(value.grid.isnan().any(0).double().mean())
    if isinstance(value, PointCloud):
        return float(value.points.isnan().any(1).double().mean())
    if isinstance(value, tuple):
        return max((spoilt_share(part) for part in value), default=0.0)
    numbers: list[Any] = [value.number] if isinstance(value, Scalar) else []
    if isinstance(value, Table):
        numbers = [cell for row in value.rows for cell in row]
    bad = any(bool(found.isnan().any()) for _, found in tensors(value))
    return 1.0 if bad or any(number != number for number in numbers) else 0.0


def other_dimension(value: Any) -> list[Any]:
    """Values of the same type in other dimensions: a law of one more, an image of another size, a grey one, ..."""
    if isinstance(value, GaussianLaw):
        return [law(3, DIM + 1)]
    if type(value) is PointCloud:
        return [cloud(3, dim=DIM + 1)]
    if isinstance(value, AffineMap):
        return [AffineMap(1.0, SolveInfo(), law(3, DIM + 1).cov, law(3, DIM + 1).mean)]
    if isinstance(value, PatchSet):
        return [PatchSet(value.field, PATCH + 1)]
    if isinstance(value, Image):
        return [image(3, size=(SIZE[0] + 3, SIZE[1])), image(3, channels=1)]
    if isinstance(value, Latent):
        more = torch.cat([value.values, value.values[:1]])
        return [
            dataclasses.replace(value, values=more),
            dataclasses.replace(value, size=(value.size[0] + 4, value.size[1])),
        ]
    return []


def smallest(value: Any) -> Any:
    """The smallest value of the same type: one pixel, one patch, one point, a table without rows; else itself."""
    if isinstance(value, Image):
        return image(4, size=(1, 1))
    if isinstance(value, Latent):
        alpha = None if value.alpha is None else value.alpha[:1, :1]
        return dataclasses.replace(value, values=value.values[:, :1, :1], size=(1, 1), alpha=alpha)
    if isinstance(value, PatchSet):
        grid = value.field.grid[:, :PATCH, :PATCH]
        return PatchSet(Image(grid) if isinstance(value.field, Image) else _cut(value.field, grid), PATCH)
    if isinstance(value, PointCloud):
        return dataclasses.replace(value, points=value.points[:1], weights=None)
    if isinstance(value, Table):
        return dataclasses.replace(value, rows=())
    return value


def _cut(field: Any, grid: torch.Tensor) -> Any:
    return dataclasses.replace(field, values=grid, size=(2 * PATCH, 2 * PATCH), alpha=None)


def first_replaced(argument: Any, changed: Any) -> Any:
    """An argument with its first value replaced: itself, or the first of what a gathering port holds."""
    if isinstance(argument, Stream):
        return Listed({**dict(argument), argument.keys()[0]: changed})
    if isinstance(argument, list):
        return [changed, *argument[1:]]
    if isinstance(argument, Mapping):
        return {**argument, next(iter(argument)): changed}
    return changed
