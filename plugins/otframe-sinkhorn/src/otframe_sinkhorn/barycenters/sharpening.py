r"""`Sharpening`: the potential of a barycentre with itself, which takes the blur of the plans out of it.

The debiased barycentre is `b = e^delta K e^delta`, and at the end `K e^delta` is the mean
`m = exp(sum_k w_k log K u_k)` of what the plans make of the given densities [janati2020debiased]_: `delta` is found by
a deconvolution. What the blur hardly lets through comes back slowly, or not at all. With S the plan of b with itself,
as an operator on functions of b, a step goes along the Tikhonov solution of `S z = log m - log K e^delta`,

.. math:: (S + \rho) z = \log m - \log K e^\delta,

by a few steps of the Chebyshev iteration, each as dear as one of the densities in half an update of the plans. With
updates that are over-relaxed by omega, a mode that S multiplies by s and the plans by `s^2` stays bounded while delta
takes less than `(4 - 2 omega) / (s (2 - omega + omega s))` of the difference; the part that is taken, `_PART (1 + rho)
(2 - omega) / (s + rho)`, is less for all s.
"""

from __future__ import annotations

import torch

from otframe_sinkhorn.barycenters.kernel import SoftMinimum

__all__ = ["Sharpening"]

_RHO = 0.04
"""Modes that the plan multiplies by much less than this are not divided by it."""
_STEPS = 8
"""Steps of the Chebyshev iteration."""
_PART, _PLAIN = 0.7, 0.25
"""The part of what would be stable that is gone, and that where nothing is over-relaxed."""
_FAR = 3.0
"""Exponents change by at most this at once."""
_SMALL = 1e-3
"""The size of the change of an exponent that differences are taken with."""
_STARTS = 8
"""Updates that bring delta to a barycentre that is given."""


class Sharpening:
    """The potential `delta` of one grid and blur, and `spread`, which is `log K e^delta`; `b` has the sum 1.

    Parameters
    ----------
    kernel : callable
        The soft minimum.
    delta : torch.Tensor
        Where it starts, shape `(1, *shape)`.
    """

    def __init__(self, kernel: SoftMinimum, delta: torch.Tensor) -> None:
        self.kernel = kernel
        self._become(delta)

    @classmethod
    def of(cls, kernel: SoftMinimum, log_b: torch.Tensor) -> Sharpening:
        """The potential of a barycentre that is given by its logarithm `(1, *shape)`."""
        delta = log_b / 2
        for _ in range(_STARTS):
            delta = (delta + log_b - kernel(delta)) / 2
        return cls(kernel, delta)

    @property
    def log_b(self) -> torch.Tensor:
        """The logarithm of the barycentre, shape `(1, *shape)`."""
        return self.delta + self.spread

    def follow(self, mean: torch.Tensor, omega: float) -> torch.Tensor:
        """Move towards `spread = mean`; what was missing, shape `(1, *shape)`."""
        missing = (mean - self.spread).clamp_(-_FAR, _FAR)
        part = _PART * (2 - omega) if omega > 1 else 2 * _PLAIN
        step = self._deblurred(missing).mul_(part * (1 + _RHO)).clamp_(-_FAR, _FAR)
        self._become(self.delta + step)
        return missing

    def _deblurred(self, missing: torch.Tensor) -> torch.Tensor:
        """About the solution z of `(S + rho) z = missing`."""
        middle, half = _RHO + 0.5, 0.5
        ratio = half / middle
        left, change = missing, missing / middle
        z = change
        for _ in range(_STEPS - 1):
            left = left - self._blurred(change) - _RHO * change
            after = 1 / (2 * middle / half - ratio)
            change = after * ratio * change + (2 * after / half) * left
            z = z + change
            ratio = after
        return z

    def _blurred(self, z: torch.Tensor) -> torch.Tensor:
        """`S z`: how `spread` changes with delta."""
        size = _SMALL / max(float(z.abs().max()), _SMALL)
        return (self.kernel(torch.add(self.delta, z, alpha=size)) - self.spread).div_(size)

    def _become(self, delta: torch.Tensor) -> None:
        """Take another potential, shifted so that the barycentre has the sum 1."""
        spread = self.kernel(delta)
        shift = torch.logsumexp((delta + spread).flatten(), 0) / 2
        self.delta, self.spread = delta - shift, spread - shift
