"""`sinkhorn.grid` beside OTT-JAX, POT and GeomLoss: time to one marginal error on one grid, in one process.

The peers that are not among the tests' packages are looked for in the folder that OTFRAME_PEERS names
(`pip install --target FOLDER ott-jax geomloss`); those that are absent are left out. Everything runs on one processor.
The marginal error of every plan is measured in the same way, from its potentials, in float64.
"""

from __future__ import annotations

import math
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import cv2
import numpy as np
import torch
from bench import finish, header, median_of, parser, require, table
from otframe_sinkhorn.grid import SinkhornGrid, grid_problem
from otframe_sinkhorn.grids.kernel import GridKernel
from otframe_sinkhorn.grids.solve import solve
from otframe_sinkhorn.logarithms import logarithm

from otframe.interfaces import Context
from otframe.values import Density

if os.environ.get("OTFRAME_PEERS"):
    sys.path.append(os.environ["OTFRAME_PEERS"])

BLUR, TOL = 0.01, 1e-3
_FLOOR = 1e-12
"""Added to the masses that OTT gets: where one is zero its iteration ends in infinities."""
_MOST = 4000
"""Iterations that OTT is allowed; on grids of more than 128 cells a side, where one takes .1 s, a third of them."""
_MOMENTUM = (50, 200, 0)
"""When OTT is to choose its momentum; where that diverges it is tried later, and then without."""
_POT = {64: 300, 128: 10}
"""Iterations that POT is given: some 0.2 s each at 64^2, and sixteen times as long at 128^2, with 2 GB a matrix."""


