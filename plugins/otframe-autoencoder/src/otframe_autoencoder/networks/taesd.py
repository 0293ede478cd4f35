"""The tiny autoencoders of diffusion models: TAESD (4 channels), TAESD3 (16), TAEF2 (32), all at an eighth.

Only the architecture; the weights are files of the user. The variant is read off the tensors: the number of
latent channels from the shapes, the blocks with group normalisation from the keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

__all__ = ["TAESD", "load_taesd", "read_state"]

WIDTH = 64
VARIANTS = {4: "taesd", 16: "taesd3", 32: "taef2"}


class Bound(nn.Module):
    """Smooth bound of the latent to (-3, 3), the range the decoder was trained on."""

    def forward(self, latent: Tensor) -> Tensor:
        return 3 * torch.tanh(latent / 3)


class Block(nn.Module):
    """Residual block of three convolutions; `pooled` adds a branch normalised over the whole image."""

    def __init__(self, *, pooled: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(3):
            layers += [nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.ReLU()]
        self.conv = nn.Sequential(*layers[:-1])
        if pooled:
            wide = 4 * WIDTH
            self.pool = nn.Sequential(
                nn.Conv2d(WIDTH, wide, 1, bias=False),
                nn.GroupNorm(4, wide),
                nn.ReLU(),
                nn.Conv2d(wide, WIDTH, 1, bias=False),
            )

    def forward(self, x: Tensor) -> Tensor:
        if hasattr(self, "pool"):
            x = x + self.pool(x)
        return torch.relu(self.conv(x) + x)


def build_encoder(channels: int, *, pooled: bool) -> nn.Sequential:
    """Three halvings, three blocks after each; the module numbers are the keys of the weight files."""
    layers: list[nn.Module] = [nn.Conv2d(3, WIDTH, 3, padding=1), Block()]
    for level in range(3):
        layers.append(nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1, bias=False))
        layers += [Block(pooled=pooled and level == 2) for _ in range(3)]
    return nn.Sequential(*layers, nn.Conv2d(WIDTH, channels, 3, padding=1))


def build_decoder(channels: int, *, pooled: bool) -> nn.Sequential:
    """Three blocks, then three doublings; the mirror of the encoder."""
    layers: list[nn.Module] = [Bound(), nn.Conv2d(channels, WIDTH, 3, padding=1), nn.ReLU()]
    for level in range(3):
        layers += [Block(pooled=pooled and level == 0) for _ in range(3)]
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False)]
    return nn.Sequential(*layers, Block(), nn.Conv2d(WIDTH, 3, 3, padding=1))


def read_state(path: str | Path) -> dict[str, Tensor]:
    """Read a ``.safetensors`` or ``.pth`` file; the latter without running any code in it."""
    path = Path(path)
    if path.suffix == ".safetensors":
        return load_file(path)
    state = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"{path}: wanted a state dict (names to tensors), got {type(state).__name__}")
    return dict(state)


def fill(build, state: Mapping[str, Tensor], *, part: str, channels: int) -> nn.Sequential:
    """Build one half and load it, saying what differs where the tensors are of another architecture."""
    net = build(channels, pooled=any(".pool." in key for key in state))
    wanted = {key: tuple(value.shape) for key, value in net.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in state.items()}
    if wanted != found:
        different = sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))
        first = different[0]
        raise ValueError(
            f"not a TAESD {part}: {len(different)} tensors differ, first {first!r}: "
            f"wanted {wanted.get(first, 'none')}, got {found.get(first, 'none')}"
        )
    net.load_state_dict({key: value.float() for key, value in state.items()})
    return net


class TAESD(nn.Module):
    """Encoder and decoder of one variant.

    Parameters
    ----------
    encoder, decoder : Mapping of str to Tensor
        The state dicts of the two weight files, of one variant.

    Attributes
    ----------
    variant : str
        ``taesd``, ``taesd3`` or ``taef2``.
    channels, stride : int
        Latent channels; pixels a latent position.
    local : bool
        False where blocks normalise over the whole image: a tile then differs from the whole.
    """

    def __init__(self, encoder: Mapping[str, Tensor], decoder: Mapping[str, Tensor]) -> None:
        super().__init__()
        ends = {"encoder": encoder.get("14.weight"), "decoder": decoder.get("1.weight")}
        for part, end in ends.items():
            if end is None or end.ndim != 4:
                raise ValueError(f"not a TAESD {part}: its latent convolution is missing (were the two files swapped?)")
        channels, others = ends["encoder"].shape[0], ends["decoder"].shape[1]
        if channels != others:
            raise ValueError(
                f"the encoder has {channels} latent channels and the decoder {others}: files of two variants"
            )
        if channels not in VARIANTS:
            raise ValueError(f"no TAESD variant has {channels} latent channels; known: {VARIANTS}")
        self.variant, self.channels, self.stride = VARIANTS[channels], channels, 8
        self.local = not any(".pool." in key for key in (*encoder, *decoder))
        self.encoder = fill(build_encoder, encoder, part="encoder", channels=channels)
        self.decoder = fill(build_decoder, decoder, part="decoder", channels=channels)
        self.eval().requires_grad_(False)

    def encode(self, image: Tensor) -> Tensor:
        """Give the latent ``(N, C, H/8, W/8)`` of images ``(N, 3, H, W)`` in [0, 1]."""
        return self.encoder(image)

    def decode(self, latent: Tensor) -> Tensor:
        """Give the image ``(N, 3, H, W)`` of a latent; never clipped."""
        return self.decoder(latent)

    def forward(self, image: Tensor) -> Tensor:
        """Encode and decode."""
        return self.decode(self.encode(image))


def load_taesd(encoder: str | Path, decoder: str | Path) -> TAESD:
    """Load the two weight files of one variant."""
    return TAESD(read_state(encoder), read_state(decoder))
