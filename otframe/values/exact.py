"""Values to bytes and back with nothing lost that a later bit may depend on.

The codec's bytes are canonical: equal values give equal bytes. Here the order of mappings, the order of a tensor's axes
in memory (on which the rounding of sums may depend) and its device are kept too, and results that are no values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from otframe.errors import DataError, OtframeError
from otframe.values import codec
from otframe.values.base import Value
from otframe.values.stored import StoredResult

__all__ = ["Layout", "from_bytes", "laid", "layout", "to_bytes"]

_KEY = "otframe"
"""One key: several would come in any order."""

Layout = tuple[tuple[int, ...], str]
"""Strides and device."""


def to_bytes(result: Any, registry: codec.Names) -> bytes:
    """A value, a number, or a (named) tuple of these, as a safetensors file; `DataError` where it cannot be."""
    value = result if isinstance(result, Value) else StoredResult(result)
    tensors, header = codec.encode(value, registry)
    places = {path: layout(tensor) for path in tensors if (tensor := _at(value, path)) is not None}
    # not the sorted text that the codec writes: the order of mappings is part of a value too
    data: bytes = safetensors.torch.save(tensors, {_KEY: json.dumps([header, places])})
    return data


def from_bytes(data: bytes, registry: codec.Names) -> Any:
    """What `to_bytes` was given, named tuples as plain ones; `DataError` where the bytes are damaged."""
    try:
        end = 8 + int.from_bytes(data[:8], "little")
        header, places = json.loads(json.loads(data[8:end])["__metadata__"][_KEY])
        tensors = {path: laid(t, places.get(path)) for path, t in safetensors.torch.load(data).items()}
    except OtframeError:
        raise
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise DataError(f"the value is damaged: {error}") from error
    value = codec.decode(tensors, header, registry)
    return value.result if isinstance(value, StoredResult) else value


def layout(tensor: torch.Tensor) -> Layout:
    """The order of a tensor's axes in memory, and its device."""
    if tensor.layout is not torch.strided:
        return (), str(tensor.device)
    return torch.empty_like(tensor, device="meta").stride(), str(tensor.device)


def laid(tensor: torch.Tensor, place: Layout | None) -> torch.Tensor:
    """The tensor in memory of its own, laid out as it was."""
    strides, device = place or ((), "cpu")
    if len(strides) != tensor.dim():
        return tensor.clone()
    made = torch.empty_strided(tensor.shape, tuple(strides), dtype=tensor.dtype, device=device)
    return made.copy_(tensor)


def _at(value: Any, path: str) -> torch.Tensor | None:
    """The tensor at a path of the codec, None where the path leads to a part of one."""
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, (tuple, list)) and step.isdigit():
            value = value[int(step)]
        else:
            value = getattr(value, step, None)
    return value if isinstance(value, torch.Tensor) else None
