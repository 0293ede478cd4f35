"""EfficientNet-lite0 features of images, for Frechet and kernel distances. A measuring instrument, no part of otframe.

Architecture of the TensorFlow release: no squeeze-and-excitation, ReLU6, "same" padding. Inputs are normalised with
mean and standard deviation .5, as these weights want; ImageNet's mean and deviation would shift every activation.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

__all__ = ["STRIDES", "EfficientNetLite0", "blocks"]

STAGES = ((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3), (5, 2, 6, 192, 4))
"""Kernel, stride, expansion, channels and blocks of a stage; the last stage follows."""
LAST_STAGE = (3, 1, 6, 320, 1)
EPS = 1e-3
"""Of the batch normalisation."""
STRIDES = {4: 8, 10: 16, "head": 32}
"""Pixels per position of the layers that are used: blocks 4 (40 channels), 10 (112), and the head (1280)."""


def blocks() -> list[tuple[int, int, int, int, int]]:
    """Kernel, stride, expansion, input and output channels of the sixteen blocks."""
    found, channels = [], 32
    for kernel, stride, expansion, out, count in (*STAGES, LAST_STAGE):
        for index in range(count):
            found.append((kernel, stride if index == 0 else 1, expansion, channels, out))
            channels = out
    return found


class EfficientNetLite0:
    """The network, in evaluation mode, float32.

    Parameters
    ----------
    weights : Path
        `efficientnet_lite0_fp16.safetensors`, with the names of the PyPI package `efficientnet_lite_pytorch`.
    """

    def __init__(self, weights: Path) -> None:
        state = {name: value.float() for name, value in load_file(weights).items() if value.is_floating_point()}
        self._fc = state["_fc.weight"], state["_fc.bias"]
        self._layers = {
            conv: _folded(state, conv, norm)
            for conv, norm in (("_conv_stem", "_bn0"), ("_conv_head", "_bn1"), *_block_layers())
        }

    @torch.no_grad()
    def __call__(self, images: Tensor) -> dict[int | str, Tensor]:
        """Activations of blocks 4 and 10 and of the head, for images `(N, 3, H, W)`, which are clipped to [0, 1]."""
        x = (images.clamp(0, 1) - 0.5) / 0.5
        x = self._conv(x, "_conv_stem", stride=2).clamp(0, 6)
        found: dict[int | str, Tensor] = {}
        for index, (_, stride, expansion, channels, out) in enumerate(blocks()):
            name, y = f"_blocks.{index}.", x
            if expansion > 1:
                y = self._conv(y, name + "_expand_conv").clamp(0, 6)
            y = self._conv(y, name + "_depthwise_conv", stride=stride, groups=y.shape[1]).clamp(0, 6)
            y = self._conv(y, name + "_project_conv")
            x = x + y if stride == 1 and channels == out else y
            if index in STRIDES:
                found[index] = x
        found["head"] = self._conv(x, "_conv_head").clamp(0, 6)
        return found

    def logits(self, images: Tensor) -> Tensor:
        """ImageNet's 1000 classes, `(N, 1000)`."""
        return functional.linear(self(images)["head"].mean((2, 3)), *self._fc)

    def _conv(self, x: Tensor, name: str, *, stride: int = 1, groups: int = 1) -> Tensor:
        weight, bias = self._layers[name]
        pads = [_same(side, weight.shape[-1], stride) for side in x.shape[:-3:-1]]
        if any(pads):
            x = functional.pad(x, [part for pad in pads for part in (pad // 2, pad - pad // 2)])
        return functional.conv2d(x, weight, bias, stride=stride, groups=groups)


def _same(side: int, kernel: int, stride: int) -> int:
    return max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)


def _block_layers() -> list[tuple[str, str]]:
    layers = []
    for index, (_, _, expansion, _, _) in enumerate(blocks()):
        name = f"_blocks.{index}."
        if expansion > 1:
            layers.append((name + "_expand_conv", name + "_bn0"))
        layers += [(name + "_depthwise_conv", name + "_bn1"), (name + "_project_conv", name + "_bn2")]
    return layers


def _folded(state: dict[str, Tensor], conv: str, norm: str) -> tuple[Tensor, Tensor]:
    """A convolution with the normalisation that follows it."""
    scale = state[f"{norm}.weight"] * (state[f"{norm}.running_var"] + EPS).rsqrt()
    weight = state[f"{conv}.weight"] * scale[:, None, None, None]
    return weight, state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
