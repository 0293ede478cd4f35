"""`Addresses`: for each value of a run what it is made of, in one digest, before anything is computed.

An address covers the component with its code, its nested parameters and the files that they name, the addresses of what
it reads, the device, dtype and libraries, and, where a verb may draw random numbers, the seed, the node and the key. So
equal addresses mean equal bits. What cannot be addressed has none, and neither has anything made of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from otframe.errors import OtframeError
from otframe.graph import Graph, Node, Ref, describe_component, refs
from otframe.interfaces import Component
from otframe.io.source import Source
from otframe.registry import Registry
from otframe.store.fingerprint import code_of, environment, files_of

__all__ = ["Addresses", "Settings"]


@dataclass(frozen=True)
class Settings:
    """What a run lends all nodes alike."""

    seed: int
    device: str
    dtype: str


class _End(NamedTuple):
    """One value that a node reads: of all these keys, or of the item's own where there are none."""

    port: str
    label: str | int
    ref: Ref
    keys: tuple[str, ...] | None

    def items(self, key: str) -> tuple[str, ...]:
        return (key,) if self.keys is None else self.keys


class Addresses:
    """The addresses of one run's values.

    Parameters
    ----------
    graph : Graph
        What runs.
    classes, keys : mapping
        For each streaming input the representative of its key set; for each of these its keys.
    sources : mapping
        The inputs' sources.
    settings : Settings
        What all nodes share.
    registry : Registry
        Names the components.
    """

    def __init__(
        self,
        graph: Graph,
        classes: Mapping[str, str],
        keys: Mapping[str, tuple[str, ...]],
        sources: Mapping[str, Source],
        settings: Settings,
        registry: Registry,
    ) -> None:
        self.graph, self.classes, self.keys, self.sources = graph, classes, keys, sources
        self.settings, self.registry = settings, registry
        self._distributions = {
            entry.target.partition(".")[0].partition(":")[0]: plugin.distribution
            for plugin in registry.plugins
            for entry in plugin.entries
        }
        self._around = environment(settings.device)
        self._made: dict[tuple[str, str], str | None] = {}
        self._own: dict[str, tuple[str, bool]] = {}
        self._read: dict[str, tuple[_End, ...]] = {}
        self._void: set[str] = set()

    def of(self, ref: Ref, key: str = "") -> str | None:
        """The address of a value, of one item where it is a stream; None where it cannot be told."""
        address = self._address(ref.node, key)
        return f"{address}.{ref.field}" if address and ref.field else address

    def written(self, ref: Ref, key: str, suffix: str) -> str | None:
        """The address of a file that holds a value: the value, and the code that writes it."""
        address = self.of(ref, key)
        writer = self.registry.find(suffix.lower(), "writer").target.partition(":")[0]
        code = self._code(writer)
        return _digest(["written", address, suffix.lower(), code]) if address and code else None

    def walked(self, name: str) -> tuple[str, ...]:
        """The keys that a node's value has: one and empty for a single value."""
        origins = self.graph.nodes[name].origins
        return self.keys[self.classes[min(origins)]] if origins else ("",)

    def void(self, name: str) -> None:
        """Some items of what a node folds are missing in this run: its value, and all made of it, has no address."""
        lost = {name}
        for node in self.graph.nodes.values():
            if any(ref.node in lost for ref in node.reads()):
                lost.add(node.id)
        self._void |= lost

    def parts(self, name: str) -> dict[str, str]:
        """What a node's value is made of apart from what it reads, by name, for people and for comparing."""
        node = self.graph.nodes[name]
        found: dict[str, Any] = {}
        if node.arrow == "input":
            return {"type": node.describe(), **self._given(name)}
        sig = node.signature
        if node.component is not None:
            made = describe_component(node.component, self.registry)
            found |= {"use": made["use"], **made.get("with", {})}
            found |= {f"files of {path}": digest for path, digest in files_of(node.component).items()}
            found |= self._codes(node.component)
        found |= dict(node.constants)
        found |= {f"{port} from": [str(ref) for ref in refs(wire)] for port, wire in node.wires.items()}
        found |= {option: node.options[option] for option in ("device", "dtype", "each") if option in node.options}
        if sig is not None:
            found["verb"] = sig.verb
        found |= {"device": self.settings.device, "dtype": self.settings.dtype} | found
        if sig is not None and sig.takes_ctx:
            found |= {"seed": self.settings.seed, "rng": node.rng}
        return {part: value if isinstance(value, str) else _text(value) for part, value in found.items()}

    def _codes(self, component: Component) -> dict[str, str]:
        """The code of a component's class and of the components among its parameters; empty text where unknown."""
        found = {}
        for cls in sorted(_classes(component), key=lambda c: (c.__module__, c.__qualname__)):
            found[f"code of {cls.__module__.partition('.')[0]}"] = self._code(cls.__module__)
        return found

    def _code(self, module: str) -> str:
        return code_of(module, self._distributions.get(module.partition(".")[0], ""))

    def _given(self, name: str) -> dict[str, str]:
        """One digest of all that an input gives, and the code that reads it."""
        found = {key: self._content(name, key) for key in self._item_keys(name)}
        codes = {package: code for _, _, package, code in found.values()}
        content = _digest([[key, told, digest] for key, (told, digest, _, _) in found.items()])
        return {"content": content, **{f"code of {package}": code for package, code in codes.items()}}

    def _item_keys(self, name: str) -> tuple[str, ...]:
        return self.walked(name) if self.graph.nodes[name].streams else self.sources[name].keys()

    def _address(self, name: str, key: str) -> str | None:
        if name in self._void:
            return None
        start = (name, key if self.graph.nodes[name].streams else "")
        waiting = [start]
        while waiting:  # no recursion: chains may be long
            at = waiting[-1]
            left = [] if at in self._made else [end for end in self.reads(*at) if end not in self._made]
            waiting.extend(left)
            if not left:
                self._made.setdefault(at, self._make(self.graph.nodes[at[0]], at[1]))
                waiting.pop()
        return self._made[start]

    def reads(self, name: str, key: str) -> list[tuple[str, str]]:
        """The values, with their items' keys, that one value is made of."""
        return [(end.ref.node, at) for end in self._ends(name) for at in end.items(key)]

    def _ends(self, name: str) -> tuple[_End, ...]:
        """What a node reads, in a fixed order: the model that it is a verb of comes first."""
        if name not in self._read:
            node = self.graph.nodes[name]
            found = [] if node.model is None else [_End("", 0, node.model, ("",))]
            for port, wire in sorted(node.wires.items()):
                labels: Iterable[str | int] = wire if isinstance(wire, Mapping) else range(len(refs(wire)))
                for label, ref in zip(labels, refs(wire), strict=True):
                    whole = port in node.whole or not node.streams
                    keys = ("",) if not self.graph.nodes[ref.node].streams else self.walked(ref.node) if whole else None
                    found.append(_End(port, label, ref, keys))
            self._read[name] = tuple(found)
        return self._read[name]

    def _make(self, node: Node, key: str) -> str | None:
        """The digest of a value whose reads are known; None where one of them has none."""
        if node.arrow == "input":
            return self._input(node, key)
        own, random = self._static(node)
        read: list[Any] = [own, key if random else ""]
        for end in self._ends(node.id):
            for at in end.items(key):
                found = self._field(end.ref, at)
                if found is None:
                    return None
                read.append([end.port, end.label, "" if end.keys is None else at, found])
        return _digest(read) if own else None

    def _field(self, ref: Ref, key: str) -> str | None:
        address = None if ref.node in self._void else self._made[ref.node, key]
        return f"{address}.{ref.field}" if address and ref.field else address

    def _static(self, node: Node) -> tuple[str, bool]:
        """The digest of a node's own parts (empty where its code is unknown), and whether it may draw randomness."""
        if node.id not in self._own:
            parts = self.parts(node.id)
            known = all(value for part, value in parts.items() if part.startswith("code of "))
            bare = {part: value for part, value in parts.items() if not part.endswith(" from")}
            random = node.signature is not None and node.signature.takes_ctx
            self._own[node.id] = (_digest([self._around, bare]) if known else "", random)
        return self._own[node.id]

    def _input(self, node: Node, key: str) -> str | None:
        if not node.streams:
            (key,) = self.sources[node.id].keys()
        name, digest, _, code = self._content(node.id, key)
        return _digest([node.describe(), code, name, key, digest]) if digest and code else None

    def _content(self, name: str, key: str) -> tuple[str, str, str, str]:
        """Of an item that is read: its file's name, its digest, and the package of its reader with its code."""
        source = self.sources[name]
        try:
            reader = type(source.origin(key)).__module__
            file = source.where(key).replace("\\", "/").rpartition("/")[2]
            return file, source.digest(key), reader.partition(".")[0], self._code(reader)
        except (OtframeError, OSError):
            return "", "", "", ""  # the run itself will tell why it cannot be read


def _classes(component: Component) -> set[type]:
    """The classes of a component and of all components among its parameters."""
    found: set[type] = {type(component)}
    waiting: list[Any] = [getattr(component, name) for name in type(component).model_fields]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Component):
            found |= _classes(value)
        elif isinstance(value, Mapping):
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple, set, frozenset)):
            waiting.extend(value)
    return found


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _digest(data: Any) -> str:
    return hashlib.sha256(_text(data).encode()).hexdigest()
