"""Calling one node: arguments from wires and constants, what is injected, and errors that know where they came from."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin

import torch

from otframe.errors import ComponentError, OtframeError
from otframe.graph import Node, Ref
from otframe.interfaces import Accumulator, Context, Model, ModelPool, current_pool
from otframe.ports import describe
from otframe.values import Scalar

__all__ = ["Caller", "fits"]

Lookup = Callable[[Ref], Any]


@dataclass
class Caller:
    """Calls nodes with what one run lends them."""

    seed: int = 0
    pool: ModelPool = field(default_factory=ModelPool)
    workdir: Path | None = None
    on_progress: Callable[[str, str, float, str], None] | None = None
    is_cancelled: Callable[[], bool] | None = None

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
            with torch.no_grad():
                made = call()
        except OtframeError as error:
            raise error.at(node=node.id, key=key, where=node.where) from error.__cause__
        except Exception as error:
            raise ComponentError(
                f"'{node.use}' raised {type(error).__name__}: {error}",
                hint="this is a defect of the component, or a value it does not expect; the traceback tells more",
                node=node.id,
                key=key,
                where=node.where,
            ) from error
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


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is an instance of a wire's type; arguments of generics are not looked at."""
    base = get_origin(hint) or hint
    if isinstance(base, type):
        return isinstance(value, (int, float) if base is float else base)
    return any(fits(value, arm) for arm in get_args(hint)) or not get_args(hint)


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """A call's value and the seconds it took."""
    start = time.perf_counter()
    return call(), time.perf_counter() - start


def _accumulator(node: Node) -> Accumulator:
    assert isinstance(node.component, Accumulator)
    return node.component


def _gather(wire: Any, lookup: Lookup) -> Any:
    if isinstance(wire, Ref):
        return lookup(wire)
    if isinstance(wire, Mapping):
        return {label: lookup(ref) for label, ref in wire.items()}
    return [lookup(ref) for ref in wire]
