"""What is said where the iterations were used up."""

from __future__ import annotations

from otframe.errors import ConvergenceError
from otframe.values import SolveInfo

__all__ = ["missed"]


def missed(info: SolveInfo, tol: float, of: str = "", what: str = "a marginal error") -> ConvergenceError:
    """The error that tells how far the iterations went, `of` which problems, and what to do."""
    return ConvergenceError(
        f"{what} of {info.residual:.3g} was reached in {info.iterations} iterations{of}, wanted {tol:g}",
        hint="allow more `iterations`, or take a larger `blur` or `tol`",
    )
