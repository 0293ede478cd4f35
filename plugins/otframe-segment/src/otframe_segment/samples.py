"""Samples of the plugin's values, of the size of the kit's images."""

from __future__ import annotations

import torch

from otframe.values import SolveInfo
from otframe_segment.values import Scribbles, Segmentation

__all__ = ["scribbles", "segmentation"]

_SIZE = (16, 13)


def scribbles(seed: int) -> Scribbles:
    """A stroke above and one below."""
    labels = torch.full(_SIZE, -1)
    labels[2:4, 2:10] = 0
    labels[12 + seed % 3, 2:11] = 1
    return Scribbles(labels, ("object", "background"))


def segmentation(seed: int) -> Segmentation:
    """Two halves, of four colours."""
    random = torch.Generator().manual_seed(seed + 1)
    soft = torch.linspace(1, 0, _SIZE[0])[:, None].expand(_SIZE).contiguous()
    relaxed = torch.stack([soft, 1 - soft])
    histograms, exemplars = (torch.rand(2, 4, generator=random, dtype=torch.float64) + 0.1 for _ in range(2))
    return Segmentation(
        relaxed.argmax(0),
        relaxed,
        ("object", "background"),
        torch.rand(4, 3, generator=random),
        histograms / histograms.sum(1, keepdim=True),
        exemplars / exemplars.sum(1, keepdim=True),
        0.1,
        SolveInfo(10, True, 1e-3),
    )
