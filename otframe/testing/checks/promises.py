"""The truths that a component promises: the names in `TRUTHS`, and `inverse:NAME`.

A promise holds for the first example. `translation~1e-3` allows a relative error of 1e-3 instead of 1e-6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from otframe.errors import OtframeError
from otframe.ports import signature, verbs
from otframe.testing import truths
from otframe.testing.checks.problems import Measure, Problem, mover, points_of, problems
from otframe.testing.snapshot import difference, snapshot
from otframe.testing.subject import Subject, Trial, Untested
from otframe.testing.violation import Violation
from otframe.values import AffineMap, GaussianLaw, PointCloud

__all__ = ["TRUTHS", "kept"]

_TOLERANCE = 1e-6


def kept(text: str, subject: Subject) -> None:
    """One promise of a component, as its `promises` write it."""
    name, _, tolerance = text.partition("~")
    name, _, argument = name.partition(":")
    try:
        rtol = float(tolerance or _TOLERANCE)
    except ValueError:
        raise Violation(f"{subject.name}: promise '{text}': '{tolerance}' is no tolerance; write {name}~1e-3") from None
    if name == "inverse":
        return _inverse(subject, argument, rtol)
    if name not in TRUTHS:
        known = ", ".join((*TRUTHS, "inverse:NAME"))
        raise Violation(f"{subject.name}: it promises '{text}', which is no truth; there are {known}")
    asked = list(problems(subject))
    answered = [done for problem in asked if (done := _hold(name, problem, rtol))]
    if not answered:
        raise Violation(f"{subject.name}: it promises '{name}', which says nothing about what its ports take")
    return None


def _hold(name: str, problem: Problem, rtol: float) -> bool:
    try:
        return TRUTHS[name](problem, rtol)
    except Violation:
        raise
    except Exception as error:
        raise Violation(
            f"{problem.trial.subject.name}: {name}: solve raised {type(error).__name__}: {error}"
        ) from error


def _identity(problem: Problem, rtol: float) -> bool:
    """A measure is carried to itself by the identity at no cost; the barycentre of one measure's copies is it."""
    measure = problem.measure(5)
    if problem.pair:
        made = problem.solve(measure, problem.measure(5))
        _expect(problem, "identity", made, measure, lambda points: points, 0.0, rtol)
    else:
        made = problem.solve(measure, problem.measure(5), problem.measure(5))
        _same(problem, "identity", made, measure, rtol)
    return True


def _translation(problem: Problem, rtol: float) -> bool:
    """A measure is carried to its translate by the translation, at cost `|v|^2`."""
    measure = problem.measure(5)
    by = torch.tensor([3.0, -1.0, 0.5, 2.0], dtype=torch.float64)
    moved = truths.shifted(measure, by)
    if problem.pair:
        made = problem.solve(measure, moved)
        _expect(problem, "translation", made, measure, lambda points: points + by, float(by.square().sum()), rtol)
    else:
        made = problem.solve(measure, moved, truths.shifted(measure, -2 * by))
        _same(problem, "translation", made, truths.shifted(measure, -by / 3), rtol)
    return True


def _gaussian(problem: Problem, rtol: float) -> bool:
    """The closed form of Gaussian laws: map and cost of two, barycentre of those that commute."""
    if problem.kind is not GaussianLaw:
        return False
    if problem.pair:
        source, target = problem.measure(5), problem.measure(6)
        A, b = truths.gaussian_map(source, target)  # type: ignore[arg-type]
        cost = truths.gaussian_cost(source, target)  # type: ignore[arg-type]
        made = problem.solve(source, target)
        _expect(problem, "gaussian", made, source, lambda points: points @ A.T + b, cost, rtol)
        return True
    laws: list[GaussianLaw] = []
    random = torch.Generator().manual_seed(0)
    for k in range(3):
        variances = torch.rand(4, generator=random, dtype=torch.float64) + 0.1
        laws.append(GaussianLaw(problem.measure(k).mean, torch.diag(variances)))  # type: ignore[union-attr]
    _same(problem, "gaussian", problem.solve(*laws), truths.barycenter_of_commuting(laws), rtol)
    return True


def _sorting(problem: Problem, rtol: float) -> bool:
    """Points on a line are matched in order."""
    if problem.kind is not PointCloud or not problem.pair:
        return False
    source, target = problem.measure(5, dim=1), problem.measure(6, dim=1)
    assert isinstance(source, PointCloud)
    assert isinstance(target, PointCloud)
    x, y = source.points[:, 0], target.points[:, 0]
    matched = torch.empty_like(y)
    matched[x.argsort()] = y.sort().values
    cost = truths.sorted_cost(x, y)
    _expect(problem, "sorting", problem.solve(source, target), source, lambda points: matched[:, None], cost, rtol)
    return True


def _assignment(problem: Problem, rtol: float) -> bool:
    """As many uniform points are matched by the exact assignment of least cost."""
    if problem.kind is not PointCloud or not problem.pair:
        return False
    source, target = problem.measure(5), problem.measure(6)
    assert isinstance(source, PointCloud)
    assert isinstance(target, PointCloud)
    order, cost = truths.assignment(source, target)
    matched = target.points[torch.from_numpy(order)]
    _expect(problem, "assignment", problem.solve(source, target), source, lambda points: matched, cost, rtol)
    return True


def _permutation(problem: Problem, rtol: float) -> bool:
    """Points in another order are the same measure: nothing moves."""
    source = problem.measure(5)
    if not isinstance(source, PointCloud) or not problem.pair:
        return False
    made = problem.solve(source, truths.permuted(source))
    _expect(problem, "permutation", made, source, lambda points: points, 0.0, rtol)
    return True


