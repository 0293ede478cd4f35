"""`RunRecord`: writes `run.json`, what a run was made of and how it went, so that it can be understood and repeated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from otframe.errors import OtframeError
from otframe.graph import Graph, Node, describe_component, refs
from otframe.io.source import Source
from otframe.io.write import atomic
from otframe.ports import describe
from otframe.registry import Registry
from otframe.run.journal import Journal, versions
from otframe.run.observer import WrittenFile

__all__ = ["RunRecord"]

FORMAT = 1


class RunRecord(Journal):
    """Writes the record when the run starts and when it ends, well or not; the file is never half written.

    Parameters
    ----------
    path : str or Path
        The file, usually `run.json` in the output folder.
    registry : Registry, optional
        Names the components; everything installed, where absent.
    """

    def __init__(self, path: str | Path, registry: Registry | None = None) -> None:
        super().__init__()
        self.path = Path(path)
        self.registry = registry or Registry.installed()
        self._fixed: dict[str, Any] = {}

    def begun(self) -> None:
        """Write what is known before anything is computed."""
        info = self.info
        assert info is not None
        self._fixed = {
            "file": next((node.where.file for node in info.graph.nodes.values() if node.where), ""),
            "seed": info.seed,
            "device": info.device,
            "executor": info.executor,
            "versions": {**versions(), "plugins": dict(info.plugins)},
            "params": _plain(info.graph.params),
            "graph": _graph(info.graph, self.registry),
            "passes": [{"walks": p.origin, "for": p.label, "nodes": list(p.nodes)} for p in info.plan.passes],
            "keys": {name: list(keys) for name, keys in info.keys.items()},
            "found": sorted(info.found),
            "sources": {name: _source(source) for name, source in info.sources.items()},
        }
        self._write()

    def ended(self) -> None:
        """Write the record again, with how the run went."""
        self._write()

    def data(self) -> dict[str, Any]:
        """The record as plain data."""
        info = self.info
        over = self.status != "running"
        return {
            "otframe_run": FORMAT,
            "title": info.graph.title if info else "",
            "status": self.status,
            "started": self.start.isoformat(),
            "ended": self.end.isoformat() if over else None,
            "wall_seconds": round(self.wall, 6) if over else None,
            **self._fixed,
            "seconds": {name: round(spent, 6) for name, spent in self.seconds.items()},
            "measured": {
                name: {"seconds": round(spent.seconds, 6), "peak_bytes": spent.peak}
                for name, spent in self.measured.items()
            },
            "files": [
                {
                    "output": f.output,
                    "key": f.key,
                    "path": self._relative(f.path),
                    "notes": list(f.notes),
                    "found": f.found,
                }
                for f in self.files
            ],
            "notes": list(self.result.notes) if self.result is not None else [],
            "failures": [_failure(error) for error in self.failures],
            "error": None if self.error is None else _failure(self.error),
        }

    def _file(self, file: WrittenFile) -> dict[str, Any]:
        told = {"output": file.output, "key": file.key, "path": self._relative(file.path)}
        return {**told, "notes": list(file.notes), "found": file.found}

    def _relative(self, path: Path) -> str:
        folder = self.path.parent.resolve()
        return path.resolve().relative_to(folder).as_posix() if path.resolve().is_relative_to(folder) else str(path)

    def _write(self) -> None:
        # a file name that is no UTF-8 becomes an escape, which JSON understands
        text = json.dumps(self.data(), indent=2, ensure_ascii=False)
        with atomic(self.path) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def _graph(graph: Graph, registry: Registry) -> dict[str, Any]:
    return {
        "nodes": [_node(node, registry) for node in graph.nodes.values()],
        "outputs": [
            {
                "name": output.name,
                "from": str(output.source),
                "to": output.to,
                "before": None if output.before is None else str(output.before),
                "type": describe(output.type),
                "origins": sorted(output.origins),
            }
            for output in graph.outputs
        ],
        "inputs": dict(graph.sources),
        "aliases": dict(graph.aliases),
        "absent": dict(graph.absent),
    }


def _node(node: Node, registry: Registry) -> dict[str, Any]:
    made: dict[str, Any] = {"use": node.use}
    if node.component is not None:
        made = describe_component(node.component, registry)
    filled = {**made.get("with", {}), **{port: _plain(value) for port, value in node.constants.items()}}
    found: dict[str, Any] = {"name": node.id, "use": made["use"]}
    if filled:
        found["with"] = filled
    wires = {port: [str(ref) for ref in refs(wire)] for port, wire in node.wires.items()}
    if wires:
        found["in"] = {port: ends[0] if len(ends) == 1 else ends for port, ends in wires.items()}
    if node.model is not None:
        found["model"] = str(node.model)
    if node.options:
        found["options"] = _plain(node.options)
    return {**found, "arrow": node.arrow, "type": node.describe(), "origins": sorted(node.origins)}


def _failure(error: BaseException) -> dict[str, Any]:
    if not isinstance(error, OtframeError):
        return {"type": type(error).__name__, "message": str(error)}
    told = {"type": type(error).__name__, "node": error.node, "port": error.port, "key": error.key}
    place = str(error.where) if error.where else ""
    return {**told, "where": place, "message": error.message, "hint": error.hint}


def _source(source: Source) -> list[dict[str, str | None]]:
    keys = source.keys()
    return [{"key": key, "where": source.where(key), "digest": _digest(source, key)} for key in keys]


def _digest(source: Source, key: str) -> str | None:
    """What identifies an input; None where it cannot be had: the run itself will tell why."""
    try:
        return source.digest(key)
    except (OtframeError, OSError):
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | type(None)) else str(value)