def main() -> None:
    """Read the options, and run all parts."""
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=3, help="runs that medians are taken of")
    options.add_argument("--sides", type=int, nargs="*", default=[64, 128, 256], help="sides of the grids")
    options.add_argument("--memory", type=int, help=argparse_hidden())
    args = options.parse_args()
    require(args.data, "shapes", "mnist", "photos/Kodak24")
    if args.memory:
        _alone(args.data, args.memory)
        return
    print(header("Entropic transport on grids", args.threads))
    runs, sides = (1, [32]) if args.quick else (args.runs, args.sides)
    print(f"Blur {BLUR} of the side, to a marginal error of {TOL} in L1. Medians of {runs} runs.\n")
    served: dict[str, int] = {}
    rows = [
        row
        for side in sides
        for name, pair in pairs(args.data, side).items()
        for row in _row(name, side, pair, runs, served)
    ]
    print(table(("pair", "side", "ours, s", "iterations", "error", "OTT, s", "iterations", "error", "faster"), rows))
    others = _others(args.data, [side for side in sides if side <= 128], runs)
    print(table(("pair", "side", "method", "s", "iterations", "error", "value"), others))
    print(_batch(args.data, 16 if args.quick else 64, runs))
    if not args.quick:
        command = [sys.executable, __file__, "--data", str(args.data), "--memory", "512"]
        print(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    finish(args.out, "sinkhorn", {"pairs": rows, "others": others})


def argparse_hidden() -> str:
    """What argparse takes for an option that is not listed."""
    import argparse

    return argparse.SUPPRESS


def pairs(data: Path, side: int) -> dict[str, tuple[Density, Density]]:
    """Pairs of densities on a grid: shapes, smooth densities, digits, and photographs' luminance."""

    def picture(path: Path, dark: bool = False) -> np.ndarray:
        found = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(np.float64) / 255
        return 1 - found if dark else found

    def density(mass: np.ndarray) -> Density:
        small = mass.shape[0] < side
        made = cv2.resize(mass, (side, side), interpolation=cv2.INTER_LINEAR if small else cv2.INTER_AREA)
        return Density(torch.from_numpy(np.maximum(made, 0)))

    shapes, photos = data / "shapes", sorted((data / "photos" / "Kodak24").glob("*.png"))
    digits = _digits(data)
    found = {
        "star, heart": (picture(shapes / "star.png", True), picture(shapes / "heart.png", True)),
        "duck, tooth": (picture(shapes / "duck.png", True), picture(shapes / "tooth.png", True)),
        "densities": (picture(shapes / "density_a.png", True), picture(shapes / "density_b.png", True)),
        "moons": (picture(shapes / "moon_a.png", True), picture(shapes / "moon_b.png", True)),
        "digits": (digits[0], digits[1]),
        "photos": (picture(photos[0]), picture(photos[1])),
    }
    return {name: (density(a), density(b)) for name, (a, b) in found.items()}


def _digits(data: Path) -> list[np.ndarray]:
    files = sorted((data / "mnist").glob("*.npz"))
    held = np.load(files[0])
    images = next(held[key] for key in held.files if held[key].ndim == 3)
    return [images[k].astype(np.float64) / 255 for k in (0, 7)]


def error_of(f: torch.Tensor, g: torch.Tensor, source: Density, target: Density) -> float:
    """The larger of both marginal errors of the plan of some potentials, in L1, float64."""
    eps = 2 * BLUR**2
    kernel = GridKernel(source.shape, source.spacing, eps, "squared", f.device)
    a, b = (part.mass.double()[None] / part.total for part in (source, target))
    f, g = (part.double().reshape(1, *source.shape) for part in (f, g))
    rows = torch.exp(f / eps + logarithm(a) + kernel(g / eps + logarithm(b)))
    cols = torch.exp(g / eps + logarithm(b) + kernel(f / eps + logarithm(a)))
    return max(float((rows - a).abs().sum()), float((cols - b).abs().sum()))


def _row(name: str, side: int, pair: tuple[Density, Density], runs: int, served: dict[str, int]) -> list[list[str]]:
    spent, ours = median_of(lambda: SinkhornGrid(blur=BLUR, tol=TOL).solve(*pair, ctx=Context()), runs)
    told = [name, str(side), f"{spent:.3f}", str(ours.info.iterations), f"{error_of(ours.f, ours.g, *pair):.1e}"]
    theirs = _ott(name, pair, 1 if side > 128 else runs, served)
    if theirs is None:
        return [[*told, "", "", "", ""]]
    seconds, iterations, error, way = theirs
    row = [*told, f"{seconds:.3f}", f"{iterations}, {way}", f"{error:.1e}", f"{seconds / spent:.1f} x"]
    print("|", " | ".join(row), "|", file=sys.stderr, flush=True)
    return [row]


def _ott(
    name: str, pair: tuple[Density, Density], runs: int, served: dict[str, int]
) -> tuple[float, int, float, str] | None:
    """OTT's grid: seconds (compiled before), iterations, error, and its way: the first that reaches the error."""
    try:
        import jax
        import jax.numpy as jnp
        from ott.geometry import grid
        from ott.problems.linear import linear_problem
        from ott.solvers.linear import acceleration, sinkhorn
    except ImportError:
        return None
    source, target = pair = tuple(part.with_mass(part.mass / part.total + _FLOOR) for part in pair)
    a, b = (jnp.asarray((part.mass / part.total).flatten().numpy(), dtype=jnp.float32) for part in pair)
    places = [jnp.asarray(source.axis(k).numpy(), dtype=jnp.float32) for k in range(2)]
    masses = [2 * BLUR**2 * logarithm((part.mass / part.total).flatten()) for part in pair]
    most = _MOST if len(source.mass) <= 128 else _MOST // 3
    options = {"threshold": TOL, "max_iterations": most, "inner_iterations": 10}
    # what served this pair on a smaller grid is tried first, and alone on a large one
    known = served.get(name, _MOMENTUM[0])
    starts = sorted(_MOMENTUM, key=lambda start: start != known)
    for start in starts[:1] if len(source.mass) > 128 else starts:
        momentum = acceleration.Momentum(start=start) if start else None
        solver = sinkhorn.Sinkhorn(**options, **({"momentum": momentum} if start else {}))

        def whole(a: Any, b: Any, solver: Any = solver) -> Any:
            return solver(linear_problem.LinearProblem(grid.Grid(x=places, epsilon=2 * BLUR**2), a=a, b=b))

        compiled = jax.jit(whole).lower(a, b).compile()
        seconds, made = median_of(lambda: jax.block_until_ready(compiled(a, b)), 1)  # noqa: B023
        # its plan is exp((f + g - c) / eps): the masses are in the potentials
        held = (torch.from_numpy(np.array(part)).double() for part in (made.f, made.g))
        f, g = (torch.where(mass > -1, part - mass, 0.0) for part, mass in zip(held, masses, strict=True))
        error = error_of(f, g, source, target)
        if error < 2 * TOL:
            served[name] = start
            if runs > 1:
                seconds, _ = median_of(lambda: jax.block_until_ready(compiled(a, b)), runs)  # noqa: B023
            break
    return seconds, int(made.n_iters), error, f"momentum from {start}" if start else "plain"


def _others(data: Path, sides: list[int], runs: int) -> list[list[str]]:
    """POT in the logarithmic domain, where its kernel fits, and GeomLoss's loss for images, with what they reach."""
    rows = []
    for side in sides:
        for name, (source, target) in pairs(data, side).items():
            if name not in ("star, heart", "photos"):
                continue
            spent, ours = median_of(lambda: SinkhornGrid(blur=BLUR, tol=TOL).solve(source, target, ctx=Context()), runs)  # noqa: B023
            found = [
                ("sinkhorn.grid", spent, str(ours.info.iterations), error_of(ours.f, ours.g, source, target), ours.dual)
            ]
            found += _pot(source, target, _POT[side]) if side in _POT else []
            found += _geomloss(source, target, runs)
            rows += [[name, str(side), label, f"{s:.3f}", n, f"{e:.1e}", f"{v:.6g}"] for label, s, n, e, v in found]
    return rows


def _pot(source: Density, target: Density, iterations: int) -> list[tuple[str, float, str, float, float]]:
    import ot

    places = source.positions().reshape(-1, 2).numpy()
    cost = ot.dist(places, places)
    a, b = ((part.mass / part.total).flatten().numpy() for part in (source, target))
    floor = 1e-300
    options = {"method": "sinkhorn_log", "numItermax": iterations, "stopThr": TOL, "log": True, "warn": False}
    seconds, (plan, log) = median_of(lambda: ot.sinkhorn(a + floor, b + floor, cost, 2 * BLUR**2, **options), 1)
    error = max(np.abs(plan.sum(0) - b).sum(), np.abs(plan.sum(1) - a).sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = np.nansum(plan * np.log(plan / (a[:, None] * b)))
    value = float((plan * cost).sum() + 2 * BLUR**2 * entropy)
    return [("POT sinkhorn_log, float64", seconds, str(log["niter"]), float(error), value)]


def _geomloss(source: Density, target: Density, runs: int) -> list[tuple[str, float, str, float, float]]:
    try:
        from geomloss import sinkhorn_divergence
    except ImportError:
        return []
    found = []
    for scaling in (0.5, 0.9, 0.98):
        a, b = ((part.mass / part.total)[None, None] for part in (source, target))

        def call(potentials: bool, scaling: float = scaling, a: Any = a, b: Any = b) -> Any:
            return sinkhorn_divergence(a, b, p=2, blur=BLUR, scaling=scaling, debias=False, potentials=potentials)

        try:
            seconds, value = median_of(lambda: call(False), runs)
        except (AssertionError, IndexError):  # it takes blurs from one cell to two alone
            found.append((f"GeomLoss image, scaling {scaling}: fails", math.nan, "", math.nan, math.nan))
            continue
        f, g = call(True)
        error = error_of(2 * f[0, 0], 2 * g[0, 0], source, target)
        found.append((f"GeomLoss image, scaling {scaling}", seconds, "", error, 2 * float(value)))
    return found


def _batch(data: Path, side: int, runs: int) -> str:
    """Sixteen pairs at once against one after the other."""
    held = [part for pair in pairs(data, side).values() for part in pair]
    chosen = [(held[k % len(held)], held[(k * 5 + 3) % len(held)]) for k in range(16)]
    problems = [
        grid_problem(*(part.with_mass(part.mass / part.total) for part in pair), BLUR, "side", "squared", None)
        for pair in chosen
    ]
    from dataclasses import replace

    whole = replace(problems[0], a=torch.cat([p.a for p in problems]), b=torch.cat([p.b for p in problems]))
    together, found = median_of(lambda: solve(whole, TOL, 10_000), runs)
    alone, _ = median_of(lambda: [solve(problem, TOL, 10_000) for problem in problems], runs)
    return (
        f"16 pairs of {side} x {side}: {together:.2f} s in one batch, {alone:.2f} s one after the other; "
        f"largest error {max(found.residuals):.1e}.\n"
    )


def _alone(data: Path, side: int) -> None:
    """One problem in a process of its own: seconds and the memory that it added."""
    torch.set_num_threads(1)
    pair = pairs(data, side)["photos"]
    SinkhornGrid(blur=0.2).solve(*pairs(data, 32)["photos"], ctx=Context())
    before = _peak()
    start = time.perf_counter()
    made = SinkhornGrid(blur=BLUR, tol=TOL).solve(*pair, ctx=Context())
    spent, after = time.perf_counter() - start, _peak()
    print(
        f"photos at {side} x {side}: {spent:.1f} s, {made.info.iterations} iterations, error {made.info.residual:.1e}, "
        f"{(after - before) / 1024:.0f} MB of memory beside the {before / 1024:.0f} MB of Python and torch.\n"
    )


def _peak() -> int:
    """The most memory of this process so far, in KiB; that of the process it was started from does not count."""
    told = Path("/proc/self/status")
    if told.exists():
        return next(int(line.split()[1]) for line in told.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
