"""Components that are wrong in one way each, and right in all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import ConfigDict

from otframe.errors import DataError
from otframe.interfaces import Accumulator, Context, Restorer, Solver, Transform, verb
from otframe.values import AffineMap, GaussianLaw, Image, PointCloud, Scalar, SolveInfo, Transport

# --- every component ------------------------------------------------------------------------------------------------


class Right(Transform):
    """Nothing is wrong with it."""

    factor: float = 2.0
    """How much brighter."""

    def __call__(self, image: Image) -> Image:
        """The brighter image."""
        return image.with_grid(image.pixels * self.factor)


class SaysSolver(Right):
    """Its entry says that it is a solver."""


class Untyped(Right):
    """Its result may be anything."""

    def __call__(self, image: Image) -> object:
        """The image."""
        return image


class Unmarked(Restorer):
    """A port has no hint."""

    def load(self, device, dtype):
        """Nothing."""

    @verb
    def restore(self, image, *, net=None) -> Image:
        """The image."""
        return image


class Undocumented(Right):
    """One parameter is not explained."""

    offset: float = 0.0


class Uncited(Right):
    """It cites [gelbrich1990formula]_ and does not list it."""


class NoExamples(Transform):
    """Its parameter has no default."""

    factor: float
    """How much brighter."""

    def __call__(self, image: Image) -> Image:
        """The brighter image."""
        return image.with_grid(image.pixels * self.factor)


class Tolerant(Right):
    """Takes any parameter."""

    model_config = ConfigDict(extra="allow")


class Raises(Right):
    """Does not run."""

    def __call__(self, image: Image) -> Image:
        """An error."""
        raise RuntimeError("no matrix")


class Liar(Right):
    """Gives something else than it promises."""

    def __call__(self, image: Image) -> Image:
        """A number."""
        if image.pixels.isnan().any():
            raise DataError("the pixels must be finite")
        return Scalar(0.5)  # type: ignore[return-value]


class Changes(Right):
    """Works in place."""

    def __call__(self, image: Image) -> Image:
        """The image itself."""
        image.pixels.mul_(self.factor)
        return image


class Unseeded(Right):
    """Draws from the global generator."""

    def __call__(self, image: Image) -> Image:
        """The noisy image."""
        return image.with_grid(image.pixels + torch.randn(image.pixels.shape).to(image.pixels))


class Forgets(Right):
    """Leaves the device."""

    def __call__(self, image: Image) -> Image:
        """The brighter image, on the CPU."""
        return image.with_grid(image.pixels.cpu() * self.factor)


class Mixes(Right):
    """Makes a tensor on the CPU, whatever came."""

    def __call__(self, image: Image) -> Image:
        """The brighter image."""
        return image.with_grid(image.pixels * torch.full(image.pixels.shape, self.factor))


class TakesNothing(Transform):
    """Divides by the number of images."""

    def __call__(self, images: Sequence[Image]) -> Scalar:
        """The mean of their means."""
        means = [float(image.pixels.mean()) for image in images]
        if any(mean != mean for mean in means):
            raise DataError("the pixels must be finite")
        return Scalar(sum(means) / len(means))


class Spreads(Right):
    """One NaN makes all NaN."""

    def __call__(self, image: Image) -> Image:
        """The image without its mean."""
        return image.with_grid(image.pixels - image.pixels.mean())


class Swallows(Right):
    """NaN becomes zero, and nobody knows."""

    def __call__(self, image: Image) -> Image:
        """The image."""
        return image.with_grid(image.pixels.nan_to_num())


class AnySizes(Transform):
    """Leaves it to torch to say that sizes differ."""

    def __call__(self, a: Image, b: Image) -> Image:
        """The sum."""
        return a.with_grid(a.pixels + b.pixels)


# --- solvers --------------------------------------------------------------------------------------------------------


def _check(source, target):
    if source.dim != target.dim:
        raise DataError(f"the source has dimension {source.dim}, the target {target.dim}")


class MeansOnly(Solver):
    """Moves the mean and forgets the covariance."""

    references = ("gelbrich1990formula",)

    def solve(self, source: GaussianLaw, target: GaussianLaw) -> AffineMap:
        """A translation."""
        _check(source, target)
        eye = torch.eye(source.dim, dtype=source.cov.dtype, device=source.cov.device)
        return AffineMap(0.0, SolveInfo(), eye, target.mean - source.mean)


@dataclass(frozen=True, eq=False)
class Moved(Transport):
    """`x -> scale x + offset`, offset (d,)."""

    scale: float
    offset: torch.Tensor

    def __call__(self, points):
        return points * self.scale + self.offset


class Shift(Solver):
    """A translation between clouds."""

    references = ("peyre2019computational",)
    promises: ClassVar[tuple[str, ...]] = ("identity", "translation")

    def solve(self, source: PointCloud, target: PointCloud) -> Transport:
        """The translation of the means."""
        _check(source, target)
        for cloud in (source, target):
            if not torch.isfinite(cloud.points).all():
                raise DataError("the points must be finite")
        offset = target.points.mean(0) - source.points.mean(0)
        return Moved(float(offset.square().sum()) * self.price(), SolveInfo(), self.scale(), offset)

    def scale(self) -> float:
        return 1.0

    def price(self) -> float:
        return 1.0


class Stretch(Shift):
    """Not the identity where it should be."""

    promises = ("identity",)

    def scale(self) -> float:
        return 1.1


class Cheap(Shift):
    """The cost is half of what it is."""

    promises = ("translation",)

    def price(self) -> float:
        return 0.5


class NotSorting(Shift):
    """Promises to match points in order."""

    promises = ("sorting",)


class NotAssigning(Shift):
    """Promises the exact assignment."""

    promises = ("assignment",)


class Magic(Shift):
    """Promises what nobody knows."""

    promises = ("magic",)


class NotApplicable(Shift):
    """Promises something about laws, and takes clouds."""

    promises = ("gaussian",)


class NotGaussian(Solver):
    """Carries law to law by Cholesky factors: a map with the right marginals that is not the optimal one."""

    references = ("gelbrich1990formula",)
    promises: ClassVar[tuple[str, ...]] = ("identity", "gaussian")

    def solve(self, source: GaussianLaw, target: GaussianLaw) -> AffineMap:
        """The triangular map."""
        _check(source, target)
        A = torch.linalg.cholesky(target.cov) @ torch.linalg.inv(torch.linalg.cholesky(source.cov))
        return AffineMap(0.0, SolveInfo(), A, target.mean - A @ source.mean)


class AnyDimensions(Solver):
    """Compares what it can of two laws."""

    references = ("gelbrich1990formula",)

    def solve(self, source: GaussianLaw, target: GaussianLaw) -> Transport:
        """The translation of the first coordinates."""
        d = min(source.dim, target.dim)
        return Moved(0.0, SolveInfo(), 1.0, target.mean[:d] - source.mean[:d])


# --- accumulators ---------------------------------------------------------------------------------------------------


class Mean(Accumulator):
    """The mean brightness."""

    def lift(self, image: Image) -> list[float]:
        """The brightness of one."""
        if image.pixels.isnan().any():
            raise DataError("the pixels must be finite")
        return [float(image.pixels.mean()), 1.0]

    def merge(self, a: list[float], b: list[float]) -> list[float]:
        """Both."""
        return [a[0] + b[0], a[1] + b[1]]

    def finish(self, s: list[float]) -> Scalar:
        """The mean."""
        return Scalar(s[0] / s[1])


class MeanOfMeans(Mean):
    """Merges by the mean of two, whatever they stand for."""

    def merge(self, a: list[float], b: list[float]) -> list[float]:
        """Their mean."""
        return [(a[0] + b[0]) / 2, 1.0]


class MergesInPlace(Mean):
    """Adds to its first argument."""

    def merge(self, a: list[float], b: list[float]) -> list[float]:
        """The first, changed."""
        a[0] += b[0]
        a[1] += b[1]
        return a


class FinishesInPlace(Mean):
    """Empties the state."""

    def finish(self, s: list[float]) -> Scalar:
        """The mean."""
        return Scalar(s.pop(0) / s.pop(0))


# --- transforms and models ------------------------------------------------------------------------------------------


class NotInverse(Right):
    """Promises that doubling undoes doubling."""

    promises = ("inverse:wrong.right",)


class LargeOnly(Restorer):
    """Refuses small images."""

    def load(self, device, dtype):
        """A number."""
        return 0.5

    @verb
    def restore(self, image: Image, *, net: float = 0.0) -> Image:
        """The darker image."""
        if min(image.size) < 8:
            raise DataError("the image is under 8 pixels")
        return image.with_grid(image.pixels * net)


class LosesAlpha(LargeOnly):
    """Forgets the alpha channel."""

    @verb
    def restore(self, image: Image, *, net: float = 0.0) -> Image:
        """The darker image."""
        return Image(image.pixels * net, None, image.space)


class LoadsItself(LargeOnly):
    """Loads at every call."""

    @verb
    def restore(self, image: Image, *, net: float = 0.0, ctx: Context | None = None) -> Image:
        """The darker image."""
        return image.with_grid(image.pixels * self.load(image.pixels.device, image.pixels.dtype))
