"""Models: components with learned weights. Their verbs get the loaded network injected; a pool loads each once."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

import torch

from otframe.interfaces.component import Component

__all__ = ["Model", "ModelPool", "current_pool", "verb"]

R = TypeVar("R")


class Model(Component):
    """A component with learned weights. `load` builds the network; methods marked `@verb` use it."""

    def load(self, device: torch.device, dtype: torch.dtype) -> Any:
        """The network, in evaluation mode, on the device. `ModelError` where weights are missing or do not fit."""
        raise NotImplementedError(f"{type(self).__name__} has no load")


class ModelPool:
    """Loaded networks, one for each (class, parameters, device, dtype). Safe to use from several threads."""

    def __init__(self, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32) -> None:
        self.device = torch.device(device)
        self.dtype = dtype
        self._nets: dict[tuple[Any, ...], Any] = {}
        self._lock = threading.Lock()
        self._loading: dict[tuple[Any, ...], threading.Lock] = {}

    def net(self, model: Model, device: torch.device | None = None, dtype: torch.dtype | None = None) -> Any:
        """The loaded network of a model: loaded at the first call, by one thread."""
        device, dtype = device or self.device, dtype or self.dtype
        key = (type(model), repr(model), str(device), str(dtype))  # repr names nested components in full
        with self._lock:
            lock = self._loading.setdefault(key, threading.Lock())
        with lock:
            if key not in self._nets:
                self._nets[key] = model.load(device, dtype)
        return self._nets[key]

    def clear(self) -> None:
        """Forget all networks, so that their memory is freed once nobody uses them."""
        with self._lock:
            self._nets.clear()
            self._loading.clear()


current_pool: ContextVar[ModelPool] = ContextVar("otframe_pool")
"""The pool of the session that is running; a call from plain Python falls back to one pool a process."""

_fallback = ModelPool()


def verb(method: Callable[..., R]) -> Callable[..., R]:
    """Mark a model's method as a verb: its `net` argument is filled from the pool where the caller gives none."""

    @functools.wraps(method)
    def call(self: Model, *args: Any, net: Any = None, **named: Any) -> Any:
        if net is None:
            net = current_pool.get(_fallback).net(self)
        return method(self, *args, net=net, **named)

    call.__otframe_verb__ = True  # type: ignore[attr-defined]
    return call
