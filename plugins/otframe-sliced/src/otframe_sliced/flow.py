"""The projection flow: one cloud is moved onto another by transports on lines, along one random basis after another."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from otframe.interfaces import Context
from otframe.values import SolveInfo
from otframe_sliced.clouds import Cloud
from otframe_sliced.directions import orthonormal_basis
from otframe_sliced.line import Levels, argsorted, pulled
from otframe_sliced.splat import Splat

__all__ = ["Progress", "flowed", "refined"]

_LEVELS = 1024
_LOOKS = 3
"""Bases on which the displacement must be small."""
_FIRST_STEP, _LAST_STEP, _LONG = 1.8, 0.2, 0.4
"""Nodes of a table go further than the mean of the points around them, which is less than the move of each. After this
part of the bases the steps get shorter, so that at the end no single basis counts for more than the others."""


@dataclass
class Progress:
    """How far the flow is: its moves, and the mean squared displacement wanted on the first basis and on the last few.

    Between as many equal masses that is the squared sliced distance, as one basis sees it. A basis that happens to lie
    near an earlier one sees little of it, so that the largest of the last three counts.
    """

    bases: int
    tolerance: float
    ctx: Context
    moves: int = 0
    start: float | None = None
    last: tuple[float, ...] = ()

    def arrived(self, squared: float, *, noise: float) -> bool:
        """Note what is wanted on a new basis, and tell whether it is small enough; `noise` is due to rounding."""
        self.start = squared if self.start is None else self.start
        # nothing to do along any line is no accident
        self.last = (0.0,) if squared <= noise else (*self.last, squared)[-_LOOKS:]
        self.ctx.progress(min(1.0, self.moves / self.bases), f"{squared**0.5:.2e} left")
        return self.there

    @property
    def residual(self) -> float:
        """The root mean square displacement that is still wanted, as a part of the one at the start."""
        return (max(self.last) / self.start) ** 0.5 if self.start and self.last else 0.0

    @property
    def there(self) -> bool:
        """Whether it is small enough: on three bases, or nothing on one."""
        looked = len(self.last) == _LOOKS or self.last == (0.0,)
        return looked and self.residual <= self.tolerance

    @property
    def info(self) -> SolveInfo:
        """The bases that the cloud was moved along, and what is left."""
        return SolveInfo(self.moves, self.there, self.residual)


def flowed(
    source: Cloud, target: Cloud, step: float, most: int, progress: Progress, carried: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Move the source's points along at most `most` bases, and points that have no mass with them.

    On each basis every coordinate is moved by the part `step` of the way to where the transport on the line takes it
    [pitie2007automated]_, [bonneel2015sliced]_. What is carried moves by the displacement of the points beside it on
    the line.

    Parameters
    ----------
    source, target : Cloud
        n and m points in a common frame.
    carried : torch.Tensor, optional
        Shape `(k, d)`.

    Returns
    -------
    tuple
        The moved points `(n, d)` and what was carried `(k, d)`, none where nothing was.
    """
    x = source.points
    for turn in range(most + 1):
        basis = orthonormal_basis(x.shape[1], progress.ctx.rng).to(x)
        line = basis @ x.T
        levels = None if carried is None else _levels(line, source, basis, target)
        move = _move(line, source, basis, target) if levels is None else levels.shifts()
        if progress.arrived(_squared(move, source), noise=_noise(x)) or turn == most:
            break
        if carried is not None:
            along = basis @ carried.T
            beside = _beside(line, move, along) if levels is None else levels.shifts_at(along)
            carried = (basis.T @ (along + step * beside)).T
        x = (basis.T @ (line + step * move)).T
        progress.moves += 1
    return x, x[:0] if carried is None else carried


def refined(
    source: Cloud, target: Cloud, splat: Splat, nodes: torch.Tensor, step: float, most: int, progress: Progress
) -> torch.Tensor:
    """Displacements at the nodes of a table, bettered so that what the table makes of the source is at the target.

    A table cannot bend as the flow of single points does. Here the flow goes on with the points where the table puts
    them, and each node moves by the mean displacement of the points around it: a descent of the sliced distance over
    tables. Nodes that no point is near keep their displacement.

    Parameters
    ----------
    splat : Splat
        Of the source's points and the table.
    nodes : torch.Tensor
        Shape `(s^d, d)`.

    Returns
    -------
    torch.Tensor
        Shape `(s^d, d)`.
    """
    nodes = nodes.clone()
    for turn in range(most + 1):
        basis = orthonormal_basis(nodes.shape[1], progress.ctx.rng).to(nodes)
        line = basis @ (source.points + splat.values(nodes)).T
        levels = _levels(line, source, basis, target)
        move = _move(line, source, basis, target) if levels is None else levels.shifts()
        if progress.arrived(_squared(move, source), noise=_noise(nodes)) or turn == most:
            break
        nodes[splat.touched] += splat.means((basis.T @ move).T) * (_relaxed(turn / most) * step)
        progress.moves += 1
    return nodes


def _relaxed(done: float) -> float:
    """How far nodes go once this part of the bases is done."""
    late = max(0.0, (done - _LONG) / (1 - _LONG))
    return _FIRST_STEP + (_LAST_STEP - _FIRST_STEP) * late


def _move(line: torch.Tensor, source: Cloud, basis: torch.Tensor, target: Cloud) -> torch.Tensor:
    """The displacement of each point on each line, `(d, n)`."""
    return pulled(line, source.weights, basis @ target.points.T, target.weights) - line


def _levels(line: torch.Tensor, source: Cloud, basis: torch.Tensor, target: Cloud) -> Levels | None:
    """The same by levels, where there are more points of equal mass than that: a table's cells blur it anyway."""
    if source.weights is not None or target.weights is not None or source.count <= 2 * _LEVELS:
        return None
    return Levels(line, basis @ target.points.T, _LEVELS)


def _squared(move: torch.Tensor, source: Cloud) -> float:
    """The mean over points and axes of the squared displacement."""
    return float((move.double().square().mean(0) * source.mass).sum())


def _noise(points: torch.Tensor) -> float:
    """The squared displacement that rounding makes of coordinates within [-1, 1]."""
    return float((4 * torch.finfo(points.dtype).eps) ** 2)


def _beside(line: torch.Tensor, move: torch.Tensor, along: torch.Tensor) -> torch.Tensor:
    """The displacement `(d, k)` at other places of d lines: linear between points, outside that of the end.

    It is read off at evenly spaced levels first, from where any place is found without a search.
    """
    order = argsorted(line)
    places, moves = line.gather(1, order), move.gather(1, order)
    low, high = places[:, :1], places[:, -1:]
    if places.shape[1] == 1:
        return moves.expand(along.shape).contiguous()
    steps = torch.linspace(0, 1, _LEVELS, dtype=line.dtype, device=line.device)
    levels = low + (high - low) * steps
    right = torch.searchsorted(places, levels).clamp_(1, places.shape[1] - 1)
    ends = [values.gather(1, right - side) for side in (1, 0) for values in (places, moves)]
    width = ends[2] - ends[0]
    safe = torch.where(width > 0, width, torch.ones_like(width))
    even = torch.lerp(ends[1], ends[3], ((levels - ends[0]) / safe).clamp_(0, 1))
    extent = torch.where(high > low, high - low, torch.ones_like(high))
    place = ((along - low) * ((_LEVELS - 1) / extent)).clamp_(0, _LEVELS - 1)
    cell = place.long().clamp_(max=_LEVELS - 2)
    return torch.lerp(even.gather(1, cell), even.gather(1, cell + 1), place - cell)
