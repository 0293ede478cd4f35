"""`restore.alpha`, `restore.alpha_curve`: how the error depends on the blend weight, in closed form.

With x the truth, x* the restored and x0 the natural image, the blend `(1 - alpha) x0 + alpha x*` has the error

    n MSE(alpha) = |x - x0|^2 - 2 alpha <x - x0, x* - x0> + alpha^2 |x* - x0|^2,

so that three inner products, summed over the images, give every alpha [freirich2021theory]_.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from pydantic import Field

from otframe.errors import SolveError
from otframe.interfaces import Accumulator
from otframe.values import Image, Scalar, Table
from otframe_restore.checks import finite, same_shape

__all__ = ["AlphaCurve", "BestAlpha", "Products"]


@dataclass(frozen=True)
class Products:
    """The three inner products and the number of samples; `mse(alpha)` follows from them."""

    samples: int
    error: float
    """|x - x0|^2."""
    cross: float
    """<x - x0, x* - x0>."""
    step: float
    """|x* - x0|^2."""

    def mse(self, alpha: float) -> float:
        """Mean squared error of the blend with weight `alpha` on the restored image."""
        # rounding may leave a tiny negative number where the blend meets the truth
        return max(0.0, self.error - 2 * alpha * self.cross + alpha**2 * self.step) / self.samples

    def best(self) -> float:
        """The weight of the least error; `SolveError` where both images are equal, as then every weight is best."""
        if self.step == 0:
            raise SolveError(
                "the natural and the restored images are equal everywhere: every alpha gives the same error",
                hint="is the transport the identity, or is the same image wired to both ports?",
            )
        return self.cross / self.step


class _Pairs(Accumulator):
    """Sums the inner products over a stream."""

    def lift(self, natural: Image, restored: Image, truth: Image) -> Products:
        """The products of one image; `DataError` where shapes differ or pixels are not finite."""
        same_shape(
            natural=finite(natural, "natural"), restored=finite(restored, "restored"), truth=finite(truth, "truth")
        )
        start = natural.pixels.double().flatten()
        error = truth.pixels.to(start).flatten() - start
        step = restored.pixels.to(start).flatten() - start
        return Products(
            start.numel(), float(torch.dot(error, error)), float(torch.dot(error, step)), float(torch.dot(step, step))
        )

    def merge(self, a: Products, b: Products) -> Products:
        """The products of both sets of images."""
        return Products(a.samples + b.samples, a.error + b.error, a.cross + b.cross, a.step + b.step)


class BestAlpha(_Pairs):
    """The blend weight of highest PSNR: `alpha = <x - x0, x* - x0> / |x* - x0|^2` over all samples of all images.

    alpha = 1 is the restored image, 0 the natural one; the best may lie outside [0, 1]. `SolveError` where the
    natural and the restored images are equal everywhere.
    """

    references = ("freirich2021theory",)

    def finish(self, s: Products) -> Scalar:
        """The weight, wired wherever a number is wanted."""
        return Scalar(s.best(), "alpha")


class AlphaCurve(_Pairs):
    """The error of the blend over a range of weights, from one walk over the images.

    Pooled over all samples: `PSNR = -10 log10 MSE`; the text `inf` where the error is zero, as JSON has no infinity.
    """

    references = ("freirich2021theory",)

    alphas: tuple[float, ...] = Field(default=(-0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25), min_length=1)
    """Blend weights to tell; 1 is the restored image, 0 the natural one."""

    def finish(self, s: Products) -> Table:
        """One row a weight: `alpha`, `MSE`, `PSNR (dB)`."""
        rows: list[tuple[float | str, ...]] = []
        for alpha in self.alphas:
            mse = s.mse(alpha)
            rows.append((alpha, mse, -10 * math.log10(mse) if mse > 0 else "inf"))
        return Table(("alpha", "MSE", "PSNR (dB)"), tuple(rows), "Error against alpha", ("", "lower", "higher"))
