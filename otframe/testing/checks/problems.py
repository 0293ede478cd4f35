"""What a solver is asked: two measures, or several, and how what it gives is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from otframe.interfaces import Solver
from otframe.testing.arguments import ITEMS, gathered
from otframe.testing.samples import cloud, law
from otframe.testing.subject import Subject, Trial
from otframe.values import AffineMap, GaussianLaw, PointCloud

__all__ = ["Measure", "Problem", "as_law", "problems"]

Measure = GaussianLaw | PointCloud


@dataclass(frozen=True)
class Problem:
    """A solver with the kind of measure that it takes: on two ports, or many on one."""

    trial: Trial
    kind: type[Measure]
    ports: tuple[str, ...]
    """Two ports, source and target, or one that gathers."""

    @property
    def pair(self) -> bool:
        """Whether there are a source and a target."""
        return len(self.ports) == 2

    def measure(self, seed: int, dim: int = 4, n: int = 30) -> Measure:
        """A measure in a few dimensions."""
        return law(seed, dim) if self.kind is GaussianLaw else cloud(seed, n, dim)

    def solve(self, *measures: Measure) -> Any:
        """What the solver gives for these measures; its errors pass."""
        arguments = self.trial.inputs()[0]
        if self.pair:
            arguments.update(zip(self.ports, measures, strict=True))
        else:
            port = self.trial.plan.ports[self.ports[0]]
            arguments[self.ports[0]] = gathered(port, dict(zip(ITEMS, measures, strict=False)))
        return self.trial.run([arguments])


def problems(subject: Subject) -> Iterator[Problem]:
    """The problems that the first example of a solver can be asked: truths are promised for it."""
    for trial in subject.trials():
        if trial.component is not subject.examples[0] or not isinstance(trial.component, Solver):
            continue
        for kind in (GaussianLaw, PointCloud):
            found = [
                (name, trial.plan.ports[name].gather)
                for name, sample in trial.plan.chosen.items()
                if sample.hint is kind and "weights" not in sample.name
            ]
            if len(found) == 2 and all(gather == "one" for _, gather in found):
                yield Problem(trial, kind, tuple(name for name, _ in found))
            elif len(found) == 1 and found[0][1] != "one":
                yield Problem(trial, kind, (found[0][0],))


def as_law(measure: Measure) -> GaussianLaw:
    """Mean and covariance of a measure."""
    if isinstance(measure, GaussianLaw):
        return measure
    found = measure.moments()
    return GaussianLaw(found.mean, found.scatter / found.freedom)


def points_of(measure: Measure, n: int = 20) -> torch.Tensor:
    """Points `(n, d)` where the measure has mass."""
    if isinstance(measure, PointCloud):
        return measure.points
    white = torch.randn(n, measure.dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    spread: torch.Tensor = white @ torch.linalg.cholesky(measure.cov).T
    return measure.mean + spread


def mover(transport: Any) -> Callable[[torch.Tensor], torch.Tensor] | None:
    """The transport as a map of points, if it is one."""
    if isinstance(transport, AffineMap):
        return transport
    return transport if callable(transport) else None
