"""Colour maps as PyTorch networks, and `.pt2` files of them that run without otframe."""

from __future__ import annotations

from pathlib import Path

import torch

from otframe.io.writer import writes
from otframe.registry import Registry
from otframe_color.corners import looked_up
from otframe_color.exact_net import ExactNet, is_exact
from otframe_color.fidelity import measured_as
from otframe_color.lut import Lut
from otframe_color.maps import ColorMap, FittedMap
from otframe_color.table import MakeTable

__all__ = ["LutNet", "as_lut", "network", "told_of", "write_pt2"]

_SIZE = 65


class LutNet(torch.nn.Module):
    """A table as a network of images `(n, 3, h, w)`, any size, float32: buffers and arithmetic, no otframe inside.

    Parameters
    ----------
    lut : Lut
        The table.
    """

    table: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor
    shaper: torch.Tensor | None

    def __init__(self, lut: Lut) -> None:
        super().__init__()
        self.register_buffer("table", lut.table.detach().float().clone())
        self.register_buffer("low", lut.low.detach().float().clone())
        self.register_buffer("high", lut.high.detach().float().clone())
        self.register_buffer("shaper", None if lut.shaper is None else lut.shaper.detach().float().clone())
        self.tetrahedral = lut.interpolation == "tetrahedral"

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Move every pixel."""
        colors = image.permute(0, 2, 3, 1).reshape(-1, 3)
        places = ((colors - self.low) / (self.high - self.low)).clamp(0, 1)
        if self.shaper is not None:
            places = _shaped(places, self.shaper)
        made = looked_up(self.table, places, tetrahedral=self.tetrahedral)
        return made.reshape(image.shape[0], image.shape[2], image.shape[3], 3).permute(0, 3, 1, 2)


def _shaped(places: torch.Tensor, shaper: torch.Tensor) -> torch.Tensor:
    steps = shaper.shape[1] - 1
    place = places.T * steps
    cell = place.nan_to_num().floor().clamp(0, steps - 1).to(torch.int64)
    first, last = shaper.gather(1, cell), shaper.gather(1, cell + 1)
    return torch.lerp(first, last, place - cell).clamp(0, 1).T


def as_lut(map: ColorMap) -> Lut:
    """The map itself where it is a table, else a table of it of 65 nodes on each axis, with its fidelity."""
    return map if isinstance(map, Lut) else MakeTable(size=_SIZE, nodes="sampled")(map)


def network(map: ColorMap) -> torch.nn.Module:
    """A colour map as a network that moves images `(n, 3, h, w)`, float32, in the map's coding.

    A table is looked up as it is; a fitted map whose transport is affine or has a table is the same arithmetic, in its
    working space; any other goes through a table of 65 nodes on each axis.
    """
    return (ExactNet(map) if isinstance(map, FittedMap) and is_exact(map) else LutNet(as_lut(map))).eval()


def told_of(map: ColorMap) -> dict[str, str]:
    """What a file says of the map in it: `coding`, `title`, and `fidelity`, how far it is from the map."""
    if isinstance(map, Lut):
        fidelity = "" if map.fidelity is None else str(map.fidelity)
        return {"coding": map.coding, "title": map.title, "fidelity": fidelity}
    net = network(map)
    with torch.no_grad():
        found = measured_as(map, lambda colors: net(colors.T[None, :, None])[0, :, 0].T)
    return {"coding": map.coding, "title": "", "fidelity": str(found)}


@writes(ColorMap)
def write_pt2(value: ColorMap, path: Path, registry: Registry) -> tuple[str, ...]:
    """Write a map as an exported program: `torch.export.load(path).module()(images)` runs it.

    Images are float32 `(n, 3, h, w)` of any size, in the map's coding. The file's extra `fidelity` is the line of how
    far what it holds is from the map, `coding` says `srgb` or `linear`.
    """
    del registry
    value = value if is_exact(value) else as_lut(value)
    told = told_of(value)
    free = {0: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    with torch.no_grad():
        program = torch.export.export(network(value), (torch.rand(2, 3, 5, 7),), dynamic_shapes=(free,))
    torch.export.save(program, path, extra_files=told)
    return (f"fidelity: {told['fidelity']}",) if told["fidelity"] else ()
