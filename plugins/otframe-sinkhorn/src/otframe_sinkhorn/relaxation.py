"""`Relaxation`: how far updates of the potentials go beyond the plain ones, chosen as the iteration shows its rate.

Near its end the plain iteration shrinks the error by some factor `eta` each time. Going `omega` times as far shrinks it
by `lambda`, and the two are tied by `(lambda + omega - 1)^2 = omega^2 lambda eta` (Young's relation), so that the
observed `lambda` tells `eta`, and with it the best factor, `2 / (1 + sqrt(1 - eta))` [lehmann2022overrelaxation]_. An
error that grows takes the factor back.
"""

from __future__ import annotations

import math

__all__ = ["Relaxation"]

_FIRST, _NEXT = 4, 6
"""Iterations before the first look at the rate, and between two."""
_WORSE = 10.0
"""An error this many times the best one shows that the factor is too large for where the iteration is."""


class Relaxation:
    """The factor for one problem.

    Parameters
    ----------
    largest : float
        The factor's limit, in [1, 2).
    """

    def __init__(self, largest: float) -> None:
        self.largest = largest
        self.factor = 1.0
        self._errors: list[float] = []
        self._since = 0
        self._best = math.inf

    def saw(self, error: float) -> None:
        """Tell the error before the next update."""
        self._errors.append(error)
        self._since += 1
        if self.factor > 1 and error > _WORSE * self._best and error > 0.5:
            self.factor = 1 + (self.factor - 1) / 2
            self._since, self._best = 0, error
            return
        self._best = min(self._best, error)
        if self._since >= (_FIRST if self.factor == 1 else _NEXT):
            self._look()

    def _look(self) -> None:
        """Raise the factor where the observed rate says so."""
        back = 2 if self.factor == 1 else _NEXT // 2
        before = self._errors[-1 - back]
        rate = (self._errors[-1] / before) ** (1 / back) if before > 0 else 0.0
        omega = self.factor
        wanted = max(omega, min(1.5, self.largest))
        if rate < 1:
            eta = (rate + omega - 1) ** 2 / (omega**2 * rate) if rate > 0 else 0.0
            wanted = 2 / (1 + math.sqrt(max(0.0, 1 - eta)))
        if wanted > omega + 0.002:
            self.factor = min(wanted, self.largest)
            self._since = 0
