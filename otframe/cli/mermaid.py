"""A graph as Mermaid text, which many sites and editors draw."""

from __future__ import annotations

from otframe.graph import Graph
from otframe.run.report.sketch import Box, Kind, sketch

__all__ = ["mermaid"]

_SHAPES: dict[Kind, tuple[str, str]] = {
    "input": ("[/", "/]"),
    "model": ("[(", ")]"),
    "transform": ("[", "]"),
    "solver": ("{{", "}}"),
    "reduce": ("[\\", "/]"),
    "output": ("([", "])"),
}
_COLOURS: dict[Kind, str] = {
    "input": "#3a6ea5",
    "model": "#8b5fa8",
    "transform": "#8a857d",
    "solver": "#c2703d",
    "reduce": "#4d8b6a",
    "output": "#6f6b66",
}


def mermaid(graph: Graph) -> str:
    """A flowchart: thick arrows carry streams, dotted ones lend a model."""
    drawn = sketch(graph)
    numbers = {box.id: f"n{i}" for i, box in enumerate(drawn.boxes)}
    lines = ["flowchart TD"]
    lines += [f"  {numbers[box.id]}{_shape(box)}:::{box.kind}" for box in drawn.boxes]
    for line in drawn.lines:
        arrow = "-.->" if line.model else "==>" if line.stream else "-->"
        lines.append(f"  {numbers[line.start]} {arrow} {numbers[line.end]}")
    used = {box.kind for box in drawn.boxes}
    lines += [f"  classDef {kind} stroke:{colour}" for kind, colour in _COLOURS.items() if kind in used]
    return "\n".join(lines) + "\n"


def _shape(box: Box) -> str:
    start, end = _SHAPES[box.kind]
    return f'{start}"{_text(box.name)}{f"<br/><small>{_text(box.use)}</small>" if box.use else ""}"{end}'


def _text(text: str) -> str:
    """A text that Mermaid takes as it is, whatever is in it."""
    return "".join(c if c.isalnum() or c in " ._/[]()-," else f"#{ord(c)};" for c in text)
