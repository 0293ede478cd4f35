"""`sinkhorn.points` beside POT, GeomLoss and OTT-JAX: time to one marginal error between clouds, in one process.

The peers that are not among the tests' packages are looked for in the folder that OTFRAME_PEERS names
(`pip install --target FOLDER ott-jax geomloss`); those that are absent are left out. Everything runs on one processor.
The marginal error of every plan is measured in the same way, from its potentials, in float64, over all pairs of points.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from argparse import SUPPRESS
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import cv2
import numpy as np
import torch
from bench import finish, header, median_of, parser, require, table
from otframe_sinkhorn.points import SinkhornPoints

from otframe.errors import ConvergenceError
from otframe.interfaces import Context
from otframe.values import PointCloud

if os.environ.get("OTFRAME_PEERS"):
    sys.path.append(os.environ["OTFRAME_PEERS"])

TOL = 1e-3
_MOST, _FEW = 3000, 200
"""Iterations that peers are allowed; POT, which is slow, fewer."""
_ALONE = 50_000
"""Points of the clouds whose memory is measured."""
COLUMNS = ("clouds", "n", "blur", "method", "s", "iterations", "error", "beside ours")
Found = tuple[str, float, str, float]
"""A method, its seconds, its iterations, and the marginal error of what it found."""


def main() -> None:
    """Read the options, and run all parts."""
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=3, help="runs that medians are taken of, of the smaller clouds")
    options.add_argument("--counts", type=int, nargs="*", default=[1000, 4000, 10_000, 50_000], help="points")
    options.add_argument("--blurs", type=float, nargs="*", default=[0.05, 0.02], help="parts of the longest side")
    options.add_argument("--peers", type=int, default=4000, help="the most points that peers get; POT gets a quarter")
    options.add_argument("--memory", action="store_true", help=SUPPRESS)
    args = options.parse_args()
    require(args.data, "photos/Kodak24")
    if args.memory:
        _alone(args.data)
        return
    print(header("Entropic transport between clouds", args.threads))
    counts = [300] if args.quick else args.counts
    print(f"Blurs are parts of the longest side, errors in L1. Medians of {args.runs} runs, of many points one.\n")
    rows = []
    for count in counts:
        for name, (source, target) in clouds(args.data, count).items():
            for blur in args.blurs:
                for row in _rows(source, target, blur, args.runs if count <= 4000 else 1, args.peers):
                    rows.append([name, f"{count:,}", f"{blur:g}", *row])
                    print("|", " | ".join(rows[-1]), "|", file=sys.stderr, flush=True)
    print(table(COLUMNS, rows))
    if not args.quick and _ALONE in counts:
        command = [sys.executable, __file__, "--data", str(args.data), "--memory"]
        print(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    finish(args.out, "points", rows)


def clouds(data: Path, count: int) -> dict[str, tuple[PointCloud, PointCloud]]:
    """Pairs of clouds: colours of two photographs, and a ring and a square in the plane."""
    dice = np.random.default_rng(0)
    photos = sorted((data / "photos" / "Kodak24").glob("*.png"))

    def colours(path: Path) -> PointCloud:
        pixels = cv2.imread(str(path))[..., ::-1].reshape(-1, 3) / 255.0
        return PointCloud(torch.from_numpy(pixels[dice.choice(len(pixels), count, replace=False)]))

    angles = 2 * np.pi * dice.random((count, 1))
    ring = 0.5 + 0.3 * np.concatenate([np.cos(angles), np.sin(angles)], 1) + 0.05 * dice.standard_normal((count, 2))
    plane = PointCloud(torch.from_numpy(ring)), PointCloud(torch.from_numpy(dice.random((count, 2))))
    return {"colours": (colours(photos[0]), colours(photos[1])), "ring, square": plane}


def error_of(f: torch.Tensor, g: torch.Tensor, source: PointCloud, target: PointCloud, eps: float) -> float:
    """The larger of both marginal errors of the plan of some potentials, in L1, float64; over all pairs."""
    x, y = source.points.double(), target.points.double()
    f, g = f.double() / eps, g.double() / eps
    cols = torch.zeros(len(y), dtype=torch.float64)
    missed = 0.0
    for some, own in zip(torch.split(x, 256), torch.split(f, 256), strict=True):
        part = torch.cdist(some, y, compute_mode="donot_use_mm_for_euclid_dist").square_()
        part = part.div_(-eps).add_(g).add_(own[:, None]).exp_()
        missed += float((part.mean(1) - 1).abs().sum()) / len(x)
        cols += part.sum(0) / len(x)
    return max(missed, float((cols - 1).abs().mean()))


def _rows(source: PointCloud, target: PointCloud, blur: float, runs: int, most: int) -> Iterator[list[str]]:
    both = torch.cat([source.points, target.points])
    length = blur * float((both.amax(0) - both.amin(0)).max())
    eps = 2 * length**2
    solver = SinkhornPoints(blur=length, unit="length", tol=TOL)
    spent, ours = median_of(lambda: solver.solve(source, target, ctx=Context()), runs)
    error = error_of(ours.f, ours.g, source, target, eps)
    yield ["sinkhorn.points", f"{spent:.3f}", str(ours.info.iterations), f"{error:.1e}", ""]
    if source.count > most:
        return
    found = _ott(source, target, eps, runs) + _geomloss(source, target, length, runs)
    found += _pot(source, target, eps) if source.count <= most // 4 else []
    for name, seconds, iterations, reached in found:
        yield [name, f"{seconds:.3f}", iterations, f"{reached:.1e}", f"{seconds / spent:.1f} x"]


def _pot(source: PointCloud, target: PointCloud, eps: float) -> list[Found]:
    import ot

    x, y = source.points.numpy(), target.points.numpy()
    even = np.full(len(x), 1 / len(x))
    # it stops at an error in L2
    options = {"method": "sinkhorn_log", "numItermax": _FEW, "stopThr": TOL / len(x) ** 0.5, "warn": False}
    seconds, (_, log) = median_of(lambda: ot.sinkhorn(even, even, ot.dist(x, y), eps, log=True, **options), 1)
    scale = eps * np.log(len(x))  # its plan is exp(u + v - c / eps): the masses are in the potentials
    f, g = (torch.from_numpy(eps * log[name] + scale) for name in ("log_u", "log_v"))
    return [("POT sinkhorn_log", seconds, str(log["niter"]), error_of(f, g, source, target, eps))]


def _geomloss(source: PointCloud, target: PointCloud, length: float, runs: int) -> list[Found]:
    try:
        from geomloss import SamplesLoss
    except ImportError:
        return []
    found = []
    for scaling in (0.5, 0.95):
        options = {"p": 2, "blur": length, "scaling": scaling, "debias": False, "backend": "tensorized"}
        value = SamplesLoss("sinkhorn", **options)
        seconds, _ = median_of(lambda: value(source.points, target.points), runs)  # noqa: B023
        f, g = SamplesLoss("sinkhorn", potentials=True, **options)(source.points, target.points)
        # its cost is half the squared distance
        error = error_of(2 * f.flatten(), 2 * g.flatten(), source, target, 2 * length**2)
        found.append((f"GeomLoss, scaling {scaling}", seconds, "", error))
    return found


def _ott(source: PointCloud, target: PointCloud, eps: float, runs: int) -> list[Found]:
    """OTT: seconds (compiled before), with the matrix held; with momentum and without."""
    try:
        import jax
        import jax.numpy as jnp
        from ott.geometry import pointcloud
        from ott.problems.linear import linear_problem
        from ott.solvers.linear import acceleration, sinkhorn
    except ImportError:
        return []
    x, y = (jnp.asarray(cloud.points.numpy(), dtype=jnp.float32) for cloud in (source, target))
    shift = eps * np.log(len(x))  # the masses are in its potentials
    found = []
    for name, momentum in (("OTT", None), ("OTT, momentum", acceleration.Momentum(start=50))):
        options = {"threshold": TOL, "max_iterations": _MOST, "inner_iterations": 10}
        solver = sinkhorn.Sinkhorn(**options, **({"momentum": momentum} if momentum else {}))

        def whole(x: Any, y: Any, solver: Any = solver) -> Any:
            return solver(linear_problem.LinearProblem(pointcloud.PointCloud(x, y, epsilon=eps)))

        compiled = jax.jit(whole).lower(x, y).compile()
        seconds, made = median_of(lambda: jax.block_until_ready(compiled(x, y)), runs)  # noqa: B023
        f, g = (torch.from_numpy(np.array(part)).double() + shift for part in (made.f, made.g))
        found.append((name, seconds, str(int(made.n_iters)), error_of(f, g, source, target, eps)))
    return found


def _alone(data: Path) -> None:
    """One large problem in a process of its own: seconds, and the memory that it added."""
    torch.set_num_threads(1)
    SinkhornPoints(blur=0.2).solve(*clouds(data, 300)["colours"], ctx=Context())
    pair = clouds(data, _ALONE)["ring, square"]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    try:
        made = SinkhornPoints(blur=0.02, tol=TOL).solve(*pair, ctx=Context())
    except ConvergenceError as error:
        made = error.state  # type: ignore[assignment]
    spent, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"ring and square, {_ALONE:,} and {_ALONE:,} points, blur 0.02: {spent:.1f} s, {made.info.iterations} "
        f"iterations, error {made.info.residual:.1e}, {(after - before) / 1024:.0f} MB of memory beside the "
        f"{before / 1024:.0f} MB of Python and torch.\n"
    )


if __name__ == "__main__":
    main()
