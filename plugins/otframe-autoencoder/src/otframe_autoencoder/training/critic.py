"""A patch critic on the features of the loss network and on pixels: what single-image distances miss of texture."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

__all__ = ["Critic", "combined_gradient"]


def head(channels: int, width: int = 64) -> nn.Sequential:
    """Three convolutions to one score a position; bounded slope, so that the critic cannot outrun the decoder."""
    return nn.Sequential(
        spectral_norm(nn.Conv2d(channels, width, 1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(width, width, 3, padding=1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(width, 1, 1)),
    )


class Critic(nn.Module):
    """Scores of small regions in four views: the first three AlexNet layers, and the pixels.

    References
    ----------
    Miyato et al., Spectral normalization for generative adversarial networks, 2018;
    Sauer et al., Projected GANs converge faster, 2021.
    """

    def __init__(self) -> None:
        super().__init__()
        self.views = nn.ModuleList([head(64), head(192), head(384)])
        self.pixels = nn.Sequential(
            nn.PixelUnshuffle(2),
            spectral_norm(nn.Conv2d(12, 48, 3, padding=1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(48, 64, 3, stride=2, padding=1)),
            nn.LeakyReLU(0.2),
            head(64),
        )

    def forward(self, image: Tensor, features: list[Tensor]) -> list[Tensor]:
        """Give one map of scores a view; high for photographs."""
        with torch.autocast(image.device.type, enabled=False):
            scores = [view(f.float()) for view, f in zip(self.views, features, strict=False)]
            return [*scores, self.pixels(2 * image.float() - 1)]

    def loss(self, real: tuple[Tensor, list[Tensor]], fake: tuple[Tensor, list[Tensor]]) -> Tensor:
        """Hinge loss of the critic itself; both sides are detached here."""
        total = torch.zeros(())
        for sign, (image, features) in ((1.0, real), (-1.0, fake)):
            for score in self(image.detach(), [f.detach() for f in features]):
                total = total + functional.relu(1 - sign * score).mean()
        return total / 4


def combined_gradient(main: Tensor, adversarial: Tensor, image: Tensor, *, share: float) -> Tensor:
    """Gradient at the image of `main` plus that of `adversarial`, the latter scaled to `share` of the former's norm.

    A fixed share needs no tuning of a weight while the critic's slope changes.
    """
    (first,) = torch.autograd.grad(main, image, retain_graph=True)
    (second,) = torch.autograd.grad(adversarial, image, retain_graph=True)
    return first + share * first.norm() / (second.norm() + 1e-12) * second
