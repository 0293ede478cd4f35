"""Small examples of every value that a port may want, made from a seed.

All fit together: images are 3 x 16 x 13, latents are theirs under 2 x 2 cells, patches have side 2, and points, laws
and maps live in the same `DIM = 12` dimensions as the patches. A plugin adds examples of its own types through the hook
`otframe_samples`, as functions of a seed:

>>> Entry("Density", "otframe_x.samples:density", "sample", "a density on 8 x 8 cells")   # def density(seed) -> Density
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch

from otframe.errors import OtframeError
from otframe.interfaces import Autoencoder, Restorer
from otframe.registry import Registry
from otframe.testing.models import STRIDE, BlurRestorer, CellAutoencoder
from otframe.testing.violation import Violation
from otframe.values import (
    AffineMap,
    Density,
    Draw,
    GaussianLaw,
    Image,
    Latent,
    PatchSet,
    Plan,
    PointCloud,
    PointMap,
    Scalar,
    SolveInfo,
    Table,
)

__all__ = [
    "CORE",
    "DIM",
    "PATCH",
    "SIZE",
    "Sample",
    "cloud",
    "density",
    "generator",
    "image",
    "latent",
    "law",
    "samples",
]

SIZE = (16, 13)
PATCH = 2
DIM = 3 * PATCH**2


@dataclass(frozen=True)
class Sample:
    """Examples of one type: `make(seed)` gives a new one, the same for the same seed."""

    name: str
    hint: Any
    make: Callable[[int], Any]


def generator(seed: int) -> torch.Generator:
    """A generator of the seed's own."""
    return torch.Generator().manual_seed(seed + 1)


def image(seed: int, *, channels: int = 3, size: tuple[int, int] = SIZE, alpha: bool = True) -> Image:
    """An image `(C, H, W)` in [0.1, 0.9], smooth with some noise; 1 channel is grey."""
    random = generator(seed)
    height, width = size
    slope = torch.rand(channels, 1, 1, generator=random) * torch.linspace(0, 1, width)
    pixels = 0.1 + 0.4 * slope + 0.4 * torch.rand(channels, height, width, generator=random)
    straight = torch.rand(height, width, generator=random) if alpha else None
    meta = MappingProxyType({"stem": f"sample-{seed}", "depth": "float"})
    return Image(pixels, straight, "gray" if channels == 1 else "srgb", meta)


def latent(seed: int) -> Latent:
    """What `CellAutoencoder` makes of the image of the seed."""
    return CellAutoencoder().encode(image(seed), net=STRIDE)


def law(seed: int, dim: int = DIM) -> GaussianLaw:
    """A regular law with eigenvalues from 0.25 to 4."""
    random = generator(seed)
    basis = torch.linalg.qr(torch.randn(dim, dim, generator=random, dtype=torch.float64))[0]
    values = 4.0 ** (2 * torch.rand(dim, generator=random, dtype=torch.float64) - 1)
    cov = (basis * values) @ basis.T
    return GaussianLaw(torch.randn(dim, generator=random, dtype=torch.float64), (cov + cov.T) / 2, 1000)


def cloud(seed: int, n: int = 40, dim: int = DIM) -> PointCloud:
    """Points `(n, d)`, uniformly weighted."""
    random = generator(seed)
    return PointCloud(torch.randn(n, dim, generator=random, dtype=torch.float64) + seed % 7)


def _weighted(seed: int) -> PointCloud:
    points = cloud(seed).points
    weights = torch.rand(len(points), generator=generator(seed), dtype=torch.float64) + 0.1
    return PointCloud(points, weights / weights.sum())


def density(seed: int, shape: tuple[int, ...] = (16, 13)) -> Density:
    """Two bumps on a grid, everywhere positive."""
    random = generator(seed)
    grid = torch.stack(
        torch.meshgrid(*(torch.linspace(0, 1, n, dtype=torch.float64) for n in shape), indexing="ij"), -1
    )
    centres = 0.2 + 0.6 * torch.rand(2, len(shape), generator=random, dtype=torch.float64)
    bumps = [torch.exp(-20 * (grid - centre).square().sum(-1)) for centre in centres]
    return Density(bumps[0] + bumps[1] + 0.01)


def _plan(seed: int) -> Plan:
    order = torch.randperm(40, generator=generator(seed))
    return Plan(
        1.0, SolveInfo(), torch.arange(40), order, torch.full((40,), 1 / 40).double(), cloud(seed), cloud(seed + 1)
    )


def _moved(seed: int) -> PointMap:
    return PointMap(1.0, SolveInfo(), cloud(seed).points, cloud(seed + 1).points)


def _affine(seed: int) -> AffineMap:
    return AffineMap(1.0, SolveInfo(), law(seed).cov, law(seed).mean)


def _stochastic(seed: int) -> AffineMap:
    return AffineMap(1.0, SolveInfo(), law(seed).cov, law(seed).mean, law(seed + 1).cov)


def _table(seed: int) -> Table:
    rows = tuple((name, 0.1 * k + seed, k) for k, name in enumerate(("a", "b", "all")))
    return Table(("image", "score", "rank"), rows, f"Table {seed}", ("", "higher", "lower"))


CORE: tuple[Sample, ...] = (
    Sample("Image", Image, image),
    Sample("Latent", Latent, latent),
    Sample("PatchSet of an Image", PatchSet[Image], lambda seed: PatchSet(image(seed), PATCH)),
    Sample("PatchSet of a Latent", PatchSet[Latent], lambda seed: PatchSet(latent(seed), PATCH)),
    Sample("PointCloud", PointCloud, cloud),
    Sample("PointCloud with weights", PointCloud, _weighted),
    Sample("Density", Density, density),
    Sample("GaussianLaw", GaussianLaw, law),
    Sample("AffineMap", AffineMap, _affine),
    Sample("AffineMap with noise", AffineMap, _stochastic),
    Sample("Plan", Plan, _plan),
    Sample("PointMap", PointMap, _moved),
    Sample("Table", Table, _table),
    Sample("Scalar", Scalar, lambda seed: Scalar(0.25 + 0.01 * seed, "share")),
    Sample("Draw", Draw, Draw),
    Sample("SolveInfo", SolveInfo, lambda seed: SolveInfo(seed + 1, True, 1e-9)),
    Sample("an Autoencoder", Autoencoder, lambda seed: CellAutoencoder()),
    Sample("a Restorer", Restorer, lambda seed: BlurRestorer()),
)


def samples(registry: Registry) -> tuple[Sample, ...]:
    """The samples of the core and those that the registry's plugins offer."""
    return (*CORE, *(_offered(entry.name, plugin, registry) for entry, plugin in registry.entries("sample")))


def _offered(name: str, plugin: str, registry: Registry) -> Sample:
    try:
        make = registry.load(name, "sample")
        made = make(0)
    except OtframeError as error:
        raise Violation(f"sample '{name}' of plugin '{plugin}' cannot be made: {error.message}") from error
    except Exception as error:
        raise Violation(
            f"sample '{name}' of plugin '{plugin}' must be a function of a seed that gives a value; "
            f"called with 0 it raised {type(error).__name__}: {error}"
        ) from error
    return Sample(name, type(made), make)
