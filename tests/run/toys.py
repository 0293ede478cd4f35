"""Small components for the engine's tests. Calls are written to `LOG`, living images are counted in `LIVE`."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from otframe.errors import DataError
from otframe.interfaces import Accumulator, Context, Model, Solver, Stream, Transform, verb
from otframe.plugin import Entry, hookimpl
from otframe.values import Image, Scalar

LOG: list[tuple[Any, ...]] = []
LIVE: weakref.WeakSet[torch.Tensor] = weakref.WeakSet()
PEAK = [0]


def tracked(image: Image) -> Image:
    LIVE.add(image.pixels)
    PEAK[0] = max(PEAK[0], len(LIVE))
    return image


class Gain(Transform):
    factor: float = 2.0

    def __call__(self, image: Image) -> Image:
        LOG.append(("gain", self.factor))
        return tracked(image.with_grid(image.pixels * self.factor))


class Add(Transform):
    def __call__(self, a: Image, b: Image, weight: float = 1.0) -> Image:
        return tracked(a.with_grid(a.pixels + weight * b.pixels))


class Noise(Transform):
    def __call__(self, image: Image, *, ctx: Context) -> Image:
        noise = torch.randn(image.pixels.shape, generator=ctx.rng)
        return image.with_grid(image.pixels + noise)


class Mean(Accumulator):
    def lift(self, image: Image) -> tuple[float, int]:
        return float(image.pixels.mean()), 1

    def merge(self, a: tuple[float, int], b: tuple[float, int]) -> tuple[float, int]:
        return a[0] + b[0], a[1] + b[1]

    def finish(self, s: tuple[float, int]) -> Scalar:
        LOG.append(("finish", s[1]))
        return Scalar(s[0] / s[1])


class Order(Accumulator):
    def lift(self, image: Image, *, ctx: Context) -> str:
        return ctx.key

    def merge(self, a: str, b: str) -> str:
        return f"{a},{b}"

    def finish(self, s: str) -> Scalar:
        return Scalar(0.0, name=s)


class Broken(Transform):
    on: str = ""
    how: str = "typed"

    def __call__(self, image: Image, *, ctx: Context) -> Image:
        if ctx.key == self.on or not self.on:
            if self.how == "typed":
                raise DataError("this image is not liked", hint="give another")
            raise RuntimeError("boom")
        return image


class Liar(Transform):
    def __call__(self, image: Image) -> Image:
        return "not an image"  # type: ignore[return-value]


class Total(Transform):
    def __call__(self, parts: Sequence[Scalar]) -> Scalar:
        return Scalar(sum(float(part) for part in parts))


class Labels(Transform):
    def __call__(self, parts: Mapping[str, Scalar]) -> Scalar:
        return Scalar(sum(float(part) for part in parts.values()), name=",".join(parts))


class Epochs(Solver):
    epochs: int = 3

    def solve(self, images: Stream[Image], *, ctx: Context) -> Scalar:
        total, seen = 0.0, 0
        for epoch in range(self.epochs):
            for _, image in images:
                total, seen = total + float(image.pixels.mean()), seen + 1
            ctx.progress((epoch + 1) / self.epochs)
        return Scalar(total / seen, name=f"{len(images)}:{','.join(images.keys())}")


class Split(NamedTuple):
    low: Image
    high: Image


class Halves(Transform):
    def __call__(self, image: Image) -> Split:
        return Split(image.with_grid(image.pixels * 0.5), image.with_grid(image.pixels * 1.5))


class Doubler(Model):
    loads: ClassVar[list[str]] = []
    strength: float = 2.0

    def load(self, device: torch.device, dtype: torch.dtype) -> float:
        self.loads.append(f"{device}")
        return self.strength

    @verb
    def double(self, image: Image, *, net: float) -> Image:
        return image.with_grid(image.pixels * net)

    @verb
    def halve(self, image: Image, *, net: float) -> Image:
        return image.with_grid(image.pixels / net)


class Uses(Transform):
    def __call__(self, image: Image, model: Doubler, *, ctx: Context) -> Image:
        return ctx.call(model.halve, ctx.call(model.double, image))


class Wrapped(Transform):
    inner: Transform

    def __call__(self, image: Image, *, ctx: Context) -> Image:
        return ctx.call(self.inner.__call__, image)


_CLASSES = {
    "toy.gain": Gain, "toy.add": Add, "toy.noise": Noise, "toy.broken": Broken, "toy.liar": Liar, "toy.total": Total,
    "toy.labels": Labels, "toy.halves": Halves, "toy.uses": Uses, "toy.wrapped": Wrapped,
}  # fmt: skip


@hookimpl
def otframe_components() -> list[Entry]:
    module = "otframe_run_toys"
    found = [Entry(name, f"{module}:{cls.__name__}", "transform", "a toy") for name, cls in _CLASSES.items()]
    found += [Entry("toy.mean", f"{module}:Mean", "accumulator", "a toy")]
    found += [Entry("toy.order", f"{module}:Order", "accumulator", "a toy")]
    found += [Entry("toy.epochs", f"{module}:Epochs", "solver", "a toy")]
    return [*found, Entry("toy.doubler", f"{module}:Doubler", "model", "a toy")]
