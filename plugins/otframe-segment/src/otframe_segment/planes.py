"""Soft regions on a pixel grid: the simplex, the gradient and its transpose, and sums over colours."""

from __future__ import annotations

import torch

__all__ = ["Binned", "divergence_into", "on_simplex", "stretched"]


class Binned:
    """Pixels sorted by colour, for sums over the pixels of each colour in one order on every device.

    Parameters
    ----------
    bins : torch.Tensor
        Shape `(H, W)`, int64: the colour of each pixel.
    count : int
        How many colours there are.
    """

    def __init__(self, bins: torch.Tensor, count: int) -> None:
        flat = bins.reshape(-1)
        self.index = flat
        self.order = torch.argsort(flat, stable=True)
        lengths = torch.bincount(flat.to("cpu"), minlength=count).to(flat)
        self.starts = lengths.cumsum(0) - lengths
        self.counts = lengths

    def sums(self, plane: torch.Tensor) -> torch.Tensor:
        """`(H, W)` to the sums over the pixels of each colour, `(M,)`."""
        rows = plane.reshape(-1, 1)
        return torch.nn.functional.embedding_bag(self.order, rows, self.starts, mode="sum")[:, 0]

    def spread(self, values: torch.Tensor) -> torch.Tensor:
        """Numbers of the colours `(M,)` to their pixels, `(H W,)`."""
        return values.index_select(0, self.index)


def on_simplex(planes: torch.Tensor) -> torch.Tensor:
    """The nearest point of the simplex at each pixel, `(K, H, W)`; one plane stands for two: it goes to [0, 1]."""
    count = planes.shape[0]
    if count == 1:
        return planes.clamp_(0, 1)
    ordered = planes.sort(dim=0, descending=True).values
    above = ordered.cumsum(0) - 1
    places = torch.arange(1, count + 1, dtype=planes.dtype, device=planes.device)[:, None, None]
    held = (ordered * places > above).sum(0, keepdim=True)
    return (planes - above.gather(0, held - 1) / held).clamp_(min=0)


def stretched(dual: torch.Tensor, planes: torch.Tensor, step: float, bound: torch.Tensor) -> None:
    """One dual step of the perimeter, in place: `p + step grad u`, then into discs of radius `bound` at each pixel.

    Parameters
    ----------
    dual : torch.Tensor
        Shape `(P, 2, H, W)`: along x and along y; forward differences, none over the border.
    planes : torch.Tensor
        Shape `(P, H, W)`.
    step : float
        The dual step.
    bound : torch.Tensor
        Shape `(H, W)`: what a unit of boundary costs there.
    """
    dual[:, 0, :, :-1].add_(planes[:, :, 1:] - planes[:, :, :-1], alpha=step)
    dual[:, 1, :-1].add_(planes[:, 1:] - planes[:, :-1], alpha=step)
    length = torch.hypot(dual[:, 0], dual[:, 1]).clamp_(min=1e-12)
    dual.mul_((bound / length).clamp_(max=1)[:, None])


def divergence_into(out: torch.Tensor, dual: torch.Tensor) -> torch.Tensor:
    """Add the transpose of the gradient to `out (P, H, W)`, in place."""
    x, y = dual[:, 0, :, :-1], dual[:, 1, :-1]
    out[:, :, 1:].add_(x)
    out[:, :, :-1].sub_(x)
    out[:, 1:].add_(y)
    out[:, :-1].sub_(y)
    return out
