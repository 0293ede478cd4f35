"""Small components that the tests of the graph wire up. They are the plugin `toys`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import torch
from pydantic import Field as Parameter
from pydantic import field_validator, model_validator

from otframe.interfaces import Accumulator, Context, Model, Solver, Stream, Transform, verb
from otframe.plugin import Entry, hookimpl
from otframe.values import (
    AffineMap,
    Draw,
    Field,
    GaussianLaw,
    Image,
    Latent,
    PatchSet,
    Scalar,
    SolveInfo,
    Table,
    Transport,
)

F = TypeVar("F", bound=Field)
G = TypeVar("G", Image, Latent)


class Unfold(Transform):
    size: int = Parameter(default=3, ge=1)
    """Side of a patch."""

    def __call__(self, field: F) -> PatchSet[F]:
        return PatchSet(field, self.size)


class Fold(Transform):
    def __call__(self, patches: PatchSet[F]) -> F:
        return patches.field


class Blend(Transform):
    def __call__(self, a: F, b: F, weight: Annotated[float, Parameter(ge=0)]) -> F:
        return a.with_grid(torch.lerp(a.grid, b.grid, float(weight)))


class Choose(Transform):
    def __call__(self, a: G, b: G) -> G:
        return a


class Statistics(Accumulator):
    def lift(self, patches: PatchSet[F]) -> int:
        return patches.count

    def merge(self, a: int, b: int) -> int:
        return a + b

    def finish(self, s: int) -> GaussianLaw:
        return GaussianLaw(torch.zeros(1, dtype=torch.float64), torch.eye(1, dtype=torch.float64), s)


class Gaussian(Solver):
    floor: float = Parameter(default=1e-10, gt=0)
    """Smallest eigenvalue."""
    mode: Literal["exact", "fast"] = "exact"

    def solve(self, source: GaussianLaw, target: GaussianLaw) -> AffineMap:
        eye = torch.eye(1, dtype=torch.float64)
        return AffineMap(0.0, SolveInfo(), eye, eye[0])


class Apply(Transform):
    def __call__(self, samples: PatchSet[F], transport: Transport) -> PatchSet[F]:
        return samples


class Transfer(Transform):
    """Holds solvers: required, optional, in a list, in a mapping, and one that may be a number."""

    solver: Solver
    """How to move."""
    other: Solver | None = None
    chain: list[Solver] = Parameter(default=[])
    named: dict[str, Solver] = Parameter(default={})
    rate: Solver | float = 1.0

    def __call__(self, image: Image) -> Image:
        return image


class Odd(Transform):
    size: int = 3
    low: float = 0.0
    high: float = 1.0
    layers: list[int] = Parameter(default=[])

    @field_validator("size")
    @classmethod
    def _odd(cls, size: int) -> int:
        if size % 2 == 0:
            raise ValueError("must be odd")
        return size

    @model_validator(mode="after")
    def _ordered(self) -> Odd:
        if self.low >= self.high:
            raise ValueError("low must be below high")
        return self

    def __call__(self, image: Image) -> Image:
        return image


class Inverse(Transform):
    def __call__(self, map: AffineMap) -> AffineMap:
        return map


class Noise(Transform):
    """Takes the context."""

    def __call__(self, draw: Draw, ctx: Context) -> Image:
        return Image(torch.randn(1, 4, 4, generator=ctx.rng))


class Mask(Transform):
    """Has optional ports, one without a default."""

    def __call__(self, image: Image, inside: Image | None, outside: Image | None = None) -> Image:
        return image


class Middle(Solver):
    def solve(self, measures: Sequence[GaussianLaw]) -> GaussianLaw:
        return measures[0]


class Mix(Solver):
    def solve(self, models: Mapping[str, GaussianLaw], weights: Mapping[str, float] | None = None) -> GaussianLaw:
        return next(iter(models.values()))


class Train(Transform):
    epochs: int = 1

    def __call__(self, images: Stream[Image], start: Image | None = None) -> Vae:
        return Vae()


class Pair(NamedTuple):
    flow: AffineMap
    law: GaussianLaw


class Split(Solver):
    """Gives several values."""

    def solve(self, source: GaussianLaw, target: GaussianLaw) -> Pair:
        raise NotImplementedError


class Score(Transform):
    def __call__(self, image: Image) -> Scalar:
        return Scalar(0.5)


class Rows(Accumulator):
    columns: tuple[str, ...] = ("name", "score")

    def lift(self, image: Image, reference: Image | None = None) -> list[float]:
        return [0.0]

    def merge(self, a: list[float], b: list[float]) -> list[float]:
        return a + b

    def finish(self, s: list[float]) -> Table:
        return Table(self.columns, ())


class White(Transform):
    """Takes no port."""

    def __call__(self) -> Image:
        return Image(torch.ones(1, 2, 2))


class _Net(Model):
    def load(self, device: torch.device, dtype: torch.dtype) -> Any:
        raise AssertionError("weights were loaded while checking")


class Vae(_Net):
    channels: int = 4

    @verb
    def encode(self, image: Image, net: Any) -> Latent:
        raise NotImplementedError

    @verb
    def decode(self, latent: Latent, net: Any, tile: int = 0) -> Image:
        raise NotImplementedError


class Restore(_Net):
    strength: float = 1.0

    @verb
    def restore(self, image: Image, net: Any) -> Image:
        raise NotImplementedError


class Residual(Transform):
    def __call__(self, image: Image, model: Vae) -> Image:
        return image


def _entry(name: str, cls: type, kind: Any) -> Entry:
    return Entry(name, f"{__name__}:{cls.__name__}", kind, f"the toy {name}")


@hookimpl
def otframe_components() -> list[Entry]:
    return [
        _entry("toy.unfold", Unfold, "transform"),
        _entry("toy.fold", Fold, "transform"),
        _entry("toy.blend", Blend, "transform"),
        _entry("toy.choose", Choose, "transform"),
        _entry("toy.statistics", Statistics, "accumulator"),
        _entry("toy.gaussian", Gaussian, "solver"),
        _entry("toy.apply", Apply, "transform"),
        _entry("toy.transfer", Transfer, "transform"),
        _entry("toy.odd", Odd, "transform"),
        _entry("toy.inverse", Inverse, "transform"),
        _entry("toy.noise", Noise, "transform"),
        _entry("toy.mask", Mask, "transform"),
        _entry("toy.middle", Middle, "solver"),
        _entry("toy.mix", Mix, "solver"),
        _entry("toy.train", Train, "transform"),
        _entry("toy.split", Split, "solver"),
        _entry("toy.score", Score, "transform"),
        _entry("toy.rows", Rows, "accumulator"),
        _entry("toy.white", White, "transform"),
        _entry("toy.vae", Vae, "model"),
        _entry("toy.restorer", Restore, "model"),
        _entry("toy.residual", Residual, "transform"),
        Entry("toy.number", "math:pi", "transform", "no component at all"),
        Entry("toy.gone", f"{__name__}:Gone", "transform", "its class is not there"),
    ]
