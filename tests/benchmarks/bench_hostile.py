"""Random and hostile problems against the entropic solvers: every one converges, or says that it does not.

Masses with holes, of one cell, equal, from 1e-12 to 1e12, or of 300 orders; grids of 1 to 3 dimensions, 1 x N among
them; clouds with duplicates, far from the origin, in large and small units; blurs from .002 of the side to 1; either
cost; with and without a reach. What a solver gives is not trusted: the marginals are computed again from the value, and
every number has to be finite. A problem that fails is told by its seed.
"""

from __future__ import annotations

import collections
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from bench import finish, header, parser, table

from otframe import component
from otframe.errors import ConvergenceError
from otframe.interfaces import Context
from otframe.testing.hostile import hostile_mass
from otframe.values import Density, PointCloud

SHAPES = ((40,), (12, 17), (24, 24), (1, 30), (30, 1), (1, 1), (6, 5, 7))
ITERATIONS = 1000
CHUNK = 20


@dataclass(frozen=True)
class Verdict:
    """What became of one problem: `converged`, `told` (a `ConvergenceError` with a state), or what is wrong with it."""

    seed: int
    word: str
    seconds: float


def main() -> None:
    """Read the options, run the campaign, and print what became of it."""
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=10_000, help="problems in all")
    options.add_argument("--jobs", type=int, default=2, help="processes")
    options.add_argument("--first", type=int, default=0, help="the first seed")
    args = options.parse_args()
    print(header("Hostile problems", args.threads))
    count = 200 if args.quick else args.count
    rows, wrong = [], []
    with ProcessPoolExecutor(args.jobs) as pool:
        for name, share in SHARES.items():
            seeds = range(args.first, args.first + round(count * share))
            parts = [seeds[low : low + CHUNK] for low in range(0, len(seeds), CHUNK)]
            found = [verdict for part in pool.map(partial(judged, name), parts) for verdict in part]
            words = collections.Counter(verdict.word for verdict in found)
            bad = [verdict for verdict in found if verdict.word not in ("converged", "told")]
            wrong += [(name, verdict.seed, verdict.word) for verdict in bad]
            spent = sorted(verdict.seconds for verdict in found)
            rows.append(
                (
                    name,
                    len(found),
                    words["converged"],
                    words["told"],
                    len(bad),
                    f"{1000 * spent[len(spent) // 2]:.0f}",
                    f"{spent[-1]:.1f}",
                )
            )
            print("|", " | ".join(map(str, rows[-1])), "|", flush=True)
    columns = ("component", "problems", "converged", "told that not", "wrong", "median, ms", "longest, s")
    print(f"\nAt most {ITERATIONS} iterations on the finest level.\n\n{table(columns, rows)}")
    for name, seed, word in wrong:
        print(f"- {name}, seed {seed}: {word}")
    finish(args.out, "hostile", {"rows": rows, "wrong": wrong})


def judged(name: str, seeds: Sequence[int]) -> list[Verdict]:
    """The verdicts on the problems of some seeds."""
    torch.set_num_threads(1)
    return [_verdict(name, seed) for seed in seeds]


def _verdict(name: str, seed: int) -> Verdict:
    start = time.perf_counter()
    try:
        word = KINDS[name](np.random.default_rng(seed))
    except Exception as error:
        word = f"{type(error).__name__}: {error}".splitlines()[0]
    return Verdict(seed, word, time.perf_counter() - start)


def points(dice: np.random.Generator) -> PointCloud:
    """A cloud that is hard on a solver."""
    n, d = int(dice.integers(1, 60)), DIMENSIONS[dice.integers(len(DIMENSIONS))]
    return _cloud(dice, n, d)


DIMENSIONS = (1, 2, 3, 5, 50)


def _cloud(dice: np.random.Generator, n: int, d: int) -> PointCloud:
    places = dice.normal(size=(n, d))
    kind = dice.integers(6)
    if kind == 0:
        places = np.round(places)
    elif kind == 1:
        places[:] = places[0]
    elif kind == 2:
        places *= 10.0 ** dice.uniform(-3, 3, (n, 1))
    weights = None if dice.random() < 0.4 else torch.from_numpy(hostile_mass(dice, (n,)))
    return PointCloud(torch.from_numpy(places), weights)


def _pair(dice: np.random.Generator, cloud: bool) -> tuple[Any, Any]:
    if not cloud:
        shape = SHAPES[dice.integers(len(SHAPES))]
        source = Density(torch.from_numpy(hostile_mass(dice, shape)))
        return source, source if dice.random() < 0.1 else Density(torch.from_numpy(hostile_mass(dice, shape)))
    source = points(dice)
    target = source if dice.random() < 0.1 else _cloud(dice, int(dice.integers(1, 60)), source.dim)
    # units and origin are the same for both
    scale, shift = 10.0 ** dice.uniform(-8, 8), 10.0 ** dice.uniform(-3, 6) * dice.normal(size=source.dim)
    shift = torch.from_numpy(shift if dice.random() < 0.3 else 0 * shift)
    return tuple(PointCloud((part.points + shift) * scale, part.weights) for part in (source, target))


