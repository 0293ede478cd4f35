"""Working spaces in ONNX graphs: what `otframe_color.spaces.converted` does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from otframe_color import spaces
from otframe_color.onnx_graph import Graph
from otframe_color.spaces import Space

__all__ = ["converted"]

_FOOT = 4 / 29
"""The value of the curve of lab at 0."""

_AXES = ((0.0, 1.16, 0.0), (5.0, -5.0, 0.0), (0.0, 2.0, -2.0))
"""From the curve's values to lightness and chroma, but for an offset."""


def converted(graph: Graph, colors: str, start: Space, end: Space) -> str:
    """Colours `(N, H, W, 3)` of one space in another, any range."""
    if start == end:
        return colors
    if start == "srgb" and end == "ycbcr":
        return graph.times(colors, spaces._YCC)
    if start == "ycbcr" and end == "srgb":
        return graph.times(colors, np.linalg.inv(spaces._YCC))
    return _FROM_LIGHT[end](graph, _TO_LIGHT[start](graph, colors))


def _same(graph: Graph, colors: str) -> str:
    return colors


def _decoded(graph: Graph, colors: str) -> str:
    size = graph.add("Abs", colors)
    bent = graph.add("Pow", graph.add("Div", graph.add("Add", size, 0.055), 1.055), 2.4)
    dark = graph.add("LessOrEqual", size, 0.04045)
    return graph.odd(colors, graph.add("Where", dark, graph.add("Div", size, 12.92), bent))


def _coded(graph: Graph, light: str) -> str:
    size = graph.add("Abs", light)
    bent = graph.add("Sub", graph.add("Mul", graph.add("Pow", size, 1 / 2.4), 1.055), 0.055)
    dark = graph.add("LessOrEqual", size, 0.0031308)
    return graph.odd(light, graph.add("Where", dark, graph.add("Mul", size, 12.92), bent))


def _lab(graph: Graph, light: str) -> str:
    ratio = graph.times(light, np.asarray(spaces._XYZ) / np.asarray(spaces._WHITE)[:, None])
    size = graph.add("Abs", ratio)
    bent = graph.add("Sub", graph.add("Pow", size, 1 / 3), _FOOT)
    line = graph.add("Mul", size, (29 / 6) ** 2 / 3)
    f = graph.odd(ratio, graph.add("Where", graph.add("Greater", size, (6 / 29) ** 3), bent, line))
    made = graph.times(f, _AXES)
    return graph.add("Add", made, graph.constant([1.16 * _FOOT - 0.16, 0, 0]))


def _lab_light(graph: Graph, lab: str) -> str:
    back = np.linalg.inv(np.asarray(_AXES))
    f = graph.times(graph.add("Sub", lab, graph.constant([1.16 * _FOOT - 0.16, 0, 0])), back)
    size = graph.add("Add", graph.add("Abs", f), _FOOT)
    line = graph.add("Mul", graph.add("Sub", size, _FOOT), 3 * (6 / 29) ** 2)
    cube = graph.add("Mul", graph.add("Mul", size, size), size)
    ratio = graph.odd(f, graph.add("Where", graph.add("Greater", size, 6 / 29), cube, line))
    return graph.times(ratio, np.linalg.inv(spaces._XYZ) * np.asarray(spaces._WHITE))


def _oklab(graph: Graph, light: str) -> str:
    cones = graph.times(light, spaces._LMS)
    return graph.times(graph.odd(cones, graph.add("Pow", graph.add("Abs", cones), 1 / 3)), spaces._OK)


def _oklab_light(graph: Graph, lab: str) -> str:
    root = graph.times(lab, np.linalg.inv(spaces._OK))
    cones = graph.add("Mul", graph.add("Mul", root, root), root)
    return graph.times(cones, np.linalg.inv(spaces._LMS))


def _ycbcr(graph: Graph, light: str) -> str:
    return graph.times(_coded(graph, light), spaces._YCC)


def _ycbcr_light(graph: Graph, colors: str) -> str:
    return _decoded(graph, graph.times(colors, np.linalg.inv(spaces._YCC)))


def _log(graph: Graph, light: str) -> str:
    natural = graph.add("Log", graph.add("Max", light, spaces._EDGE))
    stops = graph.add("Div", graph.add("Add", graph.add("Mul", natural, 1 / np.log(2.0)), 9.72), 17.52)
    line = graph.add("Add", graph.add("Mul", light, spaces._SLOPE), spaces._FOOT)
    return graph.add("Where", graph.add("LessOrEqual", light, spaces._EDGE), line, stops)


def _log_light(graph: Graph, stops: str) -> str:
    edge = spaces._EDGE * spaces._SLOPE + spaces._FOOT
    power = graph.add("Sub", graph.add("Mul", graph.add("Max", stops, edge), 17.52), 9.72)
    line = graph.add("Div", graph.add("Sub", stops, spaces._FOOT), spaces._SLOPE)
    return graph.add("Where", graph.add("LessOrEqual", stops, edge), line, graph.add("Pow", 2.0, power))


_TO_LIGHT: dict[Space, Callable[[Graph, str], str]] = {
    "srgb": _decoded,
    "linear": _same,
    "lab": _lab_light,
    "oklab": _oklab_light,
    "ycbcr": _ycbcr_light,
    "log": _log_light,
}
_FROM_LIGHT: dict[Space, Callable[[Graph, str], str]] = {
    "srgb": _coded,
    "linear": _same,
    "lab": _lab,
    "oklab": _oklab,
    "ycbcr": _ycbcr,
    "log": _log,
}
