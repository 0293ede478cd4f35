"""Small components for the engine's tests. Calls are written to `LOG`, living images are counted in `LIVE`."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch

from otframe.errors import DataError
from otframe.interfaces import Accumulator, Context, Model, Solver, Stream, Transform, verb
from otframe.plugin import Entry, hookimpl
from otframe.values import Image, Scalar, Table

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


class Scale(Transform):
    def __call__(self, factor: Scalar, image: Image) -> Image:
        return image.with_grid(image.pixels * float(factor))


class Noise(Transform):
    def __call__(self, image: Image, *, ctx: Context) -> Image:
        noise = torch.randn(image.pixels.shape, generator=ctx.rng)
        return image.with_grid(image.pixels + noise)


class Meet(Transform):
    """Waits for a second item to be there too: it ends only where two run at once."""

    gate: ClassVar[threading.Barrier] = threading.Barrier(2, timeout=20)

    def __call__(self, image: Image, *, ctx: Context) -> Image:
        self.gate.wait()
        ctx.progress(1.0)
        return image


class Mean(Accumulator):
    def lift(self, image: Image) -> tuple[float, int]:
        return float(image.pixels.mean()), 1

    def merge(self, a: tuple[float, int], b: tuple[float, int]) -> tuple[float, int]:
        return a[0] + b[0], a[1] + b[1]

    def finish(self, s: tuple[float, int]) -> Scalar:
        LOG.append(("finish", s[1]))
        return Scalar(s[0] / s[1])


class Weighed(Accumulator):
    def lift(self, image: Image, weight: Image | None = None) -> tuple[float, float]:
        weights = torch.ones_like(image.pixels) if weight is None else weight.pixels
        return float((image.pixels * weights).sum()), float(weights.sum())

    def merge(self, a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
        return a[0] + b[0], a[1] + b[1]

    def finish(self, s: tuple[float, float]) -> Scalar:
        return Scalar(s[0] / s[1])


class Count(Accumulator):
    def lift(self, image: Image) -> int:
        return 1

    def merge(self, a: int, b: int) -> int:
        return a + b

    def finish(self, s: int) -> Table:
        return Table(("what", "number"), (("items", s),))


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


class Again(Transform):
    def __call__(self, table: Table) -> Table:
        return table


class Beside(Transform):
    """Adds the mean of all other images, which are walked lazily."""

    def __call__(self, image: Image, others: Stream[Image]) -> Image:
        total = sum(float(other.pixels.mean()) for _, other in others)
        return image.with_grid(image.pixels + total / len(others))


class BesideList(Transform):
    """The same with a gathered list."""

    def __call__(self, image: Image, others: Sequence[Image]) -> Image:
        total = sum(float(other.pixels.mean()) for other in others)
        return image.with_grid(image.pixels + total / len(others))


class Shifted(Accumulator):
    """The mean of the images, plus a single value, plus the sum of gathered ones."""

    def lift(self, image: Image, shift: Scalar, parts: Sequence[Scalar]) -> tuple[float, int]:
        return float(image.pixels.mean()) + float(shift) + sum(float(part) for part in parts), 1

    def merge(self, a: tuple[float, int], b: tuple[float, int]) -> tuple[float, int]:
        return a[0] + b[0], a[1] + b[1]

    def finish(self, s: tuple[float, int]) -> Scalar:
        return Scalar(s[0] / s[1])


class Fails(Accumulator):
    """Fails in one of its three parts."""

    at: str

    def lift(self, image: Image) -> float:
        return self._go("lift")

    def merge(self, a: float, b: float) -> float:
        return self._go("merge")

    def finish(self, s: float) -> Scalar:
        return Scalar(self._go("finish"))

    def _go(self, part: str) -> float:
        if part == self.at:
            raise ValueError(f"no {part}")
        return 1.0


class Greedy(Transform):
    """Asks for more memory than there is."""

    how: str = "torch"

    def __call__(self, image: Image) -> Image:
        if self.how == "python":
            raise MemoryError
        return image.with_grid(torch.empty(3, 10**8, 10**8) if self.how == "torch" else _huge())


def _huge() -> torch.Tensor:
    return torch.from_numpy(np.empty((3, 10**8, 10**8)))


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
    "toy.gain": Gain, "toy.add": Add, "toy.scale": Scale, "toy.noise": Noise, "toy.meet": Meet,
    "toy.broken": Broken, "toy.liar": Liar, "toy.total": Total,
    "toy.labels": Labels, "toy.halves": Halves, "toy.uses": Uses, "toy.wrapped": Wrapped, "toy.beside": Beside,
    "toy.beside_list": BesideList, "toy.greedy": Greedy, "toy.again": Again,
}  # fmt: skip


@hookimpl
def otframe_components() -> list[Entry]:
    module = "otframe_run_toys"
    found = [Entry(name, f"{module}:{cls.__name__}", "transform", "a toy") for name, cls in _CLASSES.items()]
    found += [Entry("toy.mean", f"{module}:Mean", "accumulator", "a toy")]
    found += [Entry(f"toy.{name.lower()}", f"{module}:{name}", "accumulator", "a toy") for name in ("Shifted", "Fails")]
    found += [Entry("toy.weighed", f"{module}:Weighed", "accumulator", "a toy")]
    found += [Entry("toy.count", f"{module}:Count", "accumulator", "a toy")]
    found += [Entry("toy.order", f"{module}:Order", "accumulator", "a toy")]
    found += [Entry("toy.epochs", f"{module}:Epochs", "solver", "a toy")]
    return [*found, Entry("toy.doubler", f"{module}:Doubler", "model", "a toy")]
