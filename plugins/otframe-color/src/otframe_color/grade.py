"""`color.grade` and `color.keyframes`: a look for a clip, of one map or of several that follow each other."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import ClassVar

from pydantic import Field as Parameter

from otframe.errors import DataError, ParameterError
from otframe.interfaces import Component, Context, Solver, Transform
from otframe.values import Clip
from otframe_color.clip import collected
from otframe_color.cloud import Cloud
from otframe_color.cloud_value import ColorCloud
from otframe_color.grade_edit import ColorGrade
from otframe_color.maps import ColorMap
from otframe_color.transfer import Axes, fitted

__all__ = ["Grade", "Keyframes", "LookAt"]


class Grade(Transform):
    """A clip in other colours: by one map, or by a look of several that follow each other (`color.keyframes`).

    By one map the same colour goes to the same colour in every frame, so nothing flickers. Nothing is decoded here:
    frames are graded when the clip is written or shown. The map moves the numbers as they are coded for display,
    whatever the clip's primaries and transfer curve.
    """

    references: ClassVar[tuple[str, ...]] = ()

    size: int = Parameter(default=65, ge=0, le=129)
    """Nodes on each axis of the tables that stand for maps where frames have more than 8 bits; 0 for the maps
    themselves. Colours of 8 bits are few, and moved by the maps, each once in a clip."""

    @classmethod
    def examples(cls) -> list[Component]:
        """The default; a small table."""
        return [cls(), cls(size=17)]

    def __call__(self, clip: Clip, look: ColorMap | ColorGrade) -> Clip:
        """The clip with one more edit."""
        if isinstance(look, ColorGrade):
            return clip.edited(replace(look, size=_size(self.size)))
        return clip.edited(ColorGrade((look,), size=_size(self.size)))


class Keyframes(Transform):
    """A look that takes a clip to the colours of a reference: one map, or one for each of several times.

    The colours from the time before to the time after each are moved onto the reference by a solver, and the maps are
    blended in between, so that the look follows slow changes of light and scene without a flicker: a frame counts for
    two maps, and all maps are fitted by the same draws. With one keyframe it is one map for all.
    """

    references: ClassVar[tuple[str, ...]] = ("pitie2007linear",)

    solver: Solver
    """What finds the transports, such as `{use: sliced.transport}`."""

    keyframes: int = Parameter(default=5, ge=1, le=1000)
    """How many maps, at the middles of equal stretches of the clip."""

    times: tuple[float, ...] | None = None
    """Instead, the times themselves, in seconds from the first frame, rising."""

    frames: int = Parameter(default=8, ge=1, le=10_000)
    """How many frames around each time give the colours that are moved."""

    samples: int = Parameter(default=65_536, ge=1, le=1 << 24)
    """How many colours are drawn of them."""

    strength: float = Parameter(default=1.0, ge=0.0, le=1.0)
    """How far colours go: 0 not at all, 1 all the way."""

    axes: Axes = "all"
    """What is moved: `all`, or in lab, oklab and ycbcr the `chroma` or the `lightness` alone."""

    smooth: float = Parameter(default=0.0, ge=0.0, le=1.0)
    """How far apart colours are that may move in different ways, in units of the working space: a smooth map brings out
    less of the noise and the coding of a clip, and arrives less exactly; see `color.transfer`."""

    ease: bool = False
    """Whether the way from one map to the next starts and ends slowly; else it is even."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Means and spreads: two maps; one; at said times."""
        from otframe_color.reinhard import Reinhard

        solver = Reinhard()
        return [
            cls(solver=solver, keyframes=2, frames=2),
            cls(solver=solver, keyframes=1, strength=0.5),
            cls(solver=solver, times=(0.0, 0.1), frames=1, ease=True),
        ]

    def __call__(self, clip: Clip, reference: ColorCloud, *, ctx: Context) -> ColorGrade:
        """Fit the look.

        Parameters
        ----------
        clip : Clip
            With the edits that it has. For more than one map its header must tell how long it is.
        reference : ColorCloud
            The palette wanted; its working space is that of the maps.
        ctx : Context
            Lent to the solver; colours are drawn from it.
        """
        times = self._times(clip)
        edges = [0.0, *times, clip.duration] if len(times) > 1 else [0.0, times[0], None]
        cloud = Cloud(space=reference.space, samples=self.samples)
        maps = []
        for number, (start, end) in enumerate(zip(edges, edges[2:], strict=False)):
            ctx.progress(number / len(times), f"map {number + 1} of {len(times)}")
            # the same draws for each map, so that they differ by what the clip shows and not by chance
            own = replace(ctx)
            end = end if end is None else max(end, start + 1e-3)
            source = collected(clip, cloud, own, frames=self.frames, start=start, end=end)
            source = _beside(source, reference)
            given = {"strength": self.strength, "smooth": self.smooth}
            maps.append(fitted(self.solver, source, reference, own, axes=self.axes, **given))
        return ColorGrade(tuple(maps), tuple(times), self.ease)

    def _times(self, clip: Clip) -> list[float]:
        if self.times is None and self.keyframes == 1:
            return [clip.duration / 2]
        if clip.duration <= 0:
            raise DataError(f"{clip.path} does not tell how long it is", hint="set `keyframes: 1`", port="clip")
        if self.times is None:
            return [(k + 0.5) * clip.duration / self.keyframes for k in range(self.keyframes)]
        times = list(self.times)
        if not times or any(b <= a for a, b in pairwise(times)) or times[0] < 0:
            raise ParameterError(f"`times` rise from 0 on, got {times}")
        if times[-1] > clip.duration:
            raise ParameterError(f"`times` reach to {times[-1]} s, the clip ends at {clip.duration:.3f} s")
        return times


class LookAt(Transform):
    """The colour map of a look at one time, for a table or a still."""

    references: ClassVar[tuple[str, ...]] = ()

    time: float = Parameter(default=0.0, ge=0.0)
    """Seconds from the first frame."""

    def __call__(self, look: ColorGrade) -> ColorMap:
        """The map."""
        return look.at(self.time)


def _beside(cloud: ColorCloud, other: ColorCloud) -> ColorCloud:
    """The cloud on the other's device."""
    device = other.points.device
    return replace(
        cloud, points=cloud.points.to(device), weights=None if cloud.weights is None else cloud.weights.to(device)
    )


def _size(size: int) -> int:
    if size == 1:
        raise ParameterError("a table has at least 2 nodes on each axis, got 1", hint="0 is for no table")
    return size
