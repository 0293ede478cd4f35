"""`Pace`: how far the updates of a barycentre's potentials go beyond the plain ones.

Plain updates shrink the error by some `eta` each time; those that go `omega` times as far by `lambda`, where
`(lambda + omega - 1)^2 = omega^2 lambda eta` [lehmann2022overrelaxation]_. The rate that is seen tells `eta`, and with
it the best factor, `2 / (1 + sqrt(1 - eta))`. An error that grows takes the factor back, and limits it from then on.
"""

from __future__ import annotations

import math

__all__ = ["Pace"]

_FIRST, _NEXT = 3, 6
"""Updates before the first look at the rate, and between two."""
_START = 1.5
"""The factor that is taken at once where the rate is worse than it would make it."""
_WORSE = 5.0
"""An error this many times the least one shows that the factor is too large."""


class Pace:
    """The factor of one iteration.

    Parameters
    ----------
    largest : float
        The factor's limit, in [1, 2).
    """

    def __init__(self, largest: float) -> None:
        self.largest = largest
        self.factor = 1.0
        self._errors: list[float] = []
        self._least = math.inf

    def saw(self, error: float) -> None:
        """Tell the error of the last update."""
        if not error <= _WORSE * self._least:
            self.factor = self.largest = 1 + (self.factor - 1) / 2
            self._errors, self._least = [], error if math.isfinite(error) else math.inf
            return
        self._least = min(self._least, error)
        self._errors.append(error)
        if len(self._errors) > (_FIRST if self.factor == 1 else _NEXT):
            self._look()

    def _look(self) -> None:
        """Raise the factor where the rate that is seen says so."""
        back = len(self._errors) // 2
        before, now, omega = self._errors[-1 - back], self._errors[-1], self.factor
        rate = (now / before) ** (1 / back) if before > 0 else 0.0
        wanted = min(_START, self.largest)
        if 0 < rate < 1:
            eta = (rate + omega - 1) ** 2 / (omega**2 * rate)
            wanted = 2 / (1 + math.sqrt(max(0.0, 1 - eta)))
        self._errors = self._errors[-1:]
        self.factor = min(max(omega, wanted), self.largest)
