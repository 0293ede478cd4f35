"""Compose the README's picture from what `make demo` wrote: `python docs/make_pictures.py [out/demo]`."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from otframe.io import open_source
from otframe.registry import Registry

SHOWN = {"astronaut-0": (20, 50), "chelsea-0": (60, 50)}
"""Photographs to show, with the top left corner of the window in each."""
SIDE = 200
GAP = 6


def main(folder: Path) -> None:
    """One row a photograph: noisy, restored, transported, original."""
    originals = open_source("sample:photos/test", Registry.installed())
    rows = []
    for name, (top, left) in SHOWN.items():
        truth = (originals.load(name).numpy()[..., ::-1] * 255).round().astype(np.uint8)
        files = [folder / "noisy" / f"{name}.png", folder / "restored" / f"{name}.png", folder / f"{name}.png"]
        pictures = [*(cv2.imread(str(path)) for path in files), truth]
        windows = [picture[top : top + SIDE, left : left + SIDE] for picture in pictures]
        gap = np.full((SIDE, GAP, 3), 255, np.uint8)
        rows.append(np.hstack([part for window in windows for part in (window, gap)][:-1]))
    blank = np.full((GAP, rows[0].shape[1], 3), 255, np.uint8)
    sheet = np.vstack([part for row in rows for part in (row, blank)][:-1])
    target = Path(__file__).parent / "images" / "restoration.jpg"
    target.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(target), sheet, [cv2.IMWRITE_JPEG_QUALITY, 93])
    print(target)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/demo"))
