"""The drawings that a run made, side by side, each under the name of what it shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, get_origin
from urllib.parse import quote

from otframe.errors import OtframeError
from otframe.graph import Graph, Output, refs
from otframe.io import open_source
from otframe.io.drawing_file import read_drawing, svg
from otframe.registry import Registry
from otframe.run.journal import Journal
from otframe.values import Drawing

__all__ = ["Figure", "drawings", "figures"]


@dataclass(frozen=True)
class Figure:
    """A drawing with its name, a line on what it is of, and its file, where it has one."""

    name: str
    about: str
    drawing: Drawing
    path: Path | None = None


def drawings(journal: Journal, registry: Registry, *, most: int = 24) -> tuple[list[Figure], int]:
    """The first drawings among the outputs, and how many more there are."""
    assert journal.info is not None
    found: list[Figure] = []
    left_out = 0
    for output in journal.info.graph.outputs:
        base = get_origin(output.type) or output.type
        if not (isinstance(base, type) and issubclass(base, Drawing)):
            continue
        name, about = _told(journal.info.graph, output)
        places: list[tuple[str, Any]] = [(file.key, file.path) for file in journal.files if file.output == output.name]
        value = journal.result.values.get(output.name) if journal.result else None
        places += value.items() if isinstance(value, dict) else [] if value is None else [("", value)]
        for key, place in places:
            if len(found) >= most:
                left_out += 1
                continue
            path = place if isinstance(place, Path) else None
            made = place if path is None else _read(path, registry)
            if isinstance(made, Drawing):
                found.append(Figure(f"{name}, {key}" if key else name, about, made, path))
    return found, left_out


def figures(found: Iterable[Figure], folder: Path) -> str:
    """The figures, which a page lays out beside one another; each leads to its file."""
    parts = []
    for figure in found:
        drawn, about = svg(figure.drawing), f"<span>{escape(figure.about)}</span>" if figure.about else ""
        path = figure.path.resolve() if figure.path is not None else None
        if path is not None and path.is_relative_to(folder.resolve()):
            link = quote(path.relative_to(folder.resolve()).as_posix(), errors="surrogateescape")
            drawn = f'<a href="./{link}" title="{escape(figure.drawing.title)}">{drawn}</a>'
        parts.append(f"<figure>{drawn}<figcaption><b>{escape(figure.name)}</b>{about}</figcaption></figure>")
    return f'<div class="figures">{"".join(parts)}</div>'


def _told(graph: Graph, output: Output) -> tuple[str, str]:
    """What is drawn: the node that the drawing's first port reads, and what made it."""
    node = graph.nodes[output.source.node]
    first = next((ref for wire in node.wires.values() for ref in refs(wire)), None)
    if first is None or graph.nodes[first.node].component is None:
        return output.name, ""
    shown = graph.nodes[first.node]
    component: Any = shown.component
    names = [name for name in type(component).model_fields if name in component.model_fields_set]
    settings = {name: getattr(component, name) for name in names}
    told = [f"{name} {value}" for name, value in settings.items() if isinstance(value, str | int | float)]
    return shown.id, ", ".join([shown.use, *told])


def _read(path: Path, registry: Registry) -> Drawing | None:
    """A drawing that was written; None where it cannot be read back: a report never ends a run."""
    try:
        if path.suffix.lower() == ".svg":
            return read_drawing(path)
        source = open_source(path, registry, Drawing)
        made = source.load(source.keys()[0])
    except (OtframeError, OSError):
        return None
    return made if isinstance(made, Drawing) else None
