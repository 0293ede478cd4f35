"""What the parts of the alternation hand to one another."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from typing import Protocol

import torch

from otframe.values import LinearMap
from otframe_unscramble.aligning.displace import Interpolation
from otframe_unscramble.aligning.held_out import HeldOut, Regression
from otframe_unscramble.aligning.motion import Motion
from otframe_unscramble.aligning.support import Constraint
from otframe_unscramble.aligning.trust import clip_of, clipped, trusted, unexplained

__all__ = ["Outcome", "Settings", "State", "changed"]

_TAU = 0.03
"""Details whose squared gain is smaller are not restored from displaced pictures by themselves."""

_LEAST = 4
"""Pictures that are never given up."""


class Settings(Protocol):
    """The parameters of `unscramble.aligned`."""

    model: str
    slots: int
    facets: int
    constraint: Constraint
    prune: float
    together: bool
    reach: float
    spread: float | None
    warp: float | None
    edges: str
    interpolation: Interpolation
    robust: bool
    assignment: bool
    rounds: int
    tol: float


@dataclass
class State:
    """Where the alternation is.

    Parameters
    ----------
    y, seen : torch.Tensor
        Scrambled samples `(m, d)` and clear ones as they were seen `(m, H, W)`, of the pictures that count.
    z : torch.Tensor
        The clear samples brought back to their places, `(m, D)`.
    kept : torch.Tensor
        `(n,)` of bool: the pictures that count.
    group : int
        Channels of a picture.
    motion : Motion
        The displacements.
    settings : Settings
    tell : callable
        Is told a share of the work, and what is being done.
    error : float
        Mean squares of held-out errors, those beyond `cut` cut.
    cut : float, optional
    rounds : int
        Rounds that were done.
    regression : Regression, optional
        Of the samples that count.
    """

    y: torch.Tensor
    seen: torch.Tensor
    z: torch.Tensor
    kept: torch.Tensor
    group: int
    motion: Motion
    settings: Settings
    tell: Callable[[float, str], None]
    error: float = float("inf")
    cut: float | None = None
    rounds: int = 0
    regression: Regression | None = None

    def ridge(self, ridge: float) -> HeldOut:
        """The ridge regression from the samples that count."""
        if self.regression is None:
            self.regression = Regression(self.y, self.group)
        return self.regression.at(ridge)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of clear pictures."""
        return int(self.seen.shape[1]), int(self.seen.shape[2])

    @property
    def moving(self) -> bool:
        """Whether there are displacements to be found."""
        return self.settings.reach > 0

    def cleared(self, predicted: torch.Tensor, motion: Motion) -> tuple[torch.Tensor, torch.Tensor, float | None]:
        """Clear samples in their places, `(m, D)`: predictions, corrected by what was seen.

        Returns
        -------
        (torch.Tensor, torch.Tensor, float or None)
            The samples; the errors `(m, H, W)` of displaced predictions; and what larger ones were clipped to, if any.
            Such pseudo-values make least squares those of Huber's loss [huber1981robust]_.
        """
        errors = motion.errors(predicted, self.seen)
        clip = clip_of(errors) if self.settings.robust else None
        back = motion.brought_back(clipped(errors, clip), _TAU)
        return back.add_(predicted).flatten(1), errors, clip

    def fine(self, errors: torch.Tensor, motion: Motion) -> torch.Tensor | None:
        """Which pictures are pairs, by the errors of displaced predictions; None where all are, or hardly any."""
        found = trusted(unexplained(self.seen, errors, motion.inside(self.seen), self.group))
        return None if bool(found.all()) or int(found.sum()) < _LEAST else found

    def give_up(self, fine: torch.Tensor, *motions: Motion) -> None:
        """Go on with the pictures that are fine, and with their displacements."""
        samples = fine.repeat_interleave(self.group)
        places = self.kept.nonzero()[:, 0]
        self.kept = torch.zeros_like(self.kept).index_fill(0, places[fine], True)
        self.y, self.seen, self.z = self.y[samples], self.seen[samples], self.z[samples]
        self.regression = None
        for motion in motions:
            motion.keep(samples)

    def part(self, which: torch.Tensor) -> State:
        """The state of some pictures `(n,)` of bool, of those that count; this one stays as it is."""
        samples = which.repeat_interleave(self.group)
        motion = copy(self.motion)
        motion.keep(samples)
        return replace(
            self,
            y=self.y[samples],
            seen=self.seen[samples],
            z=self.z[samples],
            kept=torch.ones(int(which.sum()), dtype=torch.bool, device=self.y.device),
            motion=motion,
            regression=None,
        )

    def shaped(self, rows: torch.Tensor) -> torch.Tensor:
        """Rows as pictures."""
        return rows.reshape(-1, *self.size)


@dataclass
class Outcome:
    """What a model gave: the map, mean squares of errors, the displacements that go with it, and how it ended."""

    map: LinearMap
    error: float
    motion: Motion
    rounds: int
    change: float


def changed(now: torch.Tensor, before: torch.Tensor | None) -> float:
    """Root mean square of a change of pictures, as a part of their contrast; 1 where there was nothing before."""
    if before is None:
        return 1.0
    contrast = (now - now.mean((1, 2), keepdim=True)).square().mean().sqrt().clamp(min=1e-12)
    return float((now - before).square().mean().sqrt() / contrast)
