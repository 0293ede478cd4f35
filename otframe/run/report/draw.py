"""A layout as SVG: inline in the report, or a file of its own that carries its style."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from itertools import pairwise

from otframe.run.report.layout import Layout, Placed, Route

__all__ = ["draw"]

_NAME_CHARS, _USE_CHARS = 24, 27


def draw(layout: Layout, *, title: str = "Pipeline", standalone: bool = False) -> str:
    """The SVG text. Streams are double lines, a model's lines are dashed; pointing at a box tells its type."""
    width, height = f"{layout.width:.0f}", f"{layout.height:.0f}"
    # a wide drawing shrinks with the page, but not until its texts cannot be read
    least = f"min-width:{max(min(layout.width, 680), 0.7 * layout.width):.0f}px"
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" style="{least}"'
    head = f'<svg class="graph" {size} role="img" aria-label="{escape(title)}"'
    style = ""
    if standalone:
        head += ' xmlns="http://www.w3.org/2000/svg"'
        style = f"<style>{files(__package__).joinpath('graph.css').read_text('utf-8')}</style>"
    routes = sorted(layout.routes, key=lambda route: (not route.line.model, route.line.stream))
    parts = [_line(route) for route in routes]
    parts += [f'<path class="core" d="{_path(route.points)}"/>' for route in routes if route.line.stream]
    parts += [_head(route) for route in routes if not route.line.model]
    parts += [_box(placed) for placed in layout.boxes]
    return f"{head}>{style}{''.join(parts)}</svg>"


def _line(route: Route) -> str:
    kind = "lends" if route.line.model else "stream" if route.line.stream else "single"
    return f'<path class="wire {kind}" d="{_path(route.points)}"><title>{escape(route.line.tip)}</title></path>'


def _head(route: Route) -> str:
    x, y = route.points[-1]
    return f'<path class="head" d="M{x - 4.5:.1f} {y - 7:.1f}L{x:.1f} {y:.1f}L{x + 4.5:.1f} {y - 7:.1f}Z"/>'


def _path(points: tuple[tuple[float, float], ...]) -> str:
    """A smooth curve that leaves and enters every point vertically."""
    text = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        if abs(x0 - x1) < 0.5:
            text.append(f"L{x1:.1f} {y1:.1f}")
        else:
            middle = (y0 + y1) / 2
            text.append(f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}")
    return "".join(text)


def _box(placed: Placed) -> str:
    box = placed.box
    output = box.kind == "output"
    left, top = placed.x - placed.width / 2, placed.y - placed.height / 2
    parts = [_rect("shape", left, top, placed.width, placed.height, placed.height / 2 if output else 6)]
    if not output:
        parts.append(_rect("bar", left + 6, top + 9, 3, placed.height - 18, 1.5))
    middle = placed.x if output else placed.x + 3
    parts.append(_label("name", middle, placed.y - 3 if box.use else placed.y + 4.5, _short(box.name, _NAME_CHARS)))
    if box.use:
        parts.append(_label("use", middle, placed.y + 13, _short(box.use, _USE_CHARS)))
    faint = " faint" if box.faint else ""
    tip = f"<title>{escape(box.tip)}</title>"
    return f'<g class="box {box.kind}{faint}" tabindex="0">{tip}{"".join(parts)}</g>'


def _rect(kind: str, x: float, y: float, width: float, height: float, radius: float) -> str:
    size = f'width="{width:.1f}" height="{height:.1f}" rx="{radius:.1f}"'
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" {size}/>'


def _label(kind: str, x: float, y: float, text: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
