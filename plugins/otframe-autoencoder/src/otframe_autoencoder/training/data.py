"""Photographs, random crops of them, and degraded and restored pairs; everything follows from a seed.

Only photographs whose licence lets the trained weights be shipped belong here; ``photographs.csv`` lists those used,
with authors, licences and digests.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Photos", "check_photos", "find_photos", "read_photos"]

SUFFIXES = {".png", ".jpg", ".jpeg"}
LONGEST = 1400


def find_photos(folders: Sequence[Path]) -> list[Path]:
    """Give the image files of the folders in the order of their stems."""
    return sorted((p for d in folders for p in Path(d).iterdir() if p.suffix.lower() in SUFFIXES), key=lambda p: p.stem)


def check_photos(folders: Sequence[Path]) -> None:
    """Refuse folders that are not exactly the listed photographs: other ones give other weights, or may not be used."""
    with Path(__file__).with_name("photographs.csv").open(newline="") as file:
        listed = {row["file"]: row["sha256"] for row in csv.DictReader(file)}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in find_photos(folders)}
    different = sorted(name for name in listed.keys() | found.keys() if listed.get(name) != found.get(name))
    if different:
        raise ValueError(
            f"not the photographs of photographs.csv: {', '.join(different)} (--any-photos trains on them all the same)"
        )


def read_photos(folders: Sequence[Path]) -> Iterator[tuple[str, Tensor]]:
    """Yield (stem, uint8 image ``(3, H, W)``) in the order of the stems.

    A photograph whose longer side exceeds 1400 pixels is reduced by area averaging: a camera's raw resolution is
    soft and carries the traces of demosaicing and JPEG, neither of which the decoder should learn.
    """
    for path in find_photos(folders):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError(f"not an image: {path}")
        scale = LONGEST / max(image.shape[:2])
        if scale < 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        yield path.stem, torch.from_numpy(np.ascontiguousarray(image[..., ::-1])).permute(2, 0, 1).contiguous()


class Photos:
    """Random crops with flips, scales, colour and exposure jitter.

    Parameters
    ----------
    folders : sequence of Path
        Folders of photographs; all are held in memory as 8-bit pixels.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.names, self.images = zip(*read_photos(folders), strict=True)

    def crop(self, size: int, rng: np.random.Generator) -> Tensor:
        """Give one crop ``(3, size, size)``, float32 in [0, 1]."""
        image = self.images[rng.integers(len(self.images))]
        height, width = image.shape[1:]
        # Mostly native resolution: the statistics of texture change with scale, and users' photos are not resampled.
        scale = 1.0 if rng.random() < 0.5 else float(rng.uniform(0.5, 1.0))
        side = min(round(size / scale), height, width)
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        crop = image[:, top : top + side, left : left + side].float()[None] / 255
        if side != size:
            crop = functional.interpolate(crop, (size, size), mode="bilinear", antialias=True, align_corners=False)
        crop = crop[0]
        if rng.random() < 0.5:
            crop = crop.flip(-1)
        if rng.random() < 0.5:
            crop = crop.flip(-2)
        if rng.random() < 0.5:
            crop = crop.transpose(-1, -2)
        gain = np.exp(rng.normal(0, 0.15)) * np.exp(rng.normal(0, 0.06, 3))
        gamma, saturation = np.exp(rng.normal(0, 0.15)), np.exp(rng.normal(0, 0.2))
        crop = (crop.clamp(0, 1) ** float(gamma)) * torch.as_tensor(gain, dtype=torch.float32)[:, None, None]
        grey = crop.mean(0, keepdim=True)
        return (grey + float(saturation) * (crop - grey)).clamp(0, 1).contiguous()

    def batch(self, count: int, size: int, rng: np.random.Generator) -> Tensor:
        """Give ``count`` crops ``(count, 3, size, size)``."""
        return torch.stack([self.crop(size, rng) for _ in range(count)])
