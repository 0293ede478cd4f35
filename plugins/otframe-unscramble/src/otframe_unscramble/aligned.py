"""`unscramble.aligned`: the operator and the displacements of its calibration pictures, learnt in turns."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import torch
from pydantic import Field as Parameter
from pydantic import model_validator

from otframe.errors import DataError
from otframe.interfaces import Component, Context, Transform
from otframe_unscramble.aligning.alternation import learnt
from otframe_unscramble.aligning.displace import Interpolation
from otframe_unscramble.aligning.support import Constraint
from otframe_unscramble.values import Pairs, Unscrambler

__all__ = ["Aligned"]

_MOST = 8192
"""Samples or scrambled pixels, whichever are fewer: three matrices of their square are held, in float64."""


class Aligned(Transform):
    r"""Learns an unscrambler from calibration pictures that are displaced by unknown amounts.

    .. math:: \min_{A, v} \sum_n | x_n - T_{v_n} A y_n |^2

    First by ridge regressions, against whose predictions from all other pictures each picture is registered; then on
    the largest few weights of each row, non-negative, registered by least squares. Where the scrambling adds light up,
    as glitter does, few weights cannot undo it: then the scrambling itself is learnt and inverted, or the ridge
    regression kept, whichever predicts calibration pictures better. Registration tells no origin: it is put where the
    operator is sharpest, if rows have one large weight each, and else where the mean displacement is zero.
    """

    references: ClassVar[tuple[str, ...]] = (
        "zhang2014sparkle",
        "bolle2022robust",
        "golub1979generalized",
        "lucas1981iterative",
        "huber1981robust",
    )

    model: Literal["auto", "sparse", "dense", "forward"] = "auto"
    """What is learnt: `sparse`, few weights a row, for permutations and the like; `dense`, a ridge regression;
    `forward`, a sparse scrambling and its inverse, for glitter, up to 64 x 64 pixels; `auto`, the best of these."""

    slots: int = Parameter(default=12, ge=1, le=64)
    """Candidates that each picture pixel chooses its weights from."""

    facets: int = Parameter(default=48, ge=1, le=256)
    """In the `forward` model: picture pixels whose light may come to one sensor pixel."""

    constraint: Constraint = "positive"
    """Of sparse weights: not negative, on the simplex (of sum 1), or free."""

    prune: float = Parameter(default=0.05, ge=0.0, lt=1.0)
    """Sparse weights below this part of their row's sum are left out at the end, and the others fitted again. The
    largest one always stays."""

    together: bool = False
    """Whether the channels of a picture are displaced together, as by a hand-held camera, or each by itself."""

    reach: float = Parameter(default=4.0, ge=0.0, le=64.0)
    """The largest displacement along either axis that is looked for, in pixels; 0 for pictures that lie right."""

    spread: float | None = Parameter(default=None, ge=1e-3)
    """Standard deviation of displacements that is expected, in pixels, where it is known."""

    warp: float | None = Parameter(default=None, ge=2.0)
    """Pictures are not only shifted but bent, over so many pixels; not where it is not given."""

    edges: Literal["auto", "unknown", "dark"] = "auto"
    """What comes into displaced pictures from outside: something `unknown`, as into a camera's, or `dark`, as where a
    programme displaced them; `auto` looks at their borders."""

    interpolation: Interpolation = "linear"
    """How displaced pictures were interpolated: `linear`, `cubic`, or `lanczos` for cameras."""

    robust: bool = True
    """Whether pairs that nothing explains are left out, and large errors within pictures count less."""

    assignment: bool = False
    """Whether the scrambling is known to be a permutation: each pixel is then assigned to one, exactly."""

    rounds: int = Parameter(default=20, ge=1)
    """The most rounds of the second part."""

    tol: float = Parameter(default=3e-3, gt=0.0)
    """Stops where predictions of calibration pictures change by less than this part of their contrast in a round."""

    @model_validator(mode="after")
    def _can_bend(self) -> Self:
        if self.warp is not None and self.reach == 0:
            raise ValueError("`warp` looks for bends of displaced pictures, and `reach: 0` says that they lie right")
        return self

    @classmethod
    def examples(cls) -> list[Component]:
        """A round or two of each."""
        return [
            cls(model="sparse", slots=3, rounds=2, reach=2.0, constraint="simplex", assignment=True),
            cls(model="forward", facets=3, rounds=1, reach=1.0, together=True),
            cls(model="dense", warp=8.0, rounds=1, reach=1.0),
        ]

    def __call__(self, pairs: Pairs, *, ctx: Context) -> Unscrambler:
        """Learn the operator.

        Parameters
        ----------
        pairs : Pairs
            Calibration pictures: some hundred, of up to 128 x 128 pixels.
        ctx : Context
            Is told the progress. Computes on its device where that is not the CPU.

        Returns
        -------
        Unscrambler
            With the displacements, down and to the right, and what each pair is worth. The residual is the last change
            of predictions, as a part of their contrast, and `converged` whether that is below `tol`.

        Raises
        ------
        DataError
            Fewer than four pairs, black pictures, or more samples and pixels than the first part can hold.
        """
        if pairs.count < 4:
            raise DataError(
                f"wanted at least 4 calibration pairs, got {pairs.count}",
                hint="some hundred pairs give good pictures",
                port="pairs",
            )
        smaller = min(pairs.samples, pairs.scrambled.shape[2] * pairs.scrambled.shape[3])
        if smaller > _MOST:
            raise DataError(
                f"{pairs.samples} samples of {pairs.scrambled.shape[2]} x {pairs.scrambled.shape[3]} pixels need a "
                f"square matrix of {smaller} rows; at most {_MOST} are held",
                hint="give fewer pairs (`most` of unscramble.pairs), or smaller pictures: each channel is a sample",
                port="pairs",
            )
        if self.assignment and self.model not in ("auto", "sparse"):
            raise DataError(f"an assignment needs `model: sparse`, not `{self.model}`")
        if self.warp is not None and min(pairs.clear.shape[2:]) < 2:
            raise DataError(
                f"wanted clear pictures of at least 2 x 2 pixels to look for bends, got {pairs.clear.shape[2]} x "
                f"{pairs.clear.shape[3]}",
                hint="leave `warp` out",
                port="pairs",
            )
        with torch.no_grad():
            return learnt(pairs, self, ctx)
