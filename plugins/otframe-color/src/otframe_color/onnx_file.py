"""`.onnx` files of colour maps: for games, browsers, phones and whatever else runs ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from otframe.errors import OutputError
from otframe.io.writer import writes
from otframe.registry import Registry
from otframe.version import __version__
from otframe_color.lut import Lut
from otframe_color.maps import ColorMap
from otframe_color.torch_file import as_lut

__all__ = ["model", "write_onnx"]

_OPSET = 17


@writes(ColorMap)
def write_onnx(value: ColorMap, path: Path, registry: Registry) -> tuple[str, ...]:
    """Write a map as a model from `image` to `moved`, float32 `(N, 3, H, W)`, any sizes, in the map's coding.

    The model's metadata have `fidelity`, the line of how far its table is from the map, `coding` and `title`.
    """
    del registry
    lut = as_lut(value)
    path.write_bytes(model(lut).SerializeToString())
    return () if lut.fidelity is None else (f"fidelity: {lut.fidelity}",)


def model(lut: Lut) -> Any:
    """The model of a table, an `onnx.ModelProto` of opset 17; `OutputError` where onnx is not installed."""
    try:
        import onnx
    except ImportError as error:
        raise OutputError("'.onnx' files need onnx", hint="pip install 'otframe-color[onnx]'") from error
    graph = _Graph(onnx)
    places = _places(graph, lut)
    made = _values(graph, lut, places)
    graph.add("Transpose", _keeping_nan(graph, made), perm=[0, 3, 1, 2], name="moved")
    sizes = ["N", 3, "H", "W"]
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, sizes) for name in ("image", "moved")]
    whole = onnx.helper.make_graph(graph.nodes, "colours", ends[:1], ends[1:], graph.tensors)
    opset = [onnx.helper.make_opsetid("", _OPSET)]
    made = onnx.helper.make_model(whole, opset_imports=opset, producer_name="otframe", producer_version=__version__)
    made.ir_version = 8  # what goes with the opset: the newest is not read by yesterday's runtimes
    told = {"coding": lut.coded, "title": lut.title, "fidelity": "" if lut.fidelity is None else str(lut.fidelity)}
    onnx.helper.set_model_props(made, {name: text for name, text in told.items() if text})
    onnx.checker.check_model(made)
    return made


class _Graph:
    """Nodes and constants as they come; every result has a name."""

    def __init__(self, onnx: Any) -> None:
        self._onnx, self.nodes, self.tensors = onnx, [], []

    def add(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        name = name or f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(self._onnx.helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, array: Any, dtype: Any = np.float32) -> str:
        name = f"constant{len(self.tensors)}"
        self.tensors.append(self._onnx.numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def clipped(self, value: str, top: float) -> str:
        return self.add("Clip", value, self.constant(0.0), self.constant(top))

    def split(self, value: str, steps: int) -> tuple[str, str]:
        """A place in units of cells, as the cell (whole) and what is left."""
        place = self.add("Mul", value, self.constant(steps))
        cell = self.clipped(self.add("Floor", place), steps - 1)
        return self.add("Cast", cell, to=self._onnx.TensorProto.INT64), self.add("Sub", place, cell)

    def channel(self, value: str, index: int) -> str:
        return self.add("Gather", value, self.constant(index, np.int64), axis=3)


def _places(graph: _Graph, lut: Lut) -> str:
    """Where colours lie in the table, `(N, H, W, 3)`; a NaN as 0."""
    pixels = graph.add("Transpose", "image", perm=[0, 2, 3, 1])
    graph.add("Where", graph.add("IsNaN", pixels), graph.constant(0.0), pixels, name="whole")
    low, high = lut.low.float().cpu().numpy(), lut.high.float().cpu().numpy()
    above = graph.add("Sub", "whole", graph.constant(low))
    places = graph.clipped(graph.add("Div", above, graph.constant(high - low)), 1.0)
    if lut.shaper is None:
        return places
    count = lut.shaper.shape[1]
    cell, within = graph.split(places, count - 1)
    at = graph.add("Add", cell, graph.constant(np.arange(3) * count, np.int64))
    curve = graph.constant(lut.shaper.float().cpu().numpy().reshape(-1))
    first = graph.add("Gather", curve, at)
    last = graph.add("Gather", curve, graph.add("Add", at, graph.constant(1, np.int64)))
    rise = graph.add("Mul", graph.add("Sub", last, first), within)
    return graph.clipped(graph.add("Add", first, rise), 1.0)


def _values(graph: _Graph, lut: Lut, places: str) -> str:
    size = lut.size
    cell, within = graph.split(places, size - 1)
    strides = graph.constant([size * size, size, 1], np.int64)
    axis = graph.constant([3], np.int64)
    base = graph.add("ReduceSum", graph.add("Mul", cell, strides), axis, keepdims=0)
    parts = [graph.channel(within, index) for index in range(3)]
    corners = _tetrahedron(graph, parts, size) if lut.interpolation == "tetrahedral" else _cube(graph, parts, size)
    rows = graph.constant(lut.table.float().cpu().numpy().reshape(-1, 3))
    terms = []
    for offset, weight in corners:
        value = graph.add("Gather", rows, graph.add("Add", base, offset), axis=0)
        terms.append(graph.add("Mul", value, graph.add("Unsqueeze", weight, axis)))
    return graph.add("Sum", *terms)


def _tetrahedron(graph: _Graph, parts: list[str], size: int) -> list[tuple[str, str]]:
    """Four nodes: the first, one step on along the largest part, another along the middle one, the last."""
    r, g, b = parts
    add = graph.add
    red, green, blue = (graph.constant(step, np.int64) for step in (size * size, size, 1))
    most = add(
        "Where",
        add("GreaterOrEqual", r, g),
        add("Where", add("GreaterOrEqual", r, b), red, blue),
        add("Where", add("GreaterOrEqual", g, b), green, blue),
    )
    least = add(
        "Where",
        add("GreaterOrEqual", g, b),
        add("Where", add("GreaterOrEqual", r, b), blue, red),
        add("Where", add("GreaterOrEqual", r, g), green, red),
    )
    large, small = add("Max", r, g, b), add("Min", r, g, b)
    middle = add("Max", add("Min", r, g), add("Min", add("Max", r, g), b))
    whole = graph.constant(size * size + size + 1, np.int64)
    return [
        (graph.constant(0, np.int64), add("Sub", graph.constant(1.0), large)),
        (most, add("Sub", large, middle)),
        (add("Sub", whole, least), add("Sub", middle, small)),
        (whole, small),
    ]


def _cube(graph: _Graph, parts: list[str], size: int) -> list[tuple[str, str]]:
    """All eight nodes."""
    steps = (size * size, size, 1)
    one = graph.constant(1.0)
    sides = [(graph.add("Sub", one, part), part) for part in parts]
    made = []
    for number in range(8):
        chosen = [number >> k & 1 for k in range(3)]
        weight = sides[0][chosen[0]]
        for k in (1, 2):
            weight = graph.add("Mul", weight, sides[k][chosen[k]])
        offset = sum(step for step, far in zip(steps, chosen, strict=True) if far)
        made.append((graph.constant(offset, np.int64), weight))
    return made


def _keeping_nan(graph: _Graph, made: str) -> str:
    """NaN in all channels of a pixel that has one."""
    pixels = graph.add("Transpose", "image", perm=[0, 2, 3, 1])
    count = graph.add("Cast", graph.add("IsNaN", pixels), to=1)
    some = graph.add("Greater", graph.add("ReduceMax", count, axes=[3], keepdims=1), graph.constant(0.0))
    return graph.add("Where", some, graph.constant(np.nan), made)
