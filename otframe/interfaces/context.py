"""`Context`: what the engine lends a verb that asks for it, and no port: randomness, progress, cancelling, device."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from otframe.errors import CancelledError
from otframe.interfaces.model import Model, ModelPool, current_pool

__all__ = ["Context"]


@dataclass(eq=False)
class Context:
    """One call's surroundings. `Context(seed=1)` is enough to call a component from plain Python.

    Parameters
    ----------
    seed : int
        The run's seed.
    node : str
        Name that the randomness is drawn for: the node's path, or its `rng:` name.
    key : str
        The item's key; empty outside a stream.
    device : torch.device
        Where to compute.
    workdir : Path, optional
        A folder for scratch files.
    """

    seed: int = 0
    node: str = ""
    key: str = ""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    workdir: Path | None = None
    pool: ModelPool | None = None
    on_progress: Callable[[float, str], None] | None = None
    is_cancelled: Callable[[], bool] | None = None
    _rng: torch.Generator | None = field(default=None, init=False, repr=False)

    @property
    def rng(self) -> torch.Generator:
        """A CPU generator seeded from the run's seed, the node and the key: the same whatever runs beside it."""
        if self._rng is None:
            text = f"{self.seed}\0{self.node}\0{self.key}".encode()
            digest = int.from_bytes(hashlib.sha256(text).digest()[:8], "big")
            self._rng = torch.Generator().manual_seed(digest & (2**63 - 1))
        return self._rng

    def progress(self, fraction: float, note: str = "") -> None:
        """Tell how far a long call is, from 0 to 1; also a point where it may be cancelled."""
        self.check_cancelled()
        if self.on_progress is not None:
            self.on_progress(fraction, note)

    def check_cancelled(self) -> None:
        """Raise `CancelledError` where the host asked to stop."""
        if self.is_cancelled is not None and self.is_cancelled():
            raise CancelledError("the run was cancelled")

    def call(self, method: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Call a verb of a component held as a parameter or taken from a wire: injects this context and the network."""
        owner = getattr(method, "__self__", None)
        asked = inspect.signature(method).parameters
        if "ctx" in asked and "ctx" not in named:
            named["ctx"] = self
        if "net" in asked and "net" not in named and isinstance(owner, Model):
            pool = self.pool or current_pool.get(None)
            if pool is not None:
                named["net"] = pool.net(owner, self.device, self.dtype)
        return method(*args, **named)
