"""A contact sheet: crops of one photograph a row, one method a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from otframe import Image

__all__ = ["contact_sheet"]

SIDE, ZOOM, GAP, HEAD = 96, 2, 4, 24


def contact_sheet(path: Path, keys: Sequence[str], columns: Mapping[str, Mapping[str, Image]]) -> None:
    """Write the centres of some images, 96 x 96 pixels twice as large, under the columns' names."""
    side = SIDE * ZOOM
    width, height = (len(columns) * (side + GAP) + GAP, len(keys) * (side + GAP) + HEAD)
    sheet = np.full((height, width, 3), 255, np.uint8)
    for column, (name, images) in enumerate(columns.items()):
        left = GAP + column * (side + GAP)
        cv2.putText(sheet, name, (left, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
        for row, key in enumerate(keys):
            top = HEAD + row * (side + GAP)
            sheet[top : top + side, left : left + side] = _centre(images[key])
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), sheet[..., ::-1])


def _centre(image: Image) -> np.ndarray:
    pixels = image.numpy()
    top, left = ((side - SIDE) // 2 for side in pixels.shape[:2])
    cut = np.rint(pixels[top : top + SIDE, left : left + SIDE].clip(0, 1) * 255).astype(np.uint8)
    return cut.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)
