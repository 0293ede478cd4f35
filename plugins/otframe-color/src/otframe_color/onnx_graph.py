"""ONNX graphs written by hand, and the nodes of a table looked up in one."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Graph", "looked_up"]


class Graph:
    """Nodes and constants as they come; every result has a name. Pixels are `(N, H, W, c)`.

    Parameters
    ----------
    onnx : module
        The package.
    """

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []

    def add(self, kind: str, *inputs: str | float, name: str = "", **attributes: Any) -> str:
        """A node; numbers among its inputs become float constants."""
        name = name or f"{kind.lower()}{len(self.nodes)}"
        names = [self.constant(given) if isinstance(given, float) else given for given in inputs]
        self.nodes.append(self._onnx.helper.make_node(kind, names, [name], **attributes))
        return name

    def constant(self, array: Any, dtype: Any = np.float32) -> str:
        """A constant tensor."""
        name = f"constant{len(self.tensors)}"
        self.tensors.append(self._onnx.numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def whole(self, number: Any) -> str:
        """A constant of int64."""
        return self.constant(number, np.int64)

    def times(self, pixels: str, matrix: Any) -> str:
        """Each pixel, as a column, times a matrix."""
        return self.add("MatMul", pixels, self.constant(np.asarray(matrix, np.float64).T))

    def odd(self, value: str, made: str) -> str:
        """What was made of a value's size, with the value's sign."""
        return self.add("Mul", self.add("Sign", value), made)

    def split(self, value: str, steps: int) -> tuple[str, str]:
        """A place from 0 to 1 as its cell of so many, a whole number, and what is left."""
        place = self.add("Mul", value, float(steps))
        cell = self.add("Clip", self.add("Floor", place), 0.0, float(steps - 1))
        return self.add("Cast", cell, to=self._onnx.TensorProto.INT64), self.add("Sub", place, cell)

    def channel(self, pixels: str, index: int) -> str:
        """One channel, `(N, H, W)`."""
        return self.add("Gather", pixels, self.whole(index), axis=3)


def looked_up(graph: Graph, table: np.ndarray, places: str, *, tetrahedral: bool) -> str:
    """A table's values `(N, H, W, c)` at places `(N, H, W, d)`, the table `(s, ..., s, c)` of d axes."""
    size, axes = table.shape[0], table.ndim - 1
    cell, within = graph.split(places, size - 1)
    strides = graph.whole([size ** (axes - 1 - axis) for axis in range(axes)])
    last = graph.whole([3])
    base = graph.add("ReduceSum", graph.add("Mul", cell, strides), last, keepdims=0)
    parts = [graph.channel(within, axis) for axis in range(axes)]
    rows = graph.constant(table.reshape(-1, table.shape[-1]))
    terms = []
    for offset, weight in _tetrahedron(graph, parts, size) if tetrahedral else _cube(graph, parts, size):
        value = graph.add("Gather", rows, graph.add("Add", base, offset), axis=0)
        terms.append(graph.add("Mul", value, graph.add("Unsqueeze", weight, last)))
    return graph.add("Sum", *terms)


def _tetrahedron(graph: Graph, parts: list[str], size: int) -> list[tuple[str, str]]:
    """Four nodes: the first, one step on along the largest part, another along the middle one, the last."""
    r, g, b = parts
    add = graph.add
    red, green, blue = (graph.whole(step) for step in (size * size, size, 1))
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
    whole = graph.whole(size * size + size + 1)
    return [
        (graph.whole(0), add("Sub", 1.0, large)),
        (most, add("Sub", large, middle)),
        (add("Sub", whole, least), add("Sub", middle, small)),
        (whole, small),
    ]


def _cube(graph: Graph, parts: list[str], size: int) -> list[tuple[str, str]]:
    """All eight nodes, or two or four on fewer axes."""
    made: list[tuple[int, str]] = [(0, "")]
    for axis, part in enumerate(reversed(parts)):
        near, beyond = graph.add("Sub", 1.0, part), size**axis
        sides = [(at, weight, near) for at, weight in made] + [(at + beyond, weight, part) for at, weight in made]
        made = [(at, graph.add("Mul", weight, side) if weight else side) for at, weight, side in sides]
    return [(graph.whole(at), weight) for at, weight in made]
