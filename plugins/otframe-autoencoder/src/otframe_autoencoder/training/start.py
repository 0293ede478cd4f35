"""Analytic start of the tiny autoencoder: at step 0 it already is a KLT with log amplitudes beside it."""

from __future__ import annotations

import math

import numpy as np
import torch

from ..networks.tiny import Tiny
from .data import Photos
from .fit_klt import fit_klt

__all__ = ["start_tiny"]


@torch.no_grad()
def start_tiny(photos: Photos, *, seed: int) -> Tiny:
    """Build the network and set its two analytic paths from the training photographs.

    Both paths are principal axes whose coefficients are divided by the square root of their standard deviation:
    half-way between the raw scale, where the first axes drown the others, and a whitened one, where noise of the
    latent would cost too much in the image.
    """
    torch.manual_seed(seed)
    net = Tiny()
    half = net.channels // 2
    images = [image.float() / 255 for image in photos.images]
    klt = fit_klt(images, channels=half)
    crops = photos.batch(256, 128, np.random.default_rng(seed))
    bias = -(klt["basis"] * klt["mean"]).sum(dim=(1, 2, 3))
    scale = torch.nn.functional.conv2d(crops, klt["basis"], bias, stride=8).std(dim=(0, 2, 3)).sqrt()
    net.block_encode.weight.copy_(klt["basis"] / scale[:, None, None, None])
    net.block_encode.bias.copy_(bias / scale)
    net.block_decode.weight.copy_(klt["basis"] * scale[:, None, None, None])
    net.block_decode.bias.copy_(klt["mean"].mean(dim=(1, 2)))

    bands = net.log_amplitude(crops).permute(1, 0, 2, 3).flatten(1).double()
    mean = bands.mean(1)
    values, vectors = torch.linalg.eigh(torch.cov(bands))
    axes, spread = vectors.flip(1)[:, :half].T.float(), values.flip(0)[:half].float() ** 0.25
    net.band_encode.weight.copy_((axes / spread[:, None])[..., None, None])
    net.band_encode.bias.copy_(-(axes / spread[:, None]) @ mean.float())
    net.band_decode.weight.zero_()
    net.band_decode.weight[3:, half:].copy_((axes * spread[:, None]).T[..., None, None])
    net.band_decode.bias[:3].fill_(math.log(0.05))  # the constant patterns correct the block KLT only a little
    net.band_decode.bias[3:].copy_(mean.float())
    return net
