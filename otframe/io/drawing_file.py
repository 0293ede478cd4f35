"""Drawings as SVG: inside a page, or as a file of its own that carries its colours. Nothing in it can run."""

from __future__ import annotations

import re
from html import escape, unescape
from importlib.resources import files
from pathlib import Path

from otframe.errors import DataError
from otframe.io.writer import writes
from otframe.registry import Registry
from otframe.values import Drawing

__all__ = ["drawing_style", "read_drawing", "svg", "write_drawing"]

_HEAD = re.compile(r'<svg class="drawing" viewBox="0 0 ([\d.]+) ([\d.]+)" role="img" aria-label="([^"]*)"')
_SHAPE = re.compile(r'<path class="(\w+)"(?: opacity="([\d.]+)")? d="([^"]*)"/>')
_TEXT = re.compile(r'<text x="([-\d.]+)" y="([-\d.]+)" text-anchor="(\w+)">([^<]*)</text>')


def svg(drawing: Drawing, *, standalone: bool = False) -> str:
    """The SVG text; a standalone one has a size, a ground and its style."""
    width, height = _number(drawing.width), _number(drawing.height)
    head = f'<svg class="drawing" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(drawing.title)}"'
    parts = []
    if standalone:
        head += f' xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        parts.append(f"<style>{drawing_style()}</style>")
        parts.append(f'<rect class="paper" width="{width}" height="{height}"/>')
    for role, opacity, path in drawing.shapes:
        faint = f' opacity="{_number(opacity, 3)}"' if opacity < 1 else ""
        parts.append(f'<path class="{role}"{faint} d="{path}"/>')
    for x, y, anchor, text in drawing.texts:
        parts.append(f'<text x="{_number(x)}" y="{_number(y)}" text-anchor="{anchor}">{escape(text)}</text>')
    return f"{head}>{''.join(parts)}</svg>"


def drawing_style() -> str:
    """The colours, light and dark, for pages that hold drawings."""
    return files(__package__).joinpath("drawing.css").read_text("utf-8")


@writes(Drawing)
def write_drawing(value: Drawing, path: Path, registry: Registry) -> tuple[str, ...]:
    """Write a drawing as an SVG file that a browser shows by itself."""
    del registry
    path.write_text(svg(value, standalone=True) + "\n", encoding="utf-8")
    return ()


def read_drawing(path: Path) -> Drawing:
    """What `write_drawing` wrote, to two digits; all else in the file is passed over. `DataError` where it is none."""
    text = path.read_text(encoding="utf-8", errors="replace")
    head = _HEAD.search(text)
    if head is None:
        raise DataError(f"{path} is no drawing of otframe's")
    return Drawing(
        float(head[1]),
        float(head[2]),
        tuple((role, float(opacity or 1), path) for role, opacity, path in _SHAPE.findall(text)),
        tuple((float(x), float(y), anchor, unescape(told)) for x, y, anchor, told in _TEXT.findall(text)),
        unescape(head[3]),
    )


def _number(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")
