"""A second device where there is none: tensors that say they are elsewhere and are computed on the CPU.

They say `meta`, the one name of a device that every build of torch lets other tensors use. Every operation is looked
at before it is done: tensors of both devices in one of them, or a NumPy view of what is not on the CPU, are refused as
a real device refuses them. Values are real, so that components may branch on them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from otframe.interfaces import Stream
from otframe.testing.arguments import Listed
from otframe.values import Value

__all__ = ["DEVICE", "Elsewhere", "away"]

DEVICE = torch.device("meta")
"""What the second device is called."""

_CPU = torch.device("cpu")

_CROSSING = ("aten::_to_copy", "aten::copy_", "aten::_copy_from", "aten::index", "aten::index_put_")


class _Away(torch.Tensor):
    """A CPU tensor that says it is on `DEVICE`."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> _Away:
        made: _Away = torch.Tensor._make_wrapper_subclass(
            cls, inner.shape, inner.stride(), inner.storage_offset(), dtype=inner.dtype, device=DEVICE
        )
        made.held = inner
        return made

    def __repr__(self) -> str:  # type: ignore[override]
        return f"away({self.held!r})"

    def tolist(self) -> Any:
        """The numbers, as any device gives them."""
        return self.held.tolist()

    def new_tensor(self, data: Any, **options: Any) -> torch.Tensor:  # type: ignore[override]
        """A tensor of data on this device, unless another is named."""
        there = torch.device(options.pop("device", DEVICE)) == DEVICE
        made = self.held.new_tensor(data, **options)
        return _Away(made) if there else made

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _do(func, args, kwargs or {})


class Elsewhere(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While active, `device=` may name the second device: what is made there is away too."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _do(func, args, kwargs or {})


def _do(func: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
    seen: dict[bool, torch.Tensor] = {}
    same: dict[int, _Away] = {}

    def unwrap(item: Any) -> Any:
        if isinstance(item, _Away):
            seen[True] = item
            same[id(item.held)] = item
            return item.held
        if isinstance(item, torch.Tensor) and item.ndim:  # numbers may mix
            seen.setdefault(False, item)
        return _CPU if isinstance(item, torch.device) and item == DEVICE else item

    target = kwargs.get("device")
    args, named = tree_map(unwrap, (tuple(args), dict(kwargs)))
    if len(seen) == 2 and func._schema.name not in _CROSSING:
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but {func._schema.name} got some of {DEVICE}, some of cpu"
        )
    moved = func._schema.name == "aten::copy_"
    to_away = True in seen if target is None else torch.device(target).type == DEVICE.type
    made = func(*args, **named)

    def wrap(item: Any) -> Any:
        if not isinstance(item, torch.Tensor) or isinstance(item, _Away):
            return item
        if id(item) in same:
            return same[id(item)]  # done in place
        return _Away(item) if to_away and not moved else item

    return tree_map(wrap, made)


def away(item: Any, device: torch.device = DEVICE) -> Any:
    """The same value, list or mapping with its tensors on another device: the pretended one, or a real one."""
    return _mapped(item, _Away if device == DEVICE else lambda tensor: tensor.to(device))


def _mapped(item: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    if isinstance(item, torch.Tensor):
        return change(item)
    if isinstance(item, Value) and dataclasses.is_dataclass(item):
        fields = {f.name: _mapped(getattr(item, f.name), change) for f in dataclasses.fields(item) if f.init}
        return dataclasses.replace(item, **fields)
    if isinstance(item, MappingProxyType):
        return MappingProxyType({key: _mapped(part, change) for key, part in item.items()})
    if isinstance(item, Stream):
        return Listed({key: _mapped(part, change) for key, part in item})
    if isinstance(item, dict):
        return {key: _mapped(part, change) for key, part in item.items()}
    if isinstance(item, (list, tuple)) and not hasattr(item, "_fields"):
        return type(item)(_mapped(part, change) for part in item)
    return item
