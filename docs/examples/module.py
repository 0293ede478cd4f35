"""An operator as a `torch.nn.Module`: a last layer behind a restorer's network."""

import torch

from otframe import Image
from otframe.run import Operator


class Transported(torch.nn.Module):
    """Applies an operator to batches `(N, C, H, W)` in [0, 1]; no gradient passes through it."""

    def __init__(self, operator: Operator) -> None:
        super().__init__()
        self.session = operator.session()

    @torch.no_grad()
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """The transported batch, on the device of the batch."""
        photos = [Image(image.float().cpu()) for image in batch]
        made = self.session.run({"photos": photos}, only="enhanced").values["enhanced"]
        return torch.stack([image.pixels for image in made.values()]).to(batch)
