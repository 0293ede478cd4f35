"""Calling one node: arguments from wires and constants, what is injected, and errors that know where they came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin

import torch

from otframe.errors import ComponentError, DataError, OtframeError, Where
from otframe.graph import Node, Ref
from otframe.interfaces import Accumulator, Context, Model, ModelPool, current_pool
from otframe.io.source import Source
from otframe.ports import describe
from otframe.values import Scalar

__all__ = ["Caller", "fits", "guarded"]

Lookup = Callable[[Ref], Any]


@dataclass
class Caller:
    """Calls nodes with what one run lends them."""

    seed: int = 0
    pool: ModelPool = field(default_factory=ModelPool)
    workdir: Path | None = None
    on_progress: Callable[[str, str, float, str], None] | None = None
    is_cancelled: Callable[[], bool] | None = None

    def read(self, node: Node, source: Source, key: str) -> Any:
        """The value of an input."""
        with guarded(f"the reader of {source.where(key)}", node=node.id, key=key):
            return source.load(key)

    def call(self, node: Node, key: str, lookup: Lookup, whole: Mapping[str, Any]) -> Any:
        """The value of a node for an item. Accumulators are lifted and finished: a fold over one."""
        if node.arrow == "model":
            return node.component
        made = self._guarded(node, key, lambda: self._lift_or_call(node, key, lookup, whole))
        if node.signature is not None and node.signature.verb == "lift":
            made = self.finish(node, made, key)
        return made

    def lift(self, node: Node, key: str, lookup: Lookup, whole: Mapping[str, Any]) -> Any:
        """The state of one item of a fold."""
        return self._guarded(node, key, lambda: self._lift_or_call(node, key, lookup, whole), check=False)

    def merge(self, node: Node, a: Any, b: Any) -> Any:
        """The state of two states' items."""
        fold = _accumulator(node)
        return self._guarded(node, "", lambda: fold.merge(a, b), check=False)

    def finish(self, node: Node, state: Any, key: str = "") -> Any:
        """The value of a fold's state."""
        fold = _accumulator(node)
        return self._guarded(node, key, lambda: fold.finish(state), check=True)

    def _lift_or_call(self, node: Node, key: str, lookup: Lookup, whole: Mapping[str, Any]) -> Any:
        signature = node.signature
        assert signature is not None
        owner: Any = lookup(node.model) if node.model is not None else node.component
        arguments = dict(node.constants)
        for port in signature.inputs:
            if port.name in whole:
                arguments[port.name] = whole[port.name]
            elif port.name in node.wires:
                arguments[port.name] = _gather(node.wires[port.name], lookup)
            if port.hint is float and isinstance(arguments.get(port.name), Scalar):
                arguments[port.name] = float(arguments[port.name])
        ctx = self.context(node, key)
        if signature.takes_ctx:
            arguments["ctx"] = ctx
        if signature.takes_net and isinstance(owner, Model):
            arguments["net"] = self.pool.net(owner, ctx.device, ctx.dtype)
        return getattr(owner, signature.verb)(**arguments)

    def context(self, node: Node, key: str) -> Context:
        """What the run lends a node's verb."""
        device = node.options.get("device")
        dtype = node.options.get("dtype")
        tell = self.on_progress
        return Context(
            seed=self.seed,
            node=node.rng,
            key=key,
            device=self.pool.device if device is None else torch.device(device),
            dtype=self.pool.dtype if dtype is None else getattr(torch, dtype),
            workdir=self.workdir,
            pool=self.pool,
            on_progress=None if tell is None else lambda fraction, note: tell(node.id, key, fraction, note),
            is_cancelled=self.is_cancelled,
        )

    def _guarded(self, node: Node, key: str, call: Callable[[], Any], *, check: bool | None = None) -> Any:
        token = current_pool.set(self.pool)
        try:
            with guarded(f"'{node.use}'", node=node.id, key=key, where=node.where), torch.no_grad():
                made = call()
        finally:
            current_pool.reset(token)
        folding = node.signature is not None and node.signature.verb == "lift"
        if (check if check is not None else not folding) and not fits(made, node.type):
            raise ComponentError(
                f"'{node.use}' promised {describe(node.type)} and gave {type(made).__name__}",
                node=node.id,
                key=key,
                where=node.where,
            )
        return made


class guarded:  # noqa: N801 - reads as the statement that it is
    """Make every error of plugin code a typed one that knows its place: `with guarded("'name'", node="path"): ...`."""

    __slots__ = ("key", "node", "what", "where")

    def __init__(self, what: str, *, node: str, key: str = "", where: Where | None = None) -> None:
        self.what, self.node, self.key, self.where = what, node, key, where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OtframeError):
            error.at(node=self.node, key=self.key, where=self.where)
        elif isinstance(error, Exception):
            raise self._typed(error).at(node=self.node, key=self.key, where=self.where) from error

    def _typed(self, error: Exception) -> OtframeError:
        if _out_of_memory(error):
            return DataError(f"{self.what} ran out of memory", hint="give smaller images, or a device with more memory")
        told = f": {error}" if str(error) else ""
        return ComponentError(
            f"{self.what} raised {type(error).__name__}{told}",
            hint="this is a defect of the component, or a value it does not expect; the traceback tells more",
        )


def _out_of_memory(error: Exception) -> bool:
    """Whether memory was refused: by Python and NumPy, by torch on a device or on the host, by OpenCV."""
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    return any(sign in str(error) for sign in ("DefaultCPUAllocator: can't allocate", "Insufficient memory"))


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is an instance of a wire's type; arguments of generics are not looked at."""
    base = get_origin(hint) or hint
    if isinstance(base, type):
        return isinstance(value, (int, float) if base is float else base)
    return any(fits(value, arm) for arm in get_args(hint)) or not get_args(hint)


def _accumulator(node: Node) -> Accumulator:
    assert isinstance(node.component, Accumulator)
    return node.component


def _gather(wire: Any, lookup: Lookup) -> Any:
    if isinstance(wire, Ref):
        return lookup(wire)
    if isinstance(wire, Mapping):
        return {label: lookup(ref) for label, ref in wire.items()}
    return [lookup(ref) for ref in wire]
