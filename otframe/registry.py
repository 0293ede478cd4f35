"""Finding components: guarded discovery, lookup by name, and what to say when a name is not there.

A broken plugin takes down nothing: its failure is kept, and told where one of its components may have been meant.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, distributions, entry_points
from types import ModuleType
from typing import Any

import pluggy

from otframe.containing import Aside, contained, watched
from otframe.errors import PluginError, UnknownNameError
from otframe.plugin import GROUP, Entry, Hooks
from otframe.version import __version__

__all__ = ["Plugin", "Registry", "nearest", "suggest"]

_KINDS = ("solver", "transform", "accumulator", "model")
_HOOKS = {
    "component": "otframe_components",
    "value": "otframe_values",
    "reader": "otframe_readers",
    "writer": "otframe_writers",
    "executor": "otframe_executors",
    "pipeline": "otframe_pipelines",
    "sample": "otframe_samples",
}


@dataclass(frozen=True)
class Plugin:
    """One discovered plugin: its name, distribution and version, and why it could not be loaded, if so.

    `notes` tell what it should not have done while it was loaded.
    """

    name: str
    distribution: str
    version: str
    failure: str = ""
    entries: tuple[Entry, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(eq=False)
class Registry:
    """The components, values, readers, writers and executors of the installed plugins.

    Parameters
    ----------
    allow : iterable of str, optional
        Names of the plugins to load; all where absent. The core's own parts are always there.
    points : iterable of EntryPoint, optional
        What to load instead of the installed entry points: for tests and for hosts that ship their own set.
    """

    allow: Iterable[str] | None = None
    points: Iterable[EntryPoint] | None = None
    plugins: list[Plugin] = field(default_factory=list, init=False)
    _tables: dict[str, dict[str, tuple[Entry, str]]] = field(default_factory=dict, init=False)
    _loaded: dict[tuple[str, str], Any] = field(default_factory=dict, init=False)
    _names: dict[Any, str] = field(default_factory=dict, init=False)
    _allowed: frozenset[str] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._tables = {table: {} for table in _HOOKS}
        self._add("otframe", "otframe", __version__, lambda: importlib.import_module("otframe.builtin"))
        self._allowed = _allowed(self.allow)
        found = self._discovered() if self.points is None else self.points
        seen = {"otframe": ("otframe", "otframe.builtin")}
        for point in sorted(found, key=lambda p: (p.name, p.value)):
            if self._allowed is not None and point.name not in self._allowed:
                continue
            distribution, version = _distribution(point)
            this = (distribution, point.value)
            first = seen.setdefault(point.name, this)
            if first is not this:
                if first != this:  # else: one distribution seen twice on the path
                    failure = f"two plugins are called '{point.name}': {first[0]} and {distribution}; uninstall one"
                    self.plugins.append(Plugin(point.name, distribution, version, failure))
                continue
            self._add(point.name, distribution, version, point.load)

    @classmethod
    def installed(cls) -> Registry:
        """The registry of everything installed, made once a process."""
        global _installed
        if _installed is None:
            _installed = cls()
        return _installed

    def _discovered(self) -> list[EntryPoint]:
        """The entry points of everything installed; one distribution that is damaged is a failure of its own."""
        try:
            return list(entry_points(group=GROUP))
        except Exception:  # one damaged file is enough: look at each distribution, which takes longer
            found: dict[str, list[EntryPoint]] = {}
        for distribution in distributions():
            name = _name(distribution)
            if name not in found:  # else: hidden by an earlier one on the path
                try:
                    found[name] = list(distribution.entry_points.select(group=GROUP))
                except Exception as error:
                    found[name] = []
                    failure = f"its entry_points.txt cannot be read: {_told(error)}"
                    self.plugins.append(Plugin(name, name, "", failure))
        return [point for points in found.values() for point in points]

    def _add(self, name: str, distribution: str, version: str, load: Callable[[], ModuleType]) -> None:
        """Load one plugin, all or nothing; a failure is recorded, never raised."""
        notes: list[str] = []
        try:
            manager = pluggy.PluginManager(GROUP)
            manager.add_hookspecs(Hooks)
            with contained(notes), watched(name, notes):
                module = load()
                _check_marked(module)
                manager.register(module, name)
                manager.check_pending()
                offered = {table: _entries(manager, hook, table) for table, hook in _HOOKS.items()}
            for table, entries in offered.items():
                for entry in entries:
                    other = self._tables[table].get(entry.name)
                    if other is not None:
                        raise PluginError(f"{table} '{entry.name}' is already offered by plugin '{other[1]}'")
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit at import must not end the host either
            self.plugins.append(Plugin(name, distribution, version, _told(error), notes=tuple(notes)))
            return
        for table, entries in offered.items():
            self._tables[table].update({entry.name: (entry, name) for entry in entries})
        flat = tuple(entry for entries in offered.values() for entry in entries)
        self.plugins.append(Plugin(name, distribution, version, entries=flat, notes=tuple(notes)))

    def failures(self) -> list[Plugin]:
        """The plugins that could not be loaded."""
        return [plugin for plugin in self.plugins if plugin.failure]

    def entries(self, table: str = "component") -> Iterator[tuple[Entry, str]]:
        """The entries of one table with the plugin that offers each, by name."""
        for name in sorted(self._tables[table]):
            yield self._tables[table][name]

    def has(self, name: str, table: str = "component") -> bool:
        """Whether the name is offered."""
        return name in self._tables[table]

    def find(self, name: str, table: str = "component") -> Entry:
        """The entry of a name; `UnknownNameError` with the nearest names and the plugins that failed otherwise."""
        if name in self._tables[table]:
            return self._tables[table][name][0]
        raise UnknownNameError(f"there is no {table} '{name}'", hint=self._advice(name, table))

    def load(self, name: str, table: str = "component") -> Any:
        """Import the object behind a name; `PluginError` where that fails."""
        entry = self.find(name, table)
        slot = (table, name)
        if slot not in self._loaded:
            module, _, attribute = entry.target.partition(":")
            plugin = self._tables[table][name][1]
            try:
                with Aside():
                    target = getattr(importlib.import_module(module), attribute)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                raise PluginError(
                    f"{table} '{name}' of plugin '{plugin}' cannot be imported from {entry.target}: {_told(error)}",
                    hint=f"reinstall the plugin '{plugin}', or install what it needs; `otframe plugins` tells more",
                ) from error
            self._loaded[slot] = target
            if isinstance(target, type):
                self._names.setdefault(target, name)
        return self._loaded[slot]

    def name_of(self, target: type) -> str:
        """The public name of a component class or value type; its qualified name where it is not registered."""
        for table in ("component", "value"):
            for entry, _ in self.entries(table) if target not in self._names else ():
                if entry.target.endswith(f":{target.__name__}"):
                    with contextlib.suppress(PluginError):  # a namesake that cannot be imported
                        self.load(entry.name, table)
        return self._names.get(target, f"{target.__module__}:{target.__qualname__}")

    def _advice(self, name: str, table: str) -> str:
        lines = []
        near = nearest(name, self._tables[table])
        if near:
            lines.append(f"did you mean {near}?")
        for plugin in self.failures():
            lines.append(f"plugin '{plugin.name}' ({plugin.distribution}) could not be loaded: {plugin.failure}")
        if self._allowed is not None:
            lines.append(f"only these plugins are allowed to load: {', '.join(sorted(self._allowed)) or 'none'}")
        if not lines:
            lines.append("`otframe list` shows what is installed; `pip install` the plugin that offers it")
        return "\n  ".join(lines)


def nearest(name: str, names: Iterable[str], n: int = 3) -> str:
    """The names most like `name`, quoted and joined for a sentence; empty where nothing is near."""
    plain = {known.casefold(): known for known in reversed(list(names))}
    close = difflib.get_close_matches(name.casefold(), list(plain), n=n, cutoff=0.55)
    return " or ".join(f"'{plain[c]}'" for c in close)


def suggest(name: str, names: Iterable[str], otherwise: str) -> str:
    """A hint: the names most like `name`, or all of them after the words `otherwise`."""
    names = list(names)
    near = nearest(name, names)
    return f"did you mean {near}?" if near else f"{otherwise}: {', '.join(names) or 'none'}"


_installed: Registry | None = None


def _distribution(point: EntryPoint) -> tuple[str, str]:
    """Name and version of what an entry point comes from; its metadata may be damaged."""
    version = ""
    with contextlib.suppress(Exception):
        version = (point.dist and point.dist.version) or ""
    return (_name(point.dist) if point.dist else "") or point.value.partition(":")[0], version


def _name(distribution: Any) -> str:
    """A distribution's name; that of its folder where the metadata is damaged."""
    with contextlib.suppress(Exception):
        if distribution.name:
            return str(distribution.name)
    folder = getattr(distribution, "_path", None)  # there is no public way to it
    return folder.name.partition(".dist-info")[0].partition("-")[0] if folder is not None else "?"