def _symmetry(problem: Problem, rtol: float) -> bool:
    """The way back costs as much as the way there."""
    if not problem.pair:
        return False
    source, target = problem.measure(5), problem.measure(6)
    _costs(problem, "symmetry", problem.solve(target, source), float(problem.solve(source, target).cost), rtol)
    return True


def _scaling(problem: Problem, rtol: float) -> bool:
    """In units a third as large all numbers are three times as large, and the cost nine times."""
    if not problem.pair:
        return False
    source, target = problem.measure(5), problem.measure(6)
    plain = problem.solve(source, target)
    made = problem.solve(truths.scaled(source, 3.0), truths.scaled(target, 3.0))
    move = mover(plain) or (lambda points: points)
    _expect(
        problem, "scaling", made, truths.scaled(source, 3.0), lambda points: 3 * move(points / 3), 9 * plain.cost, rtol
    )
    return True


def _dirac(problem: Problem, rtol: float) -> bool:
    """All mass goes to the one point there is, and comes from it."""
    source, at = problem.measure(5), problem.measure(6, n=1)
    if not isinstance(source, PointCloud) or not isinstance(at, PointCloud) or not problem.pair:
        return False
    cost = truths.dirac_cost(source, at.points[0])
    _expect(problem, "dirac", problem.solve(source, at), source, lambda points: at.points.expand_as(points), cost, rtol)
    _costs(problem, "dirac", problem.solve(at, source), cost, rtol)
    return True


def _gradient(problem: Problem, rtol: float) -> bool:
    """Points are carried to their images under the gradient of a convex function by that gradient."""
    source = problem.measure(5)
    if not isinstance(source, PointCloud) or not problem.pair:
        return False
    images = truths.convex_gradient(source.points)
    cost = float((images - source.points).square().sum(1).mean())
    made = problem.solve(source, truths.permuted(PointCloud(images)))
    _expect(problem, "gradient", made, source, lambda points: images, cost, rtol)
    return True


def _quantiles(problem: Problem, rtol: float) -> bool:
    """The mass of weighted points on a line goes in their order."""
    source, target = problem.measure(5, dim=1), problem.measure(6, dim=1, n=20)
    if not isinstance(source, PointCloud) or not isinstance(target, PointCloud) or not problem.pair:
        return False
    weights = torch.rand(source.count, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    source = PointCloud(source.points, weights / weights.sum())
    _costs(problem, "quantiles", problem.solve(source, target), truths.quantile_cost(source, target), rtol)
    return True


TRUTHS: dict[str, Callable[[Problem, float], bool]] = {
    "identity": _identity,
    "translation": _translation,
    "gaussian": _gaussian,
    "sorting": _sorting,
    "assignment": _assignment,
    "permutation": _permutation,
    "symmetry": _symmetry,
    "scaling": _scaling,
    "dirac": _dirac,
    "gradient": _gradient,
    "quantiles": _quantiles,
}


def _expect(
    problem: Problem,
    truth: str,
    made: Any,
    source: Measure,
    map: Callable[[torch.Tensor], torch.Tensor],
    cost: float,
    rtol: float,
) -> None:
    """The transport's map, where it is one, and its cost."""
    name = problem.trial.subject.name
    points = points_of(source)
    move = mover(made)
    if move is not None:
        told = difference(move(points), map(points).to(points), rtol=rtol, path="the moved points")
        if told:
            raise Violation(f"{name}: {truth}: {told}")
    if isinstance(made, AffineMap) and made.noise_cov is not None and float(made.noise_cov.abs().max()) > rtol:
        raise Violation(f"{name}: {truth}: the map adds noise where none is needed")
    _costs(problem, truth, made, cost, rtol, size=max(cost, float(points.var(0).sum())))


def _costs(problem: Problem, truth: str, made: Any, cost: float, rtol: float, *, size: float | None = None) -> None:
    """The transport's cost, to `rtol` of the size, which is the cost itself where None."""
    if not abs(float(made.cost) - cost) <= rtol * (abs(cost) if size is None else size):
        raise Violation(
            f"{problem.trial.subject.name}: {truth}: the cost is {float(made.cost):.6g}, must be {cost:.6g}"
        )


def _same(problem: Problem, truth: str, made: Any, wanted: Measure, rtol: float) -> None:
    tensors = ("mean", "cov") if isinstance(wanted, GaussianLaw) else ("points",)
    for part in tensors:
        told = difference(getattr(made, part), getattr(wanted, part), rtol=rtol, path=part)
        if told:
            raise Violation(f"{problem.trial.subject.name}: {truth}: {told}")


def _inverse(subject: Subject, other: str, rtol: float) -> None:
    """What the component gives, the other one turns back into what it took."""
    try:
        cls = subject.registry.load(other)
        verb = signature(cls, verbs(cls)[0])
    except OtframeError as error:
        raise Violation(f"{subject.name}: it promises the inverse '{other}': {error.message}") from error
    back = Subject(other, cls, subject.registry, subject.pool)
    for trial in subject.trials():
        inputs = trial.inputs()
        made = trial.attempt(inputs)
        first = next(iter(inputs[0].values()), None)
        undo = Trial(back, _first_example(back), verb, trial.plan)
        try:
            found = undo.call(verb.verb, {verb.inputs[0].name: made})
        except Exception as error:
            raise Violation(f"{subject.name}: its inverse {other} raised {type(error).__name__}: {error}") from error
        told = difference(snapshot(first), snapshot(found), rtol=rtol)
        if told:
            raise Violation(f"{subject.name}: {other} does not turn its result back: {told}")


def _first_example(subject: Subject) -> Any:
    try:
        return subject.examples[0]
    except (Violation, IndexError) as error:
        raise Untested(f"{subject.name} has no examples") from error
