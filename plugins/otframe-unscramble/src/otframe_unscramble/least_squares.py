"""`unscramble.least_squares`: the operator that Sparkle Vision learns, in three forms, thresholded or not."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Component, Context, Transform
from otframe.values import SolveInfo
from otframe_unscramble.moments import PairMoments, moments_of
from otframe_unscramble.normal import dual, primal, ridge_of
from otframe_unscramble.threshold import By, kept, refitted
from otframe_unscramble.values import Pairs, Unscrambler

__all__ = ["LeastSquares"]


class LeastSquares(Transform):
    r"""The unscrambler of Sparkle Vision [zhang2014sparkle]_: of all matrices, the one with the least squared error.

    .. math:: A = \arg\min_A \sum_n |A y_n - x_n|^2 + \lambda |A|^2
              = X' Y (Y'Y + \lambda)^{-1} = X' (YY' + \lambda)^{-1} Y

    with samples as rows of X and Y. The first form (primal) has a matrix of scrambled pixels, and moments suffice; the
    second (dual) one of samples: for fewer samples than pixels, where A is kept as a product of two thin matrices.
    Clear pictures that are displaced blur A: `unscramble.aligned` looks for where they were.

    `info` tells how far the normal equations hold before anything is cut, relative to their right-hand side. It is no
    error of the pictures.
    """

    references: ClassVar[tuple[str, ...]] = ("zhang2014sparkle", "bolle2022robust")

    ridge: float = Parameter(default=0.03, ge=0.0, le=1e3)
    """Relative to the mean eigenvalue of `Y'Y`. 0 is the published pseudo-inverse: eigenvalues count as 0 that,
    relative to the largest, are not above 2.2e-16 times the larger of the numbers of samples and pixels. With
    displaced pairs of natural pictures 0.03 was best, by 5 dB over 1e-5; `keep` wants a ridge of this order as well, as
    it looks for the largest entries of what the ridge gives."""

    form: Literal["auto", "primal", "dual"] = "auto"
    """`auto`: dual for fewer samples (channels count) than scrambled pixels, else primal. Both give the same A."""

    keep: int | None = Parameter(default=None, ge=1)
    """Only so many entries of each row or column, those of largest magnitude; all where it is not given."""

    by: By = "row"
    """Whether entries compete within rows, the sources of a pixel of the picture, or within columns, the places that a
    scrambled pixel goes to: the original's [bolle2022robust]_, by which pixels may be left without any source."""

    refit: bool = True
    """Fit the weights again to what was kept. The original only cuts, and loses the light of all else."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Ridge; the pseudo-inverse; and cut both ways."""
        return [cls(), cls(ridge=0.0), cls(keep=3), cls(keep=2, by="column", refit=False)]

    def __call__(self, pairs: Pairs | PairMoments, *, ctx: Context) -> Unscrambler:
        """Learn the operator.

        Parameters
        ----------
        pairs : Pairs or PairMoments
            The calibration. Moments have the primal form alone, and the operator then tells no keys.

        Returns
        -------
        Unscrambler
            Dense (primal), of low rank (dual), or sparse (with `keep`).

        Raises
        ------
        DataError
            All scrambled pictures are black; the dual form of moments; more than 11,585 samples (dual) or more than
            some 5,792 pixels (primal), whose matrices would take gigabytes.
        """
        data = pairs
        held = isinstance(pairs, Pairs)
        if held:
            scrambled = pairs.rows()[0]
            pixels, trace = scrambled.shape[1], float(scrambled.double().square().sum())
            source, target = tuple(pairs.scrambled.shape[-2:]), tuple(pairs.clear.shape[-2:])
            keys = pairs.keys
            thin = self.form == "dual" or (self.form == "auto" and pairs.samples < pixels)
        else:
            if self.form == "dual":
                raise DataError(
                    "moments have no samples any more, which the dual form is made of",
                    hint="gather by `unscramble.pairs`, or use `form: auto`",
                )
            pixels, trace = len(pairs.gram), float(pairs.gram.trace())
            source, target, keys, thin = pairs.source, pairs.target, (), False
        ridge = ridge_of(trace, pixels, self.ridge)
        if thin:
            found, residual = dual(pairs, ridge)
        else:
            data = moments_of(pairs) if held else pairs
            ctx.progress(0.3, "moments are summed")
            found, residual = primal(data, ridge)
        ctx.progress(0.7, "solved")
        if self.keep is not None:
            found = kept(found, self.keep, self.by)
            if self.refit:
                found = refitted(found, data, ridge)
        return Unscrambler(found, source, target, SolveInfo(0, True, residual), keys)