def _params(dice: np.random.Generator, costs: Sequence[str]) -> dict[str, Any]:
    return {
        "blur": float(10 ** dice.uniform(math.log10(0.002), 0)),
        "cost": costs[dice.integers(len(costs))],
        "reach": None if dice.random() < 0.7 else float(10 ** dice.uniform(-2, 1)),
        "iterations": ITERATIONS,
    }


def transport(dice: np.random.Generator, *, name: str, costs: Sequence[str], cloud: bool) -> str:
    """The verdict on a solver that gives potentials."""
    params = _params(dice, costs)
    source, target = _pair(dice, cloud)
    word = "converged"
    try:
        found = component(name, **params).solve(source, target, ctx=Context())
    except ConvergenceError as error:
        found, word = error.state, "told"
    parts = (found.f, found.g, found.barycentric(), *found.marginals())
    numbers = (found.cost, found.dual, found.info.residual)
    if not (all(bool(torch.isfinite(part).all()) for part in parts) and all(map(math.isfinite, numbers))):
        return "a number is not finite"
    if found.info.converged is not (word == "converged"):
        return "its info says otherwise"
    if word == "told" or params["reach"] is not None:
        return word
    wanted = [_masses(measure) for measure in (source, target)]
    errors = [float((part - mass).abs().sum()) for part, mass in zip(found.marginals(), wanted, strict=True)]
    return word if errors[0] < 1e-9 and errors[1] < 1.001e-3 else f"marginal errors {errors}"


def _masses(measure: Density | PointCloud) -> torch.Tensor:
    held = measure.mass if isinstance(measure, Density) else measure.weights
    if held is None:
        held = torch.ones(measure.count, dtype=torch.float64)  # type: ignore[union-attr]
    held = held.double()
    return held / held.sum()


def divergence(dice: np.random.Generator) -> str:
    """The verdict on the divergence: not negative, and nothing between equal measures."""
    cloud = bool(dice.integers(2))
    params = _params(dice, ("squared", "absolute", "distance") if cloud else ("squared", "absolute"))
    source, target = _pair(dice, cloud)
    word = "converged"
    solver = component("sinkhorn.divergence", tol=1e-4, **params)
    try:
        value = solver(source, target, ctx=Context()).divergence.number
    except ConvergenceError as error:
        value, word = float(error.state.values[0]), "told"
    if not (math.isfinite(value) and value >= 0):
        return f"it is {value}"
    if source is target or _equal(source, target):
        # lengths are in parts of the side, which is 1 where all points are one
        side = float((source.points.amax(0) - source.points.amin(0)).max()) or 1.0 if cloud else 1.0
        scale = side**2 if params["cost"] == "squared" else side
        mass = 1.0 if params["reach"] is None else float(sum(_total(one) for one in (source, target)))
        if value > 1e-9 * scale * max(mass, mass**2):
            return f"it is {value:g} between equal measures"
    return word


def _equal(source: Any, target: Any) -> bool:
    return (
        isinstance(source, PointCloud)
        and torch.equal(source.points, target.points)
        and source.weights is target.weights
    )


def _total(measure: Density | PointCloud) -> float:
    if isinstance(measure, Density):
        return measure.total
    return 1.0 if measure.weights is None else float(measure.weights.sum())


def barycentre(dice: np.random.Generator) -> str:
    """The verdict on the barycentre of densities: finite, not negative, of sum 1."""
    shape = SHAPES[dice.integers(len(SHAPES))]
    count = int(dice.integers(2, 6))
    given = [Density(torch.from_numpy(hostile_mass(dice, shape))) for _ in range(count)]
    params = _params(dice, ("squared",))
    weights = tuple(float(w) for w in dice.random(count) + 0.01)
    debiased = bool(dice.integers(2))
    solver = component(
        "sinkhorn.barycenter", blur=params["blur"], iterations=ITERATIONS, weights=weights, debiased=debiased
    )
    word = "converged"
    try:
        found = solver.solve(given, ctx=Context())
    except ConvergenceError as error:
        found, word = error.state, "told"
    if not bool(torch.isfinite(found.mass).all()) or float(found.mass.min()) < 0:
        return "a mass is not finite, or negative"
    return word if abs(float(found.mass.sum()) - 1) < 1e-6 else f"the mass is {float(found.mass.sum())}"


SHARES = {"sinkhorn.grid": 0.35, "sinkhorn.points": 0.3, "sinkhorn.divergence": 0.25, "sinkhorn.barycenter": 0.1}
KINDS: dict[str, Callable[[np.random.Generator], str]] = {
    "sinkhorn.grid": partial(transport, name="sinkhorn.grid", costs=("squared", "absolute"), cloud=False),
    "sinkhorn.points": partial(
        transport, name="sinkhorn.points", costs=("squared", "absolute", "distance"), cloud=True
    ),
    "sinkhorn.divergence": divergence,
    "sinkhorn.barycenter": barycentre,
}


if __name__ == "__main__":
    main()
