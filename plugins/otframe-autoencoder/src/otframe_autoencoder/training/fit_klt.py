"""Fit the block KLT on photographs: ``python -m otframe_autoencoder.training.fit_klt --data DIR... --out FILE``.

No random numbers and no training loop: the covariance of all blocks on a grid of stride 4, made symmetric under
flips (a photograph and its mirror image are equally likely), then its leading eigenvectors.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from .data import read_photos

__all__ = ["fit_klt"]


def fit_klt(photos: Iterable[Tensor], *, channels: int = 32, size: int = 8, step: int = 4) -> dict[str, Tensor]:
    """Give the mean block and the leading orthonormal axes.

    Parameters
    ----------
    photos : iterable of Tensor
        Images ``(3, H, W)`` in [0, 1].
    channels, size, step : int
        Axes kept; side of a block; distance between the corners of neighbouring blocks, in pixels.

    Returns
    -------
    dict
        ``basis (channels, 3, size, size)``, each axis with a positive largest entry, and ``mean (3, size, size)``.
    """
    dimension = 3 * size * size
    count, total = 0, torch.zeros(dimension, dtype=torch.float64)
    second = torch.zeros(dimension, dimension, dtype=torch.float64)
    for photo in photos:
        for flipped in (photo, photo.flip(-1), photo.flip(-2), photo.flip((-2, -1))):
            rows = functional.unfold(flipped[None].double(), size, stride=step)[0].T
            count, total, second = count + len(rows), total + rows.sum(0), second + rows.T @ rows
    mean = total / count
    covariance = second / count - torch.outer(mean, mean)
    axes = torch.linalg.eigh(covariance).eigenvectors.flip(1)[:, :channels].T
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    basis = axes * largest.sign()  # eigenvectors have no sign of their own; fixing it makes the file reproducible
    return {
        "basis": basis.reshape(channels, 3, size, size).float().contiguous(),
        "mean": mean.reshape(3, size, size).float().contiguous(),
    }


def main() -> None:
    """Read the folders, fit, write one safetensors file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of photographs")
    parser.add_argument("--out", type=Path, required=True, help="safetensors file to write")
    arguments = parser.parse_args()
    state = fit_klt(photo.float() / 255 for _, photo in read_photos(arguments.data))
    save_file(state, arguments.out, metadata={"network": "klt"})


if __name__ == "__main__":
    main()
