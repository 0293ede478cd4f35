"""Compose the pictures of the README and the gallery: `python docs/make_pictures.py [out/demo]`.

The one of the restoration is made of what `make demo` wrote; those of the colours and of the glitter by the pipelines
themselves.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from otframe import Pipeline
from otframe.io import open_source
from otframe.registry import Registry
from otframe.values import Image

SHOWN = {"astronaut-0": (20, 50), "chelsea-0": (60, 50)}
"""Photographs to show, with the top left corner of the window in each."""
SIDE = 200
GAP = 6
SMALL = 300, 200
PIXEL = 2
"""Pixels of the page for each of an unscrambled picture."""


def main(folder: Path) -> None:
    """All pictures."""
    restoration(folder)
    colors()
    glitter()


def restoration(folder: Path) -> None:
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
    _write(sheet, "restoration.jpg")


def colors() -> None:
    """A reference, and two photographs before and after."""
    pipeline = Pipeline.from_yaml(Path(__file__).parents[1] / "pipelines" / "color_transfer.yaml")
    samples = open_source("sample:photos", Registry.installed())
    row = [samples.load("rocket")]
    for name in ("coffee", "chelsea"):
        made = pipeline(source=f"sample:photos/{name}", reference="sample:photos/rocket")["graded"][name]
        row += [samples.load(name), made]
    gap = np.full((SMALL[1], GAP, 3), 255, np.uint8)
    shown = [cv2.resize(_eight_bits(image), SMALL, interpolation=cv2.INTER_AREA) for image in row]
    _write(np.hstack([part for picture in shown for part in (picture, gap)][:-1]), "color.jpg")


def glitter() -> None:
    """Photographs in columns: as they are, behind glitter, and recovered by least squares and by alignment."""
    pipeline = Pipeline.from_yaml(Path(__file__).parents[1] / "pipelines" / "unscramble.yaml")
    methods = ("unscramble.least_squares", "unscramble.aligned")
    least, made = (pipeline.run(params={"method": method}).values for method in methods)
    rows = []
    for pictures in (made["truth"], made["scrambled"], least["recovered"], made["recovered"]):
        tiles = [np.kron(_eight_bits(image), np.ones((PIXEL, PIXEL, 1), np.uint8)) for image in pictures.values()]
        gap = np.full((len(tiles[0]), GAP, 3), 255, np.uint8)
        rows.append(np.hstack([part for tile in tiles for part in (tile, gap)][:-1]))
    blank = np.full((GAP, rows[0].shape[1], 3), 255, np.uint8)
    _write(np.vstack([part for row in rows for part in (row, blank)][:-1]), "glitter.jpg")


def _eight_bits(image: Image) -> np.ndarray:
    return np.asarray((image.numpy()[..., 2::-1] * 255).round().clip(0, 255).astype(np.uint8))


def _write(sheet: np.ndarray, name: str) -> None:
    target = Path(__file__).parent / "images" / name
    target.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(target), sheet, [cv2.IMWRITE_JPEG_QUALITY, 93])
    print(target)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/demo"))
