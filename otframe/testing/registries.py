"""`OpenRegistry`: the core alone, whatever is installed, to which a test adds classes of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from otframe.interfaces import Accumulator, Model, Solver, Transform
from otframe.plugin import Entry, Kind
from otframe.registry import Plugin, Registry
from otframe.values import Value

__all__ = ["OpenRegistry"]

_KINDS: tuple[tuple[type, Kind], ...] = (
    (Model, "model"),
    (Solver, "solver"),
    (Accumulator, "accumulator"),
    (Transform, "transform"),
    (Value, "value"),
)


class OpenRegistry(Registry):
    """A registry without discovery.

    >>> registry = OpenRegistry()
    >>> registry.add("toy.gain", Gain)  # doctest: +SKIP
    """

    def __init__(self) -> None:
        super().__init__(points=())

    def add(self, name: str, target: Any, *, kind: Kind | None = None, plugin: str = "test") -> None:
        """Add a component class or a value type under a name, or with `kind="sample"` a function of a seed.

        It need not be importable, so it may be written inside a test.
        """
        if kind is None:
            found = [kind for base, kind in _KINDS if isinstance(target, type) and issubclass(target, base)]
            if not found:
                raise TypeError(f"{target!r} is no component class and no value type; say its kind")
            kind = found[0]
        table = kind if kind in self._tables else "component"
        entry = Entry(name, f"{plugin}:{getattr(target, '__name__', name)}", kind, "added by a test")
        self._tables[table][name] = (entry, plugin)
        self._loaded[table, name] = target
        if isinstance(target, type):
            self._names[target] = name
        known = next((one for one in self.plugins if one.name == plugin), None)
        if known is None:
            self.plugins.append(Plugin(plugin, plugin, "0", entries=(entry,)))
        else:
            self.plugins[self.plugins.index(known)] = replace(known, entries=(*known.entries, entry))

    def component(self, name: str, **params: Any) -> Any:
        """A component by its name, as `otframe.component` makes it."""
        from otframe.graph import component

        return cast(Any, component(name, registry=self, **params))