def _told(error: BaseException) -> str:
    """An error in one text; an exception that cannot be printed is broken too."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__


def _check_marked(module: Any) -> None:
    for hook in _HOOKS.values():
        if hasattr(module, hook) and not hasattr(getattr(module, hook), f"{GROUP}_impl"):
            raise PluginError(f"{hook} is not marked: write @hookimpl above it")


def _entries(manager: pluggy.PluginManager, hook: str, table: str) -> list[Entry]:
    entries = [entry for group in getattr(manager.hook, hook)() for entry in group]
    for entry in entries:
        if not isinstance(entry, Entry):
            raise PluginError(f"{hook} must return otframe.plugin.Entry objects, got {type(entry).__name__}")
        if not entry.target.partition(":")[2]:
            raise PluginError(f"{hook}: target of '{entry.name}' must be 'module:Class', got '{entry.target}'")
        kinds = _KINDS if table == "component" else (table,)
        if entry.kind not in kinds:
            raise PluginError(f"{hook}: '{entry.name}' must be of kind {' or '.join(kinds)}, got '{entry.kind}'")
    names = [entry.name for entry in entries]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PluginError(f"{hook} offers {', '.join(twice)} twice")
    return entries


def _allowed(allow: Iterable[str] | None) -> frozenset[str] | None:
    asked = os.environ.get("OTFRAME_PLUGINS", "")
    from_environment = {part.strip() for part in asked.split(",") if part.strip()}
    sets = [frozenset(names) for names in (allow, from_environment or None) if names is not None]
    return frozenset.intersection(*sets) if sets else None
