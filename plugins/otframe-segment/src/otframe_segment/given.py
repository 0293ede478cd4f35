"""What scribbles say of an image, and regions brought to its size."""

from __future__ import annotations

from collections.abc import Callable

import torch

from otframe.errors import DataError
from otframe.values import Image
from otframe_segment.layers import View
from otframe_segment.model import Histogrammed
from otframe_segment.refine import refined

__all__ = ["enlarged_labels", "exemplars_of", "finished"]


def enlarged_labels(labels: torch.Tensor, size: tuple[int, int], port: str = "scribbles") -> torch.Tensor:
    """Labels at the size of the image, the nearest: `DataError` where the proportions are others."""
    height, width = int(labels.shape[0]), int(labels.shape[1])
    if (height, width) == size:
        return labels
    # of one proportion where either side, scaled as the other, is within a pixel
    if abs(height * size[1] - width * size[0]) > max(*size, height, width):
        raise DataError(
            f"scribbles have the proportions of their image: got (H, W) = {(height, width)}, the image has {size}",
            port=port,
            hint="draw on a transparent picture of the image's size, or of a smaller copy's",
        )
    rows = (torch.arange(size[0], device=labels.device) * height) // size[0]
    columns = (torch.arange(size[1], device=labels.device) * width) // size[1]
    return labels.index_select(0, rows).index_select(1, columns)


def exemplars_of(view: View, palette: torch.Tensor, names: tuple[str, ...], port: str = "scribbles") -> torch.Tensor:
    """The histograms under the strokes of each region, `(K, M)` float64, each of sum 1."""
    bins = view.bins(palette, view.size).reshape(-1)
    rows = []
    for name, stroke in zip(names, view.strokes, strict=True):
        row = palette.new_zeros(len(palette), dtype=torch.float64)
        under = stroke.reshape(-1).double()
        # sums in the order of the pixels on every device
        order = torch.argsort(bins, stable=True)
        lengths = torch.bincount(bins.to("cpu"), minlength=len(palette)).to(bins)
        total = torch.nn.functional.pad(under[order].cumsum(0), (1, 0))
        ends = lengths.cumsum(0)
        row = total.index_select(0, ends) - total.index_select(0, ends - lengths)
        row = torch.where(row > 1e-6 * total[-1], row, torch.zeros_like(row))
        if float(total[-1]) <= 0:
            raise DataError(
                f"region '{name}' has no stroke over a visible pixel",
                port=port,
                hint="draw one, and see that the image is not transparent there",
            )
        rows.append(row / row.sum())
    return torch.stack(rows)


def finished(
    model: Histogrammed,
    soft: torch.Tensor,
    image: Image,
    labels: torch.Tensor,
    view: View,
    palette: torch.Tensor,
    costs: list[torch.Tensor],
    tell: Callable[[float], None],
) -> torch.Tensor:
    """Soft regions at the image's own size, `(K, H, W)` float32."""
    if view.size == image.size:
        return soft
    local = view.features[3:] if len(view.features) > 3 else None
    return refined(soft, image, labels, palette, costs, local, model.smoothness, model.edges, tell)
