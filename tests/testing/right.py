"""Components that are right, with ports of every shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, NamedTuple, TypeVar

import torch
from pydantic import Field as Parameter
from scipy.optimize import linear_sum_assignment

from otframe.errors import DataError
from otframe.interfaces import Accumulator, Autoencoder, Component, Context, Solver, Stream, Transform
from otframe.testing.models import BlurRestorer, CellAutoencoder
from otframe.values import Draw, Field, GaussianLaw, Image, PatchSet, PointCloud, Scalar, SolveInfo, Transport

F = TypeVar("F", bound=Field)
S = TypeVar("S", bound=PatchSet[Field] | PointCloud)


class Cells(CellAutoencoder):
    """The kit's own autoencoder."""


class Blur(BlurRestorer):
    """The kit's own restorer."""


class Parts(NamedTuple):
    low: Image
    high: Image


class Halves(Transform):
    """Gives two images."""

    def __call__(self, image: Image) -> Parts:
        """Darker and brighter."""
        return Parts(image.with_grid(image.pixels * 0.5), image.with_grid(image.pixels * 1.5))


def _mean(images):
    means = [float(image.pixels.mean()) for image in images]
    if not means or any(mean != mean for mean in means):
        raise DataError("wanted at least one image, all finite")
    return Scalar(sum(means) / len(means))


class Streamed(Transform):
    """Walks a stream."""

    def __call__(self, images: Stream[Image]) -> Scalar:
        """The mean brightness."""
        return _mean([image for _, image in images])


class Labelled(Transform):
    """Takes images by label, and their weights."""

    def __call__(self, images: Mapping[str, Image], weights: Mapping[str, float] | None = None) -> Scalar:
        """The mean brightness."""
        return _mean(images.values())


class Masked(Transform):
    """Has an optional port without a default, and one with."""

    def __call__(self, image: Image, inside: Image | None, outside: Image | None = None) -> Image:
        """The image itself."""
        return image


class Plain(Transform):
    """Has plain ports with limits."""

    def __call__(
        self, image: Image, gain: Annotated[float, Parameter(ge=2)], mode: Literal["on", "off"], size: tuple[int, int]
    ) -> Image:
        """The image, brighter where it is on."""
        return image.with_grid(image.pixels * gain) if mode == "on" else image


class Generic(Transform):
    """Two fields of one kind."""

    def __call__(self, a: F, b: F) -> F:
        """The first, brighter."""
        if a.grid.shape != b.grid.shape:
            raise DataError(f"wanted one shape, got {tuple(a.grid.shape)} and {tuple(b.grid.shape)}")
        return a.with_grid(a.grid + b.grid)


class Either(Transform):
    """Patches or points."""

    def __call__(self, samples: S) -> S:
        """What came."""
        return samples


class White(Transform):
    """Draws from its context alone."""

    def __call__(self, draw: Draw, *, ctx: Context) -> Image:
        """Noise."""
        return Image(torch.rand(1, 4, 4, generator=ctx.rng).to(ctx.device))


class Constant(Transform):
    """Takes nothing."""

    def __call__(self) -> Image:
        """White."""
        return Image(torch.ones(1, 2, 2))


class Uses(Transform):
    """Takes a model on a port."""

    def __call__(self, image: Image, model: Autoencoder, *, ctx: Context) -> Image:
        """There and back."""
        return ctx.call(model.decode, ctx.call(model.encode, image))


class Names(Accumulator):
    """Looks at keys alone."""

    def lift(self, image: Image, *, ctx: Context) -> tuple[str, ...]:
        """The key."""
        return (ctx.key,)

    def merge(self, a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
        """Both."""
        return a + b

    def finish(self, s: tuple[str, ...]) -> Scalar:
        """How many."""
        return Scalar(float(len(s)), ",".join(s))


class Wrapped(Transform):
    """Holds a component."""

    inner: Transform
    """What is done."""

    @classmethod
    def examples(cls) -> list[Component]:
        """With one of them inside."""
        return [cls(inner=Halves())]

    def __call__(self, image: Image, *, ctx: Context) -> Image:
        """The brighter half."""
        return ctx.call(self.inner.__call__, image).high


class Rough(Solver):
    """Right to one part in a thousand."""

    references = ("peyre2019computational",)
    promises: ClassVar[tuple[str, ...]] = ("translation~1e-2", "identity~1e-2")

    def solve(self, laws: Sequence[GaussianLaw]) -> GaussianLaw:
        """About the law of the mean of their means, with the first covariance."""
        if not laws or len({law.dim for law in laws}) > 1:
            raise DataError("wanted laws of one dimension")
        mean = torch.stack([law.mean for law in laws]).mean(0)
        return GaussianLaw(mean * 1.001, laws[0].cov)


@dataclass(frozen=True, eq=False)
class Matching(Transport):
    """The points `(n, d)` that those of the source, in their order, go to."""

    matched: torch.Tensor

    def __call__(self, points):
        return self.matched


class Exact(Solver):
    """The exact assignment of as many points."""

    references = ("peyre2019computational",)
    promises: ClassVar[tuple[str, ...]] = ("identity", "translation", "sorting", "assignment")

    def solve(self, source: PointCloud, target: PointCloud) -> Transport:
        """The permutation of least cost."""
        if source.points.shape != target.points.shape or not torch.isfinite(source.points + target.points).all():
            raise DataError("wanted as many points of one dimension, all finite")
        cost = torch.cdist(source.points, target.points).square().cpu()
        rows, columns = linear_sum_assignment(cost.numpy())
        order = torch.from_numpy(columns).to(target.points.device)
        return Matching(float(cost[rows, columns].mean()), SolveInfo(), target.points[order])
