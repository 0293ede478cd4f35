"""`unscramble.transport`: the operator that brings scrambled pictures near clear ones, as transport measures it."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field as Parameter
from pydantic import field_validator

from otframe.errors import DataError, SolveError
from otframe.interfaces import Component, Context, Transform
from otframe.values import Density, SolveInfo
from otframe_unscramble.capped import CappedCost
from otframe_unscramble.descent import Descent, Mirror, Published, shares
from otframe_unscramble.kept import kept
from otframe_unscramble.values import Pairs, Unscrambler

__all__ = ["TransportUnscrambler"]

_DEFAULTS = {"mirror": (0.5, 0.1), "published": (0.1, 1e-3)}
"""Step and penalty."""
_DOUBLE = 2**24
"""Up to so many entries the published mode has the operator in float64, as the original has."""


class TransportUnscrambler(Transform):
    r"""Unscrambling that bears displacements [bolle2022robust]_: the operator A that minimises the mean of

    .. math:: L(A y_n, x_n)

    over the calibration pairs and a penalty on small entries, for a loss L between densities to which a small
    displacement is a small matter. The columns of A lie on the simplex: the mass of each scrambled pixel goes
    somewhere. Pictures are brought to mass 1 with a floor, and batches are drawn at random.

    `mirror` is mirror descent [beck2003mirror]_ with momentum and steps that fall to nothing: entries are multiplied,
    the gradient of each column is divided by the mean mass of its pixel, and small is what is small against one over
    the number of pixels. `published` is the original: gradient steps, the sign of each entry as its penalty, cuts at 0,
    columns brought to sum 1; with `unscramble.capped` and `keep` it gives what the original does. Where a column loses
    all its entries, as with many pixels they do, the original goes on with 0 / 0, and this raises.
    """

    references: ClassVar[tuple[str, ...]] = ("bolle2022robust", "zhang2014sparkle", "beck2003mirror")

    loss: Transform = CappedCost()
    """What compares two densities: a component with `loss(source, target)`, a tensor that torch differentiates in the
    masses, or `losses(sources, targets, spacing)` for batches `(B, H, W)`. `sinkhorn.divergence` has no bias; a loose
    `tol` such as 1e-2 is enough for it."""

    mode: Literal["mirror", "published"] = "mirror"
    """How steps are made."""

    step: float | None = Parameter(default=None, gt=0.0)
    """The first step; where not given 0.5 for `mirror`, in units of the spread of the potentials, and 0.1 for
    `published`."""

    steps: int = Parameter(default=100, ge=1)
    """The most steps."""

    batch: int = Parameter(default=100, ge=1)
    """Samples of each step: channels of pictures. All where there are fewer."""

    penalty: float | None = Parameter(default=None, ge=0.0)
    """Weight of the penalty; where not given 0.1 for `mirror`, in units of the spread of the potentials, and 1e-3 for
    `published`."""

    momentum: float = Parameter(default=0.9, ge=0.0, lt=1.0)
    """The part of each step that the next goes on with; of `mirror` alone. It takes as much memory as A."""

    floor: float = Parameter(default=0.1, gt=0.0)
    """Mass that is added evenly to each picture of mass 1."""

    keep: int | None = Parameter(default=None, ge=1)
    """Keep so many of the largest entries of each column and bring them to sum 1: the published thresholding, without a
    new fit. All where it is not given; ten or twenty for pictures with little contrast."""

    sums: Literal["columns", "rows"] | None = None
    """What has the sum 1 in the end: `columns`, so that mass is kept, as published; or `rows`, so that an even picture
    comes out even, which makes up for what was displaced over the border. Where not given `rows` for `mirror`,
    `columns` for `published`. Both take it that the medium neither dims nor brightens."""

    tol: float = Parameter(default=1e-3, gt=0.0, lt=1.0)
    """Steps end where one of full length moves less than this part of all mass."""

    @field_validator("loss")
    @classmethod
    def _compares(cls, loss: Transform) -> Transform:
        if not any(callable(getattr(loss, name, None)) for name in ("losses", "loss")):
            raise ValueError(
                f"{type(loss).__name__} is no loss: it has neither `loss` nor `losses`; "
                "take `unscramble.capped` or `sinkhorn.divergence`"
            )
        return loss

    @classmethod
    def examples(cls) -> list[Component]:
        """A few steps of both modes."""
        loss = CappedCost(rate=2.0, iterations=20)
        return [cls(loss=loss, steps=3, batch=6), cls(loss=loss, mode="published", steps=3, batch=6, keep=5)]

    def __call__(self, pairs: Pairs, *, ctx: Context) -> Unscrambler:
        """Learn the operator.

        Parameters
        ----------
        pairs : Pairs
            What is negative in them counts as 0.

        Returns
        -------
        Unscrambler
            Dense, or sparse with `keep`. The residual of its `info` is the part of all mass that the last step moved,
            by the part of the first step's length that it had. Where it is not under `tol`, `converged` says so.

        Raises
        ------
        DataError
            Scrambled or clear pictures are all black.
        ConvergenceError
            A column has lost all its entries in the published mode; or the loss was not found to its own tolerance.
        SolveError
            The loss has derivatives that are not finite.
        """
        usual = _DEFAULTS[self.mode]
        rate = usual[0] if self.step is None else self.step
        scrambled, clear = pairs.rows()
        for name, rows in (("scrambled", scrambled), ("clear", clear)):
            if not bool((rows > 0).any()):
                raise DataError(f"the {name} pictures are nowhere above 0", hint="there is no mass", port="pairs")
        shape = (pairs.clear.shape[2], pairs.clear.shape[3])
        double = self.mode == "published" and scrambled.shape[1] * clear.shape[1] <= _DOUBLE
        descent = self._descent(clear, scrambled.shape[1], torch.float64 if double else torch.float32)
        kind, count = descent.operator, min(self.batch, len(clear))
        moved = part = 1.0
        done = 0
        while done < self.steps and (not done or moved / part >= self.tol):
            part = 1 - done / self.steps if self.mode == "mirror" else 1.0
            some = torch.randperm(len(clear), generator=ctx.rng)[:count].to(clear.device)
            given, wanted = (shares(rows[some].to(kind), self.floor) for rows in (scrambled, clear))
            slopes = self._slopes((given @ descent.operator).unflatten(1, shape), wanted.unflatten(1, shape), ctx)
            moved = descent.step(rate * part, slopes, given)
            done += 1
            ctx.progress(done / self.steps, f"{moved / part:.2g} of the mass moved")
        residual = moved / part
        info = SolveInfo(done, residual < self.tol, residual)
        source = (pairs.scrambled.shape[2], pairs.scrambled.shape[3])
        even = (self.sums or ("rows" if self.mode == "mirror" else "columns")) == "rows"
        operator = descent.operator
        del descent  # and what it remembers, which may be as large
        return Unscrambler(kept(operator, self.keep, even), source, shape, info, pairs.keys)

    def _descent(self, clear: torch.Tensor, inputs: int, dtype: torch.dtype) -> Descent:
        """The steps of the mode, from the operator that spreads all mass evenly."""
        m = clear.shape[1]
        penalty = _DEFAULTS[self.mode][1] if self.penalty is None else self.penalty
        even = clear.new_full((inputs, m), 1 / m, dtype=dtype)
        return Published(even, penalty) if self.mode == "published" else Mirror(even, penalty, self.momentum)

    def _slopes(self, made: torch.Tensor, clear: torch.Tensor, ctx: Context) -> torch.Tensor:
        """Derivatives `(k, H W)` of the losses in what was made `(k, H, W)`, of mean 0 over the pixels."""
        with torch.enable_grad():
            made = made.detach().requires_grad_()
            (slopes,) = torch.autograd.grad(self._losses(made, clear, ctx).sum(), made)
        slopes = slopes.flatten(1)
        if not bool(torch.isfinite(slopes).all()):
            raise SolveError(
                f"the derivatives of {type(self.loss).__name__} are not finite", hint="raise `floor`, or the blur"
            )
        return slopes - slopes.mean(1, keepdim=True)

    def _losses(self, made: torch.Tensor, clear: torch.Tensor, ctx: Context) -> torch.Tensor:
        loss: Any = self.loss
        if callable(getattr(loss, "losses", None)):
            many: torch.Tensor = ctx.call(loss.losses, made, clear, (1.0, 1.0))
            return many
        spacing = (1.0, 1.0)
        each = [(Density(a, spacing), Density(b, spacing)) for a, b in zip(made, clear, strict=True)]
        return torch.stack([ctx.call(loss.loss, source, target) for source, target in each])
