"""The unlearned autoencoder: the Karhunen-Loeve transform (KLT) of image blocks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["KLT"]


class KLT(nn.Module):
    r"""Orthonormal projection of non-overlapping blocks on their principal axes.

    With a block ``b`` of ``3 * size**2`` pixel values, the mean ``m`` and the orthonormal rows ``U`` of the
    leading principal axes, ``encode`` gives ``z = U (b - m)`` and ``decode`` gives ``U^T z + m``. Blocks do not
    see one another, so any tiling on multiples of ``size`` is exact without a halo.

    Parameters
    ----------
    channels : int
        Number of axes kept (latent channels).
    size : int
        Side of the block in pixels; also the stride of the latent.

    References
    ----------
    Jolliffe, Principal Component Analysis, 2002.
    """

    def __init__(self, *, channels: int = 32, size: int = 8) -> None:
        super().__init__()
        self.channels = channels
        self.stride = size
        self.register_buffer("basis", torch.zeros(channels, 3, size, size))
        self.register_buffer("mean", torch.zeros(3, size, size))

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> KLT:
        """Build the network from its saved tensors; the shapes say the size."""
        basis = state["basis"]
        net = cls(channels=basis.shape[0], size=basis.shape[-1])
        net.load_state_dict({key: value.float() for key, value in state.items()})
        return net.eval()

    def encode(self, image: Tensor) -> Tensor:
        """Give the latent ``(N, channels, H/size, W/size)`` of images ``(N, 3, H, W)`` in [0, 1]."""
        # The mean leaves through the bias: one convolution, no second pass over the pixels.
        bias = -(self.basis * self.mean).sum(dim=(1, 2, 3))
        return nn.functional.conv2d(image, self.basis, bias, stride=self.stride)

    def decode(self, latent: Tensor) -> Tensor:
        """Give the image ``(N, 3, H, W)`` of a latent; never clipped."""
        blocks = nn.functional.conv_transpose2d(latent, self.basis, stride=self.stride)
        return blocks + self.mean.repeat(1, latent.shape[-2], latent.shape[-1])

    def forward(self, image: Tensor) -> Tensor:
        """Encode and decode."""
        return self.decode(self.encode(image))
