"""The total variation of colour images, and its proximal map."""

from __future__ import annotations

import torch

__all__ = ["Smoother", "total_variation"]

_EVERY = 5


def total_variation(x: torch.Tensor) -> float:
    """The sum over pixels of the length of the gradient of all channels together, of planes `(C, H, W)`."""
    return _lengths(_gradient(x))


class Smoother:
    r"""The proximal map of the total variation, which starts at the dual of the call before.

    .. math:: \min_x \; \tfrac12 |x - z|^2 + \gamma \mathrm{TV}(x)

    The dual field p, of length at most 1 everywhere, is found by projected gradients with momentum [beck2009fast]_;
    then `x = z - gamma D' p`, and the duality gap is `gamma (TV(x) - <p, D x>)`.
    """

    def __init__(self, like: torch.Tensor) -> None:
        self._dual = like.new_zeros((2, *like.shape))

    def __call__(
        self, z: torch.Tensor, gamma: float, *, below: float, share: float, gap: float, limit: int
    ) -> tuple[torch.Tensor, float, float]:
        """The minimiser as near as is asked for, its objective, and the duality gap.

        Parameters
        ----------
        z : torch.Tensor
            Shape `(C, H, W)`.
        gamma : float
            Positive.
        below : float
            An objective that must be reached or undercut.
        share, gap : float
            The gap that is left is at most this share of what the objective is below that, or this number.
        limit : int
            Iterations after which the nearest so far is given.
        """
        p = self._dual
        q, momentum, x = p, 1.0, z
        for turn in range(1, limit + 1):
            x = z - gamma * _transposed(q)
            new = q + _gradient(x) / (8 * gamma)
            new /= new.square().sum((0, 1)).sqrt_().clamp_(min=1)
            following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
            q = new + (new - p) * ((momentum - 1) / following)
            p, momentum = new, following
            if turn % _EVERY and turn < limit:
                continue
            x = z - gamma * _transposed(p)
            slopes = _gradient(x)
            length = _lengths(slopes)
            left = gamma * (length - float((slopes * p).sum(dtype=torch.float64)))
            reached = gamma * length + float((x - z).square().sum(dtype=torch.float64)) / 2
            if reached <= below and left <= max(share * (below - reached), gap):
                break
        self._dual = p
        return x, reached, left


def _gradient(x: torch.Tensor) -> torch.Tensor:
    """Steps down and to the right, `(2, C, H, W)`; 0 at the far borders."""
    made = x.new_zeros((2, *x.shape))
    torch.sub(x[:, 1:], x[:, :-1], out=made[0, :, :-1])
    torch.sub(x[..., 1:], x[..., :-1], out=made[1, ..., :-1])
    return made


def _transposed(p: torch.Tensor) -> torch.Tensor:
    """The transpose of the gradient; what lies at the far borders does not count."""
    made = torch.zeros_like(p[0])
    made[:, :-1] -= p[0, :, :-1]
    made[:, 1:] += p[0, :, :-1]
    made[..., :-1] -= p[1, ..., :-1]
    made[..., 1:] += p[1, ..., :-1]
    return made


def _lengths(slopes: torch.Tensor) -> float:
    return float(slopes.square().sum((0, 1)).sqrt_().sum(dtype=torch.float64))
