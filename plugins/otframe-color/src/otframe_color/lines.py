"""The colours of a reference along random lines, and the way of an image's colours to them."""

from __future__ import annotations

import numpy as np
import torch

from otframe_color.cloud_value import ColorCloud
from otframe_color.palette import masses

__all__ = ["Lines"]


class Lines:
    """The reference's colours along the axes of random bases, as many as the image has."""

    def __init__(self, reference: ColorCloud, bases: int, count: int, like: torch.Tensor, rng: torch.Generator) -> None:
        self.count = count
        points, weights = (part.cpu().numpy() for part in masses(reference, "reference"))
        self._bases, self._goals, self._rest = [], [], 0.0
        for _ in range(bases):
            basis, upper = torch.linalg.qr(torch.randn(3, 3, generator=rng, dtype=torch.float64))
            basis = (basis * torch.sign(torch.diagonal(upper))).T.contiguous()
            goals = [_binned(line, weights, count) for line in basis.numpy() @ points.T]
            self._bases.append(basis.to(like))
            self._goals.append(torch.from_numpy(np.stack([goal for goal, _ in goals])).to(like))
            self._rest += sum(rest for _, rest in goals) / bases

    def __call__(self, f: torch.Tensor, counted: torch.Tensor | None) -> tuple[torch.Tensor, float]:
        """Where transports along the lines take colours `(3, H, W)` on the mean, and the mean cost of a basis."""
        flat = f.reshape(3, -1)
        colors = flat if counted is None else flat[:, counted]
        if not self._bases:
            return f, 0.0
        moves, cost = torch.zeros_like(colors), 0.0
        for basis, goal in zip(self._bases, self._goals, strict=True):
            line = basis @ colors
            move = torch.empty_like(line).scatter_(1, _order(line), goal) - line
            cost += float(move.square().sum(dtype=torch.float64))
            moves += basis.T @ move
        moves /= len(self._bases)
        if counted is None:
            made = flat + moves
        else:
            made = flat.clone()
            made[:, counted] += moves
        return made.reshape(f.shape), cost / len(self._bases) / self.count + self._rest


def _order(line: torch.Tensor) -> torch.Tensor:
    if line.device.type == "cpu":  # NumPy's is several times faster than torch's
        return torch.from_numpy(np.argsort(line.numpy(), axis=-1))
    return line.argsort(-1)


def _binned(line: np.ndarray, weights: np.ndarray, count: int) -> tuple[np.ndarray, float]:
    """The quantile function's mean in each of `count` equal parts of the mass, and its variance within them."""
    order = np.argsort(line)
    values, levels = line[order], np.concatenate([[0.0], np.cumsum(weights[order])])
    levels /= levels[-1]
    areas = np.concatenate([[0.0], np.cumsum(values * np.diff(levels))])
    means = np.diff(np.interp(np.linspace(0, 1, count + 1), levels, areas)) * count
    rest = float((values**2 * np.diff(levels)).sum() - (means**2).mean())
    return means, max(rest, 0.0)
