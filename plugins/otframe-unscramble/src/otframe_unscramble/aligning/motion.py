"""How calibration pictures are displaced against predictions of them: found, applied, carried back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from otframe_unscramble.aligning.displace import Interpolation, Inverses, chunks, covered, displaced
from otframe_unscramble.aligning.register import correlated, refined
from otframe_unscramble.aligning.warps import bent, followed, surrounded, unbent

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
    dark : bool
        Whether what comes from outside a picture is dark, or unknown.
    """

    group: int
    together: bool
    reach: float
    spread: float | None
    interpolation: Interpolation
    warp: float | None = None
    dark: bool = False
    v: torch.Tensor = field(init=False)
    """`(m, 2)`: of each sample."""
    bends: torch.Tensor | None = field(init=False, default=None)
    """`(m / g, 2, h, w)`: what a warp adds to it, on a coarse grid."""
    _inverses: Inverses | None = field(init=False, default=None, repr=False)

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
            self.improve(predicted, seen, steps=2)
        elif self.warp is not None:
            self._bend(predicted, seen)

    def improve(
        self, predicted: torch.Tensor, seen: torch.Tensor, *, clip: float | None = None, steps: int = 1
    ) -> None:
        """Improve displacements by so many steps of least squares. Larger errors than `clip` count as clipped."""
        g = self.shared
        if self.bends is None:
            v = refined(
                predicted, seen, self.v[::g], self.interpolation, group=g, steps=steps, clip=clip, dark=self.dark
            )
            self.v = v.clamp(-self.reach, self.reach).repeat_interleave(g, 0)
        if self.warp is not None:
            self._bend(predicted, seen)

    def outside(self, seen: torch.Tensor) -> float:
        """How bright it is outside, a pixel or more from the border, as a part of the mean; 1 where nothing tells.

        The median of all samples, as pairs that are none lie anywhere.
        """
        found = []
        for part in chunks(len(seen), 4 * seen[0].numel(), self.group):
            beyond = 1 - covered(self.v[part], (seen.shape[1], seen.shape[2]), seen, margin=1.0)
            pixels = beyond.sum((1, 2))
            found.append(((seen[part] * beyond).sum((1, 2)) / pixels.clamp(min=1))[pixels > 0])
        light = torch.cat(found)
        return float(light.median()) / max(float(seen.mean()), 1e-12) if len(light) else 1.0

    def centre(self, off: torch.Tensor | None = None) -> None:
        """Take mean displacements off, or another origin's `(2,)`: registration tells none from any other."""
        self.v = self.v - (self.v.mean(0) if off is None else off.to(self.v))
        if self.bends is not None:
            self.bends = self.bends - self.bends.mean(0)

    def rest(self, seen: torch.Tensor) -> None:
        """No displacements of samples `(m, H, W)`."""
        self.v = seen.new_zeros(len(seen), 2)

    def fresh(self) -> Motion:
        """The same settings, for other samples."""
        return Motion(self.group, self.together, self.reach, self.spread, self.interpolation, self.warp, self.dark)

    def joined(self, other: Motion, mine: torch.Tensor) -> Motion:
        """The displacements of all samples, mine where `mine (m,)` says so and those of the other elsewhere."""
        made = self.fresh()
        made.v = self.v.new_empty(len(mine), 2)
        made.v[mine], made.v[~mine] = self.v, other.v
        if self.bends is not None and other.bends is not None:
            pictures = mine[:: self.shared]
            made.bends = self.bends.new_empty(len(pictures), *self.bends.shape[1:])
            made.bends[pictures], made.bends[~pictures] = self.bends, other.bends
        return made

    def keep(self, samples: torch.Tensor) -> None:
        """Go on with some samples `(m,)` of bool, whole pictures."""
        self.v = self.v[samples]
        if self.bends is not None:
            self.bends = self.bends[samples[:: self.shared]]

    def errors(self, predicted: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """What was seen less predictions displaced, `(m, H, W)`; 0 where what was seen was outside before."""

        def missed(part: slice) -> torch.Tensor:
            if self.bends is not None:
                made = bent(predicted[part], self.v[part], self._bends(part))
            else:
                made = displaced(predicted[part], self.v[part], self.interpolation)
            return seen[part] - made if self.dark else (seen[part] - made) * self._inside(seen, part)

        return self._each(seen, missed)

    def inside(self, seen: torch.Tensor) -> torch.Tensor | None:
        """Which pixels of samples `(m, H, W)` errors tell of, of bool; None for all."""
        if self.dark:
            return None
        parts = chunks(len(seen), 4 * seen[0].numel(), self.group)
        return torch.cat([self._inside(seen, part) > 0 for part in parts])

    def brought_back(self, errors: torch.Tensor, tau: float) -> torch.Tensor:
        """Errors of displaced pictures at the places they come from; 0 where nothing was seen."""
        size = (errors.shape[1], errors.shape[2])
        if self._inverses is None and self.bends is None:
            self._inverses = Inverses(size, self.reach + 1, tau, self.interpolation, errors)

        def back(part: slice) -> torch.Tensor:
            if self.bends is not None:
                return unbent(errors[part], self.v[part], self._bends(part))
            assert self._inverses is not None
            return self._inverses(errors[part], self.v[part])

        return self._each(errors, back)

    def _inside(self, seen: torch.Tensor, part: slice) -> torch.Tensor:
        if self.bends is not None:
            return surrounded(self.v[part], self._bends(part), seen[part])
        return covered(self.v[part], (seen.shape[1], seen.shape[2]), seen)

    def _bends(self, part: slice) -> torch.Tensor:
        assert self.bends is not None
        g = self.shared
        return self.bends[part.start // g : part.stop // g].repeat_interleave(g, 0)

    def _bend(self, predicted: torch.Tensor, seen: torch.Tensor) -> None:
        assert self.warp is not None
        self.bends = followed(predicted, seen, self.v, self.bends, self.warp, self.shared, self.dark)

    def _each(self, pictures: torch.Tensor, make: Callable[[slice], torch.Tensor]) -> torch.Tensor:
        made = torch.empty_like(pictures)
        for part in chunks(len(pictures), 4 * pictures[0].numel(), self.group):
            made[part] = make(part)
        return made
