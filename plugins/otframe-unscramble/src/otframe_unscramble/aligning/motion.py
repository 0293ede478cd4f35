"""How calibration pictures are displaced against predictions of them: found, applied, undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from otframe_unscramble.aligning.displace import Interpolation, chunks, displaced, restored
from otframe_unscramble.aligning.register import correlated, refined
from otframe_unscramble.aligning.warps import bent, followed, unbent

__all__ = ["Motion"]


@dataclass
class Motion:
    """Displacements of samples `(m, H, W)`, `group` neighbours of which belong to one picture.

    Parameters
    ----------
    group : int
        Channels of a picture.
    together : bool
        Whether the channels of a picture are displaced together, or each by itself.
    reach : float
        The largest displacement that is looked for, pixels.
    spread : float, optional
        Standard deviation of displacements that is expected, pixels.
    interpolation : str
        How displaced pictures were interpolated.
    warp : float, optional
        Displacements change over so many pixels within a picture; not at all where absent.
    """

    group: int
    together: bool
    reach: float
    spread: float | None
    interpolation: Interpolation
    warp: float | None = None
    v: torch.Tensor = field(init=False)
    """`(m, 2)`: of each sample."""
    bends: torch.Tensor | None = field(init=False, default=None)
    """`(m / g, 2, h, w)`: what a warp adds to it, on a coarse grid."""

    @property
    def shared(self) -> int:
        """So many neighbours are displaced together."""
        return self.group if self.together else 1

    def begin(self, predicted: torch.Tensor, seen: torch.Tensor, *, coarse: bool) -> None:
        """Find displacements afresh, from low frequencies alone where predictions are coarse."""
        band = 0.4 if coarse else 0.7
        g = self.shared
        v = correlated(predicted, seen, self.reach, group=g, spread=self.spread, band=band)
        self.v, self.bends = v.repeat_interleave(g, 0), None
        if not coarse:
            self.improve(predicted, seen)
        elif self.warp is not None:
            self._bend(predicted, seen)

    def improve(self, predicted: torch.Tensor, seen: torch.Tensor, *, clip: float | None = None) -> None:
        """Improve displacements by least squares."""
        g = self.shared
        if self.bends is None:
            v = refined(predicted, seen, self.v[::g], self.interpolation, group=g, clip=clip)
            self.v = v.clamp(-self.reach, self.reach).repeat_interleave(g, 0)
        if self.warp is not None:
            self._bend(predicted, seen)

    def centre(self, counted: torch.Tensor) -> None:
        """Take the mean displacement of the counted samples `(m,)` off: nothing tells it from another origin."""
        self.v = self.v - self.v[counted].mean(0)

    def applied(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pictures as they would be seen."""
        return self._each(pictures, lambda part: self._applied(pictures[part], part))

    def undone(self, seen: torch.Tensor, guess: torch.Tensor, tau: float, clip: float | None = None) -> torch.Tensor:
        """What was there before: the guess, corrected by what was seen. Larger errors than `clip` count as clipped."""
        return self._each(seen, lambda part: self._undone(seen[part], guess[part], part, tau, clip))

    def _undone(
        self, seen: torch.Tensor, guess: torch.Tensor, part: slice, tau: float, clip: float | None
    ) -> torch.Tensor:
        if clip is not None or self.bends is not None:
            now = self._applied(guess, part)
            missed = seen - now
            if clip is not None:
                missed = missed.clamp(-clip, clip)
            if self.bends is not None:
                return guess + unbent(missed, self.v[part], self._bends(part))
            seen = now + missed
        return restored(seen, self.v[part], guess, tau, self.interpolation)

    def _applied(self, pictures: torch.Tensor, part: slice) -> torch.Tensor:
        if self.bends is not None:
            return bent(pictures, self.v[part], self._bends(part))
        return displaced(pictures, self.v[part], self.interpolation)

    def _bends(self, part: slice) -> torch.Tensor:
        assert self.bends is not None
        g = self.shared
        return self.bends[part.start // g : part.stop // g].repeat_interleave(g, 0)

    def _bend(self, predicted: torch.Tensor, seen: torch.Tensor) -> None:
        assert self.warp is not None
        self.bends = followed(predicted, seen, self.v, self.bends, self.warp, self.shared)

    def _each(self, pictures: torch.Tensor, make: Callable[[slice], torch.Tensor]) -> torch.Tensor:
        made = torch.empty_like(pictures)
        for part in chunks(len(pictures), 4 * pictures[0].numel(), self.group):
            made[part] = make(part)
        return made
