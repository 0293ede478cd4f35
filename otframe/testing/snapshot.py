"""Comparing anything: a snapshot of a value, a state or a list, and where two of them differ."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel

from otframe.interfaces import Stream

__all__ = ["difference", "snapshot", "tensors"]


def snapshot(item: Any) -> Any:
    """A copy that later changes of `item` do not reach: nested dicts of plain things and cloned tensors."""
    if isinstance(item, torch.Tensor):
        return item.detach().clone()
    if isinstance(item, np.ndarray):
        return item.copy()
    if isinstance(item, Stream):
        return {key: snapshot(value) for key, value in item}
    if isinstance(item, BaseModel):
        private = getattr(item, "__pydantic_private__", None) or {}
        return {"": type(item), **{name: snapshot(part) for name, part in {**vars(item), **private}.items()}}
    if isinstance(item, Mapping):
        return {key: snapshot(part) for key, part in item.items()}
    if isinstance(item, (tuple, list)):
        return {"": type(item), **{str(k): snapshot(part) for k, part in enumerate(item)}}
    fields = _fields(item)
    if fields is None:
        return item
    return {"": type(item), **{name: snapshot(part) for name, part in fields.items()}}


def _fields(item: Any) -> dict[str, Any] | None:
    """What an object holds; None for what is plain."""
    if isinstance(item, type) or (callable(item) and not dataclasses.is_dataclass(item)):
        return None
    if dataclasses.is_dataclass(item):
        return {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}
    slots = [name for cls in type(item).__mro__ for name in getattr(cls, "__slots__", ())]
    if type(item).__module__ == "builtins" or not (slots or hasattr(item, "__dict__")):
        return None
    return {**{name: getattr(item, name) for name in slots if hasattr(item, name)}, **getattr(item, "__dict__", {})}


def difference(a: Any, b: Any, *, rtol: float = 0.0, path: str = "") -> str:
    """Where two snapshots differ, in words; empty where they agree.

    With `rtol` 0 they must agree bit for bit (NaN agrees with NaN); otherwise numbers may differ by `rtol` of the
    largest of their tensor, or of themselves.
    """
    where = path or "it"
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        if a.shape != b.shape or a.dtype != b.dtype:
            return f"{where} is {a.dtype} {tuple(a.shape)} and {b.dtype} {tuple(b.shape)}"
        return _arrays(a.cpu(), b.cpu(), rtol, where)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        if a.shape != b.shape or a.dtype != b.dtype:
            return f"{where} is {a.dtype} {a.shape} and {b.dtype} {b.shape}"
        return "" if np.array_equal(a, b, equal_nan=a.dtype.kind == "f") else f"{where} differs"
    if isinstance(a, dict) and isinstance(b, dict):
        if set(a) != set(b):
            return f"{where} holds {_names(a)} and {_names(b)}"
        found = (difference(a[key], b[key], rtol=rtol, path=f"{path}.{key}".strip(".")) for key in a)
        return next((told for told in found if told), "")
    if isinstance(a, float) and isinstance(b, float):
        same = a == b or (math.isnan(a) and math.isnan(b)) or (rtol > 0 and math.isclose(a, b, rel_tol=rtol))
        # what is zero in exact arithmetic may come out as rounding
        return "" if same or (rtol > 0 and abs(a - b) <= rtol * 1e-6) else f"{where} is {a!r} and {b!r}"
    return "" if type(a) is type(b) and a == b else f"{where} is {a!r} and {b!r}"


def _arrays(a: torch.Tensor, b: torch.Tensor, rtol: float, where: str) -> str:
    if a.layout is not torch.strided:
        a, b = a.to_dense(), b.to_dense()
    if not a.is_floating_point():
        return "" if torch.equal(a, b) else f"{where} differs"
    scale = float(a.nan_to_num(0, 0, 0).abs().max()) if a.numel() else 0.0
    if torch.allclose(a, b, rtol=0.0, atol=rtol * scale, equal_nan=True):
        return ""
    apart = float((a.double() - b.double()).abs().nan_to_num(math.inf).max())
    return f"{where} differs by up to {apart:.1e} (its largest number is {scale:.1e})"


def _names(tree: dict[Any, Any]) -> str:
    return ", ".join(str(key) for key in tree if key != "") or "nothing"


def tensors(item: Any, path: str = "") -> list[tuple[str, torch.Tensor]]:
    """Every tensor in a value, a state or a list, with its path."""
    if isinstance(item, torch.Tensor):
        return [(path or "it", item)]
    if isinstance(item, Mapping):
        parts = {str(key): part for key, part in item.items()}
    elif isinstance(item, Stream):
        parts = dict(item)
    elif isinstance(item, (tuple, list)):
        parts = {str(k): part for k, part in enumerate(item)}
    else:
        parts = _fields(item) or {}
    return [found for name, part in parts.items() for found in tensors(part, f"{path}.{name}".strip("."))]
