"""`autoencoder.klt`: the unlearned autoencoder."""

from __future__ import annotations

import torch

from otframe_autoencoder.coder import Coder
from otframe_autoencoder.embedded import embedded_state
from otframe_autoencoder.networks.klt import KLT

__all__ = ["Klt"]


class Klt(Coder):
    """Orthonormal Karhunen-Loeve transform of 8 x 8 x 3 blocks of photographs: 32 channels, stride 8.

    No network: encoding projects each block on 32 principal axes, decoding adds them up again, so decode(encode(x)) is
    the projection of x. Fast, exact under tiling, and the reference that a learned autoencoder has to better.
    """

    references = ("jolliffe2002principal",)

    def load(self, device: torch.device, dtype: torch.dtype) -> KLT:
        """The embedded axes."""
        return KLT.from_state(embedded_state("klt")).to(device, dtype).requires_grad_(False)
