"""The photographs, degradations and restorers of the restoration benchmark."""

from __future__ import annotations

import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch

from otframe import Image, Pipeline
from otframe.graph import Builder

__all__ = ["SIGMA", "Pair", "Photos", "denoised", "enlarged", "photos", "smoothed"]

CROP = 240, 320
SIGMA = 50
FITTING = 10
Images = dict[str, Image]


class Photos(NamedTuple):
    """Centre crops by key: to fit on, other ones for an unpaired target law, held out; and the grey ones left out."""

    fit: Images
    other: Images
    held: Images
    grey: list[str]


class Pair(NamedTuple):
    """What a restorer was given, and what it gave."""

    degraded: Images
    restored: Images


def photos(data: Path) -> Photos:
    """Fit on the first ten of CBSD68 by name; hold out the others with Set5, Set14 in colour, and Urban100."""
    folder = data / "photos"
    bsd = _files(folder, "CBSD68")
    rest = [*bsd[FITTING:], *_files(folder, "Set5"), *_files(folder, "Set14"), *_files(folder, "Urban100")]
    grey = [path for path in rest if _is_grey(path)]
    # only crops of 500 x 500 are to be had of Kodak; both folders are looked at, as one has fewer than ten
    kodak = sorted((*_files(folder, "Kodak24"), *_files(folder, "Kodak24_train")), key=lambda path: path.name)
    return Photos(
        {_key(path): _crop(path) for path in bsd[:FITTING]},
        {_key(path): _crop(path) for path in kodak[:FITTING]},
        {_key(path): _crop(path) for path in rest if path not in grey},
        [_key(path) for path in grey],
    )


def denoised(data: Path, truth: Images) -> Pair:
    """White Gaussian noise of sigma 50, seeded by the key, and DnCNN (colour, blind) on the noisy photographs."""
    _loadable_spandrel(data)
    return _noised(truth, "restorer.spandrel", {"path": str(data / "models/restorers/dncnn_color_blind.pth")})


def smoothed(data: Path, truth: Images) -> Pair:
    """The same noise, and non-local means, which needs no weights."""
    del data
    return _noised(truth, "restorer.nlm", {"sigma": SIGMA})


def _noised(truth: Images, restorer: str, params: dict[str, Any]) -> Pair:
    b = Builder("Denoising")
    clean = b.input("truth", "Image[]")
    net = b.node("net", restorer, params=params)
    noisy = b.steps("noisy", [("degrade.noise", {"sigma": SIGMA})], clean)
    b.output("degraded", noisy)
    b.output("restored", b.steps("restored", [net.restore], noisy))
    made = Pipeline(b.document())(truth=truth)
    return Pair(made["degraded"], made["restored"])


def enlarged(data: Path, truth: Images) -> Pair:
    """Antialiased bicubic reduction by 4, bicubic enlargement, and VDSR on the luma; the chroma stays bicubic."""
    sys.path.insert(0, str(data))
    from loaders import vdsr  # comes with the data

    net = vdsr(data / "models/restorers/vdsr.pth")
    b = Builder("Reduction")
    b.output(
        "blurred", b.steps("blurred", [("degrade.downscale", {"factor": 4, "back": True})], b.input("truth", "Image[]"))
    )
    blurred = Pipeline(b.document())(truth=truth)["blurred"]
    return Pair(blurred, {key: _sharpened(net, image) for key, image in blurred.items()})


@torch.no_grad()
def _sharpened(net: object, image: Image) -> Image:
    # adding the change of the luma to all three channels keeps the chroma
    weights = torch.tensor([0.299, 0.587, 0.114])
    luma = torch.einsum("c,chw->hw", weights, image.pixels)[None, None]
    return image.with_grid((image.pixels + net(luma)[0] - luma[0]).clamp(0, 1))  # type: ignore[operator]


def _files(folder: Path, name: str) -> list[Path]:
    return sorted((folder / name).glob("*.png"), key=lambda path: path.name)


def _key(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


def _read(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1]


def _is_grey(path: Path) -> bool:
    pixels = _read(path)
    return bool((pixels == pixels[..., :1]).all())


def _crop(path: Path) -> Image:
    pixels = _read(path)
    top, left = (max(side - wanted, 0) // 2 for side, wanted in zip(pixels.shape, CROP, strict=False))
    cut = np.ascontiguousarray(pixels[top : top + CROP[0], left : left + CROP[1]])
    return Image.from_numpy(cut, meta=MappingProxyType({"stem": _key(path)}))


def _loadable_spandrel(data: Path) -> None:
    """spandrel imports torchvision, whose compiled operators cannot register beside every build of torch."""
    try:
        import spandrel  # noqa: F401
    except RuntimeError:
        for name in [name for name in sys.modules if name.partition(".")[0] in ("torchvision", "spandrel")]:
            del sys.modules[name]
        sys.path.insert(0, str(data))
        import spandrel_torchvision_shim  # noqa: F401
