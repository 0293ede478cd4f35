"""The embedded autoencoder: block KLT, log amplitudes of local bands, and a small residual network on both."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .bands import LogAmplitude, opponent_dct

__all__ = ["Tiny"]

STRIDE = 8
LOG_RANGE = (-7.0, 0.5)


class Block(nn.Module):
    """Residual block of two 3 x 3 convolutions; the identity at the start of training."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(functional.relu(self.first(functional.relu(x))))


class Tiny(nn.Module):
    r"""Autoencoder with 32 channels at an eighth of the resolution, for transport in its latent space.

    *Encoder.* ``z = A(x) + f(x)``. Channels 0-15 of ``A`` are the leading KLT coefficients of 8 x 8 x 3 blocks,
    channels 16-31 a projection of 45 log amplitudes (`LogAmplitude`); ``f`` is a residual network.

    *Decoder.* ``D(z) = B(z) + C(exp(a(z)) g(z))``: the linear KLT decoder, plus 4 x 4 cosine blocks ``C`` whose
    coefficients ``g(z)`` are in units of the local amplitude ``exp(a(z))``. A Gaussian map that moves log
    amplitudes therefore scales texture band by band.

    Nothing is normalised over the image and every layer is local, so a tile with a halo equals the whole.

    Parameters
    ----------
    channels, fine, coarse : int
        Latent channels (half of them KLT); widths at a quarter and at an eighth of the resolution.
    """

    def __init__(self, *, channels: int = 32, fine: int = 64, coarse: int = 112) -> None:
        super().__init__()
        self.channels, self.stride = channels, STRIDE
        half = channels // 2
        self.block_encode = nn.Conv2d(3, half, STRIDE, stride=STRIDE)
        self.block_decode = nn.ConvTranspose2d(half, 3, STRIDE, stride=STRIDE)
        self.log_amplitude = LogAmplitude()
        self.band_encode = nn.Conv2d(45, half, 1)
        self.band_decode = nn.Conv2d(channels, 48, 1)
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(4),
            nn.Conv2d(48, fine, 3, padding=1),
            *(Block(fine) for _ in range(2)),
            nn.PixelUnshuffle(2),
            nn.Conv2d(4 * fine, coarse, 1),
            *(Block(coarse) for _ in range(3)),
            nn.Conv2d(coarse, channels, 1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(channels, coarse, 1),
            *(Block(coarse) for _ in range(3)),
            nn.Conv2d(coarse, 4 * fine, 1),
            nn.PixelShuffle(2),
            *(Block(fine) for _ in range(2)),
            nn.Conv2d(fine, 48, 3, padding=1),
        )
        self.cosines = nn.Parameter(opponent_dct())
        nn.init.zeros_(self.encoder[-1].weight)
        nn.init.zeros_(self.encoder[-1].bias)
        with torch.no_grad():
            self.decoder[-1].weight.mul_(0.1)

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> Tiny:
        """Build the network from its saved tensors (any float type; computes in float32)."""
        net = cls()
        net.load_state_dict({key: value.float() for key, value in state.items()})
        return net.eval()

    def encode(self, image: Tensor) -> Tensor:
        """Give the latent ``(N, 32, H/8, W/8)`` of images ``(N, 3, H, W)`` in [0, 1]."""
        with torch.autocast(image.device.type, enabled=False):
            blocks = self.block_encode(image)
            bands = self.band_encode(self.log_amplitude(image))
        return torch.cat([blocks, bands], 1) + self.encoder(2 * image - 1)

    def decode(self, latent: Tensor) -> Tensor:
        """Give the image ``(N, 3, H, W)`` of a latent; never clipped."""
        pattern = self.decoder(latent)
        with torch.autocast(latent.device.type, enabled=False):
            latent = latent.float()
            base = self.block_decode(latent[:, : self.channels // 2])
            amplitude = torch.exp(self.band_decode(latent).clamp(*LOG_RANGE))
            amplitude = functional.interpolate(amplitude, scale_factor=2, mode="bilinear", align_corners=False)
            return base + functional.conv_transpose2d(pattern.float() * amplitude, self.cosines, stride=4)

    def forward(self, image: Tensor) -> Tensor:
        """Encode and decode."""
        return self.decode(self.encode(image))
