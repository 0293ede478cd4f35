"""The two stages of the training: one loss each, a function of the network and the step's random numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..networks.tiny import Tiny
from .data import Photos
from .losses import Losses
from .transport import gaussian_map

__all__ = ["Moved", "Weights", "reconstruct", "transport", "weights_at"]


class Weights(NamedTuple):
    """Weights of the terms of stage 2, and the critic's share in the gradient.

    `others` more pairs only make the map's moments exact; of `anchored` clean images decode(encode) is held too.
    """

    sliced: float
    lpips: float
    mse: float
    bands: float
    anchor: float
    share: float
    others: int = 0
    anchored: int = 0


# From which step of stage 2 on. After the first part the output was nearly the restored image: LPIPS, which is
# paired, outweighed what asks for texture wherever it may lie, so the second turns that round. Meanwhile
# decode(encode) had drifted away from its input, which the residual cancels but other uses do not; the third holds it.
# A map fitted on half a batch is so noisy that the network learns to make little of it; the fourth fits it on more.
PARTS = (
    (0, Weights(sliced=0.5, lpips=0.3, mse=0.6, bands=0.05, anchor=0.3, share=0.5)),
    (1000, Weights(sliced=1.5, lpips=0.2, mse=1.0, bands=0.2, anchor=1.0, share=1.0)),
    (1700, Weights(sliced=2.0, lpips=0.2, mse=1.0, bands=0.3, anchor=5.0, share=1.2)),
    (2300, Weights(sliced=2.0, lpips=0.2, mse=1.0, bands=0.3, anchor=2.0, share=1.2, others=16, anchored=2)),
)


def weights_at(step: int) -> Weights:
    """Give the weights of a step of stage 2."""
    return [weights for begin, weights in PARTS if step >= begin][-1]


class Moved(NamedTuple):
    """What stage 2 gives: weighted terms of `output`, the term of the autoencoder alone, and both sides' features."""

    terms: dict[str, Tensor]
    anchor: Tensor
    output: Tensor
    features: list[Tensor]
    clean_features: list[Tensor]


def degrade(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Blur or coarsen a batch: the encoder must know what restored images look like."""
    size = image.shape[-1]
    factor = float(rng.uniform(1.5, 4))
    small = functional.interpolate(
        image, (round(size / factor),) * 2, mode="bicubic", antialias=True, align_corners=False
    )
    return functional.interpolate(small, (size, size), mode="bicubic", align_corners=False)


def reconstruct(
    net: Tiny,
    losses: Losses,
    photos: Photos,
    rng: np.random.Generator,
    generator: torch.Generator,
    *,
    count: int,
    size: int,
) -> dict[str, Tensor]:
    """Stage 1: decode(encode) near the input, with noise in the latent so that near latents decode alike."""
    image = photos.batch(count, size, rng)
    soft = count // 4
    image[:soft] = degrade(image[:soft], rng)
    image = image.contiguous(memory_format=torch.channels_last)
    latent = net.encode(image)
    latent = latent + 0.03 * torch.randn(latent.shape, generator=generator)
    return losses.reconstruction(net.decode(latent), image)


def transport(
    net: Tiny,
    losses: Losses,
    pairs: tuple[Tensor, Tensor],
    generator: torch.Generator,
    *,
    weights: Weights,
    count: int,
    directions: int = 64,
) -> Moved:
    """Stage 2: the product itself, ``x* + D(T z) - D(z)``, against the clean image.

    The map of each half of the batch is fitted on the other half, as in use, where it is fitted on other images.
    """
    restored, clean = (side[:count] for side in pairs)
    half = count // 2
    latent = net.encode(torch.cat([restored, clean]).contiguous(memory_format=torch.channels_last)).float()
    source, target = latent.chunk(2)
    more = None
    if weights.others:
        with torch.no_grad():
            more = (
                net.encode(torch.cat([side[count:] for side in pairs]).contiguous(memory_format=torch.channels_last))
                .float()
                .chunk(2)
            )
    with torch.autocast(latent.device.type, enabled=False):
        moved = []
        for fitted, applied in ((slice(half, None), slice(half)), (slice(half), slice(half, None))):
            matrix, offset = gaussian_map(source[fitted], target[fitted], others=more)
            moved.append(torch.einsum("ij,njhw->nihw", matrix, source[applied]) + offset[:, None, None])
    decoded = net.decode(torch.cat([*moved, source, target[: weights.anchored]]))
    after, before, own = decoded.split([count, count, weights.anchored])
    output = restored + after - before
    a, b = losses.features(output), losses.features(clean)
    terms = {
        "sliced": weights.sliced * losses.sliced(a, b, directions=directions, generator=generator),
        "lpips": weights.lpips * losses.lpips(a, b),
        "mse": weights.mse * (output - clean).square().mean(),
        "bands": weights.bands * losses.bands(output, clean),
    }
    anchor = weights.anchor * (before - restored).square().mean()  # keeps decode(encode) an image of the input
    if weights.anchored:
        anchor = anchor + weights.anchor * (own - clean[: weights.anchored]).square().mean()
    return Moved(terms, anchor, output, a, b)
