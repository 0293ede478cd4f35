"""`color.exchange`: the colour maps between two palettes, both ways."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from pydantic import Field as Parameter

from otframe.interfaces import Component, Context, Solver, Transform
from otframe_color.cloud_value import ColorCloud
from otframe_color.maps import FittedMap
from otframe_color.transfer import Axes, fitted

__all__ = ["Exchange", "Exchanged"]


class Exchanged(NamedTuple):
    """Both maps of an exchange."""

    forward: FittedMap
    """From `a` to `b`."""

    backward: FittedMap
    """From `b` to `a`."""


class Exchange(Transform):
    """The maps by which two images exchange their colours: each goes to the other's palette.

    Both are fitted on their own, so that each arrives as well as the solver lets it; the inverse of a fitted map does
    not arrive where it was not fitted.
    """

    references: ClassVar[tuple[str, ...]] = ("pitie2007automated",)

    solver: Solver
    """What finds the transports, such as `{use: sliced.transport}`."""

    strength: float = Parameter(default=1.0, ge=0.0, le=1.0)
    """How far colours go: 0 not at all, 1 all the way. At one half both meet in the middle."""

    axes: Axes = "all"
    """What is moved: `all`, or in lab, oklab and ycbcr the `chroma` or the `lightness` alone."""

    table: int = Parameter(default=33, ge=0, le=129)
    """Nodes on each axis of the tables, where maps know their points only; 0 for none."""

    smooth: float = Parameter(default=0.0, ge=0.0, le=1.0)
    """How far apart colours are that may move in different ways, in units of the working space: with .04 the noise that
    a sliced map brings falls from 2.5 to 1.6 times, and what is left of the distance rises from 2 % to 15 %, mean
    of six pairs both ways. Affine maps are smooth anyway."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Means and spreads."""
        from otframe_color.reinhard import Reinhard

        return [cls(solver=Reinhard())]

    def __call__(self, a: ColorCloud, b: ColorCloud, *, ctx: Context) -> Exchanged:
        """Fit both maps, between palettes of one working space."""
        forward, backward = (
            fitted(
                self.solver,
                *pair,
                ctx,
                strength=self.strength,
                axes=self.axes,
                table=self.table,
                smooth=self.smooth,
            )
            for pair in ((a, b), (b, a))
        )
        return Exchanged(forward, backward)
