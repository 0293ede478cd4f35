"""What every solver must do: an affine map carries the source law to the target law."""

from __future__ import annotations

from collections.abc import Callable

import torch

from otframe.interfaces import Solver
from otframe.testing.checks.problems import as_law
from otframe.testing.snapshot import difference
from otframe.testing.subject import Subject
from otframe.testing.truths import pushed
from otframe.testing.violation import Violation
from otframe.values import AffineMap, GaussianLaw, PointCloud

__all__ = ["TOLERANCE", "marginals"]

TOLERANCE = 1e-6

_PARTS: dict[str, Callable[[GaussianLaw], torch.Tensor]] = {
    "mean": lambda law: law.mean,
    "cov": lambda law: law.cov,
    "variances": lambda law: law.cov.diagonal(),
}


def marginals(subject: Subject) -> None:
    """Where an affine map comes of two measures, it carries of the first to the second what the solver says.

    Other transports are held to their promised truths alone.
    """
    for trial in subject.trials():
        inputs = trial.inputs()
        given = [value for value in inputs[0].values() if isinstance(value, GaussianLaw | PointCloud)]
        if len(given) != 2 or not isinstance(trial.component, Solver):
            continue
        made = trial.attempt(inputs)
        if not isinstance(made, AffineMap):
            continue
        source, target = (as_law(measure) for measure in given)
        if made.dim != source.dim:
            raise Violation(f"{subject.name}: it gives a map in {made.dim} dimensions for laws in {source.dim}")
        moved = pushed(source, made.A, made.b, made.noise_cov)
        for name in trial.component.carries:
            told = difference(_PARTS[name](moved), _PARTS[name](target).to(moved.mean), rtol=TOLERANCE, path=name)
            if told:
                raise Violation(f"{subject.name}: its map does not carry the source to the target: {told}")
