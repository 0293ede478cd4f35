"""`.onnx` files of colour maps: for games, browsers, phones and whatever else runs ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from otframe.errors import OutputError
from otframe.io.writer import writes
from otframe.registry import Registry
from otframe.version import __version__
from otframe_color.exact_net import ExactNet, is_exact
from otframe_color.lut import Lut
from otframe_color.maps import ColorMap, FittedMap
from otframe_color.onnx_graph import Graph, looked_up
from otframe_color.onnx_spaces import converted
from otframe_color.torch_file import as_lut, told_of

__all__ = ["model", "write_onnx"]

_OPSET, _FORMAT = 17, 8


@writes(ColorMap)
def write_onnx(value: ColorMap, path: Path, registry: Registry) -> tuple[str, ...]:
    """Write a map as a model from `image` to `moved`, float32 `(N, 3, H, W)`, any sizes, in the map's coding.

    What it computes is what `otframe_color.torch_file.network` does. The model's metadata have `fidelity`, the line of
    how far that is from the map, `coding` and `title`.
    """
    del registry
    value = value if is_exact(value) else as_lut(value)
    made = model(value)
    path.write_bytes(made.SerializeToString())
    return tuple(f"fidelity: {prop.value}" for prop in made.metadata_props if prop.key == "fidelity")


def model(map: ColorMap) -> Any:
    """The model of a map, an `onnx.ModelProto` of opset 17; `OutputError` where onnx is not installed."""
    try:
        import onnx
    except ImportError as error:
        raise OutputError("'.onnx' files need onnx", hint="pip install 'otframe-color[onnx]'") from error
    graph = Graph(onnx)
    pixels = graph.add("Transpose", "image", perm=[0, 2, 3, 1])
    nan = graph.add("IsNaN", pixels)
    whole = graph.add("Where", nan, 0.0, pixels)
    exact = isinstance(map, FittedMap) and is_exact(map)
    made = _fitted(graph, ExactNet(map), whole) if exact else _table(graph, as_lut(map), whole)  # type: ignore[arg-type]
    some = graph.add("ReduceMax", graph.add("Cast", nan, to=onnx.TensorProto.FLOAT), axes=[3], keepdims=1)
    made = graph.add("Where", graph.add("Greater", some, 0.0), float("nan"), made)
    graph.add("Transpose", made, perm=[0, 3, 1, 2], name="moved")
    sizes: list[str | int | None] = ["N", 3, "H", "W"]
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, sizes) for name in ("image", "moved")]
    body = onnx.helper.make_graph(graph.nodes, "colours", ends[:1], ends[1:], graph.tensors)
    opset = [onnx.helper.make_opsetid("", _OPSET)]
    found = onnx.helper.make_model(body, opset_imports=opset, producer_name="otframe", producer_version=__version__)
    found.ir_version = _FORMAT  # what goes with the opset: the newest is not read by yesterday's runtimes
    onnx.helper.set_model_props(found, {name: text for name, text in told_of(map).items() if text})
    onnx.checker.check_model(found)
    return found


def _table(graph: Graph, lut: Lut, colors: str) -> str:
    """A table's values at colours `(N, H, W, 3)`."""
    places = _places(graph, colors, _array(lut.low), _array(lut.high))
    if lut.shaper is not None:
        count = lut.shaper.shape[1]
        cell, within = graph.split(places, count - 1)
        at = graph.add("Add", cell, graph.whole(np.arange(3) * count))
        curve = graph.constant(_array(lut.shaper).reshape(-1))
        first = graph.add("Gather", curve, at)
        last = graph.add("Gather", curve, graph.add("Add", at, graph.whole(1)))
        rise = graph.add("Mul", graph.add("Sub", last, first), within)
        places = graph.add("Clip", graph.add("Add", first, rise), 0.0, 1.0)
    return looked_up(graph, _array(lut.table), places, tetrahedral=lut.interpolation == "tetrahedral")


def _fitted(graph: Graph, net: ExactNet, colors: str) -> str:
    """What `ExactNet` does."""
    colors = converted(graph, colors, net.coding, net.space)
    first = 1 if net.dim == 2 else 0
    ends = (range(first), range(first, first + net.dim), range(first + net.dim, 3))
    before, points, after = (
        graph.add("Gather", colors, graph.whole(list(end)), axis=3) if len(end) else "" for end in ends
    )
    if net.affine:
        made = graph.add("Add", graph.times(points, _array(net.matrix).T), graph.constant(_array(net.shift)))
    else:
        places = _places(graph, points, _array(net.low), _array(net.high))
        made = graph.add("Add", points, looked_up(graph, _array(net.table), places, tetrahedral=False))
    kept = [name for name in (before, made, after) if name]
    made = graph.add("Concat", *kept, axis=3) if len(kept) > 1 else made
    return converted(graph, made, net.space, net.coding)


def _places(graph: Graph, colors: str, low: np.ndarray, high: np.ndarray) -> str:
    above = graph.add("Sub", colors, graph.constant(low))
    return graph.add("Clip", graph.add("Div", above, graph.constant(high - low)), 0.0, 1.0)


def _array(tensor: torch.Tensor) -> np.ndarray:
    return np.asarray(tensor.detach().float().cpu().numpy())
