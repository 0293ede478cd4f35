"""Problems of unscrambling: real pictures, what scrambles them, and how calibration pictures are displaced."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from otframe_unscramble.scrambling.displace import shifted, warped
from otframe_unscramble.scrambling.field import clouds, smooth_field
from otframe_unscramble.values import Scrambler

from otframe import component
from otframe.interfaces import Context

__all__ = ["Problem", "Setting", "pictures", "posed"]

MARGIN = 8
"""Pixels around pictures of `around` settings: what displacement brings in."""


@dataclass(frozen=True)
class Setting:
    """What a problem is made of.

    Parameters
    ----------
    kind : str
        `mnist`, `cifar` or `natural`.
    side : int
    count : int
        Calibration pictures; each channel of each is a sample.
    held : int
        Pictures that are recovered, of others than calibration's.
    around : bool
        Whether displaced pictures are cut from larger ones; otherwise it is dark outside, as published.
    medium : str
        `permutation` or `glitter`.
    shift : float
        Standard deviation of displacements, pixels, each channel by itself as published.
    noise : float
        Standard deviation of noise in all scrambled pictures.
    bend : float
        Standard deviation of smooth local displacements, pixels, over a sixth of the side.
    spoiled : float
        Part of the calibration pictures that are something else.
    """

    kind: str
    side: int
    count: int
    held: int = 60
    around: bool = False
    medium: str = "permutation"
    shift: float = 1.0
    noise: float = 0.0
    bend: float = 0.0
    spoiled: float = 0.0

    @property
    def name(self) -> str:
        """In words."""
        return f"{self.kind} {self.side} x {self.side}, N = {self.count}" + (", cut from larger" if self.around else "")

    def but(self, **changes: object) -> Setting:
        """The same with changes."""
        return replace(self, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Problem:
    """Calibration pictures `(n, C, h, w)`, scrambled and displaced, and held-out ones, scrambled and planted."""

    scrambled: torch.Tensor
    clear: torch.Tensor
    new: torch.Tensor
    planted: torch.Tensor
    shifts: torch.Tensor
    medium: Scrambler


def posed(data: Path, setting: Setting, seed: int) -> Problem:
    """A problem. Seeds change pictures, medium and displacements."""
    grown = setting.side + 2 * MARGIN * setting.around
    large, held = pictures(data, setting.kind, grown, setting.count, setting.held, seed)
    cut = (lambda x: x[..., MARGIN:-MARGIN, MARGIN:-MARGIN].contiguous()) if setting.around else (lambda x: x)
    rng = torch.Generator().manual_seed(1000 + seed)
    medium = component(f"scramble.{setting.medium}", height=setting.side)(ctx=Context(seed=seed))
    shifts = setting.shift * torch.randn(*large.shape[:2], 2, generator=rng, dtype=torch.float64)
    displaced = large
    if setting.bend:
        field = setting.bend * smooth_field(large.shape[-2:], setting.side / 6, 2 * len(large), rng)
        field = field.unflatten(0, (len(large), 2))
        displaced = torch.stack(
            [
                warped(large[:, c : c + 1], (field + shifts[:, c, :, None, None]).to(large))[:, 0]
                for c in range(large.shape[1])
            ],
            1,
        )
    elif setting.shift:
        displaced = shifted(large, shifts, "linear", "zero")
    clear = cut(displaced).clone()
    for number in torch.randperm(len(clear), generator=rng)[: round(setting.spoiled * len(clear))]:
        clear[number] = clouds(clear.shape[-2:], clear.shape[1], rng).to(clear)
    calibration, planted = cut(large), cut(held)
    scrambled, new = (
        through + setting.noise * torch.randn(through.shape, generator=rng)
        for through in (medium(calibration), medium(planted))
    )
    return Problem(scrambled, clear, new, planted, shifts, medium)


def pictures(data: Path, kind: str, side: int, count: int, held: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """So many pictures `(n, C, side, side)` in [0, 1] for calibration, and others that are held out."""
    dice = np.random.default_rng(seed)
    if kind == "mnist":
        archive = np.load(data / "mnist" / "mnist_dev.npz")
        first, last = (28 - side) // 2, (28 - side) // 2 + side
        sets = [archive[name][:, first:last, first:last, None] for name in ("x_train", "x_test")]
    elif kind == "cifar":
        archive = np.load(data / "cifar10" / "cifar10_dev.npz")
        sets = [_jpegs(archive[f"jpeg_{name}"], archive[f"offset_{name}"]) for name in ("train", "test")]
    else:
        return _natural(data, side, count, held, dice)
    made = []
    for images, wanted in zip(sets, (count, held), strict=True):
        chosen = images[dice.permutation(len(images))[:wanted]]
        made.append(torch.from_numpy(chosen.astype(np.float32) / 255).permute(0, 3, 1, 2).contiguous())
    return made[0], made[1]


def _natural(
    data: Path, side: int, count: int, held: int, dice: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Photographs, their central squares averaged down; where these are too few, parts of the larger ones too."""
    paths = sorted((data / "imagenette224").glob("*/*")) + sorted((data / "flowers128").glob("*/*"))
    order = dice.permutation(len(paths))
    calibration = [_square(paths[k], side) for k in order[held:]][:count]
    larger = [k for k in order[held:] if paths[k].parent.parent.name == "imagenette224"]
    turn = 0
    while len(calibration) < count:
        calibration.append(_square(paths[larger[turn % len(larger)]], side, dice))
        turn += 1
    made = [np.stack(images) for images in (calibration, [_square(paths[k], side) for k in order[:held]])]
    first, second = (torch.from_numpy(m).permute(0, 3, 1, 2).float().div(255).contiguous() for m in made)
    return first, second


def _square(path: Path, side: int, dice: np.random.Generator | None = None) -> np.ndarray:
    image = cv2.imread(str(path))[..., ::-1]
    size = min(image.shape[:2])
    if dice is not None:
        size = int(dice.integers(max(side, size // 2), size))
    top, left = ((n - size) // 2 if dice is None else int(dice.integers(0, n - size + 1)) for n in image.shape[:2])
    return cv2.resize(image[top : top + size, left : left + size], (side, side), interpolation=cv2.INTER_AREA)


def _jpegs(blob: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    data = io.BytesIO(blob.tobytes()).getbuffer()
    return np.stack(
        [cv2.imdecode(np.frombuffer(data[a:b], np.uint8), cv2.IMREAD_COLOR)[..., ::-1] for a, b in pairwise(offsets)]
    )
