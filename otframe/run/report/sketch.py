"""`Sketch`: what is drawn of a graph. Boxes and lines, without places: the drawing and the Mermaid text share it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from otframe.graph import Graph, Node, refs
from otframe.interfaces import Solver

__all__ = ["Box", "Kind", "Line", "Sketch", "kind_of", "sketch"]

Kind = Literal["input", "model", "transform", "solver", "reduce", "output"]


@dataclass(frozen=True)
class Box:
    """A node, or an output: its name, what it uses, its kind, and what is told when it is pointed at."""

    id: str
    name: str
    use: str
    kind: Kind
    tip: str = ""
    faint: bool = False


@dataclass(frozen=True)
class Line:
    """A wire between two boxes; `stream` where it carries a stream, `model` where it lends a model."""

    start: str
    end: str
    stream: bool = False
    model: bool = False
    tip: str = ""


@dataclass(frozen=True)
class Sketch:
    """Boxes, every one after those it reads, and the lines between them: at most one for each pair and kind."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def kind_of(node: Node) -> Kind:
    """What a node is, for colours and legends."""
    if node.arrow == "input":
        return "input"
    if node.arrow == "model":
        return "model"
    if node.arrow in ("reduce", "each"):
        return "reduce"
    return "solver" if isinstance(node.component, Solver) else "transform"


def sketch(graph: Graph) -> Sketch:
    """The sketch of a checked graph. Nodes that no output depends on are faint."""
    needed = graph.needed()
    also: dict[str, list[str]] = {}
    for alias, target in graph.aliases.items():
        also.setdefault(target, []).append(alias)
    boxes = [_box(node, also.get(name, []), name not in needed) for name, node in graph.nodes.items()]
    ports: dict[tuple[str, str, bool, bool], list[str]] = {}
    for name, node in graph.nodes.items():
        ends = [(port, ref) for port, wire in node.wires.items() for ref in refs(wire)]
        for port, ref in [*ends, *([("model", node.model)] if node.model is not None else [])]:
            source = graph.nodes[ref.node]
            ports.setdefault((ref.node, name, source.streams, source.arrow == "model"), []).append(port)
    lines = [
        Line(start, end, stream, model, f"{start} → {end} ({', '.join(dict.fromkeys(names))})")
        for (start, end, stream, model), names in ports.items()
    ]
    for output in graph.outputs:
        place = f"output:{output.name}"
        written = output.to or ""
        boxes.append(Box(place, output.name, written, "output", f"output {output.name}\n{written}".strip()))
        lines.append(Line(output.source.node, place, bool(output.origins), False, f"{output.source} → {output.name}"))
    return Sketch(tuple(boxes), tuple(lines))


def _box(node: Node, also: list[str], faint: bool) -> Box:
    told = [f"{node.id}: {node.describe()}", f"{node.use} ({node.arrow})"]
    if node.streams:
        told.append(f"stream of {', '.join(sorted(node.origins))}")
    if also:
        told.append(f"also {', '.join(also)}")
    if faint:
        told.append("no output depends on it")
    return Box(node.id, node.id, node.use, kind_of(node), "\n".join(told), faint)
