"""Exact transport between N points and N others: time, and peak memory, of `exact.*` beside POT and SciPy.

Squared distance in three dimensions, uniform weights: two samples of one Gaussian law ("near", the slow case of the
approximate solver) and of two different ones ("far"). Each run is a process of its own; its memory is the peak above
what it had once everything was imported and the points made. With one thread the process's CPU time is told, which what
else the machine does changes little; with more, wall-clock time. POT and SciPy give a plan; `exact.*` also proves it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

COUNTS = (1000, 4000, 10_000)
SLOW = 4000
"""Points above which SciPy's assignment takes many minutes, and is left out."""
METHODS = {
    "POT emd (dense)": "peer_dense",
    "exact.network, dense": "network_dense",
    "POT emd2_lazy": "peer_lazy",
    "exact.network, lazy": "network_lazy",
    "SciPy linear_sum_assignment": "peer_assignment",
    "exact.assignment": "assignment",
    "POT bsp, 64 plans": "peer_bsp",
    "exact.approximate, no bound": "approximate",
    "exact.approximate": "approximate_bound",
}


def main() -> None:
    """Read the options, and start the runs in turns."""
    if "--child" in sys.argv:
        return _child(sys.argv[-3], int(sys.argv[-2]), sys.argv[-1])
    from bench import finish, header, parser, table

    options: argparse.ArgumentParser = parser(__doc__)
    options.add_argument("--runs", type=int, default=3, help="runs that medians are taken of, one above 4000 points")
    options.add_argument("--counts", type=int, nargs="+", default=COUNTS, help="numbers of points")
    options.add_argument("--kinds", nargs="+", default=("far", "near"), help="which of the two problems")
    args = options.parse_args()
    print(header("Exact transport", args.threads))
    print(f"{'CPU' if args.threads == 1 else 'Wall-clock'} seconds.\n")
    counts = (200, 500) if args.quick else args.counts
    found: dict[str, Any] = {}
    for kind in args.kinds:
        for count in counts:
            runs = 1 if count > SLOW else args.runs
            names = [name for name in METHODS if count <= SLOW or "ssignment" not in name]
            taken: dict[str, list[dict[str, float]]] = {name: [] for name in names}
            for _ in range(runs):
                for name in names:
                    taken[name].append(_run(METHODS[name], count, kind, args.threads))
            rows = [(name, *_told(taken[name], taken[names[0]])) for name in names]
            print(f"{count} points, {kind}, {'one run' if runs == 1 else f'medians of {runs}'}:\n")
            print(table(("method", "seconds", "peak MB", "cost above the optimum", "bound below it"), rows), flush=True)
            found[f"{kind} {count}"] = taken
    finish(args.out, "exact", found)
    return None


def _told(runs: list[dict[str, float]], optimal: list[dict[str, float]]) -> tuple[str, ...]:
    best = optimal[0]["cost"]
    memory = median(run["peak_mb"] for run in runs)
    dual = runs[0].get("dual")
    return (
        f"{median(run['seconds'] for run in runs):.2f}",
        "-" if memory < 0 else f"{memory:.0f}",
        f"{runs[0]['cost'] / best - 1:.1e}",
        "-" if dual is None else f"{1 - dual / best:.1e}",
    )


def _run(method: str, count: int, kind: str, threads: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", method, str(count), kind]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    result: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return result


def _child(method: str, count: int, kind: str) -> None:
    """One run, told on the last line."""
    import numpy as np

    x = np.random.default_rng(0).normal(size=(count, 3))
    y = np.random.default_rng(1).normal(size=(count, 3))
    if kind == "far":
        y = y * (1.0, 2.0, 0.5) + 1.0
    solve = _solver(method, x, y)
    _forget_peak()
    clock = time.process_time if os.environ["OMP_NUM_THREADS"] == "1" else time.perf_counter
    before, start = _memory("VmRSS"), clock()
    result = solve()
    seconds = clock() - start
    peak = _memory("VmHWM") - before if before >= 0 else -1.0
    if isinstance(result, float):
        result = {"cost": result}
    print(json.dumps({"seconds": seconds, "peak_mb": peak, **result}))


def _solver(method: str, x: Any, y: Any) -> Callable[[], Any]:
    """What is timed, with all that it imports; the peers' costs include making the matrix."""
    import ot
    import torch
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    from otframe import component
    from otframe.values import PointCloud

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    masses = ot.unif(len(x))
    name, _, form = method.partition("_")
    if name != "peer":
        options = {
            "dense": {"dense_limit": len(x) ** 2},
            "lazy": {"dense_limit": 0},
        }.get(form, {} if name != "approximate" or form else {"sample": 0})
        solver = component(f"exact.{name}", **options)
        clouds = PointCloud(torch.from_numpy(x)), PointCloud(torch.from_numpy(y))

        def ours() -> dict[str, float]:
            plan = solver.solve(*clouds)  # type: ignore[attr-defined]
            return {"cost": plan.cost, **({} if plan.dual is None else {"dual": plan.dual})}

        return ours

    def assigned() -> float:
        costs = cdist(x, y, "sqeuclidean")
        rows, cols = linear_sum_assignment(costs)
        return float(costs[rows, cols].mean())

    return {
        "dense": lambda: float(ot.emd(masses, masses, cdist(x, y, "sqeuclidean"), 10**9, log=True)[1]["cost"]),
        "lazy": lambda: float(ot.emd2_lazy(x, y, masses, masses, numItermax=10**9)[0]),
        "bsp": lambda: float(ot.bsp.compute_bspot_bijection(x, y, 64)[0]),
        "assignment": assigned,
    }[form]


def _memory(what: str) -> float:
    """Megabytes that Linux tells of this process; -1 elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return -1.0
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(what))


def _forget_peak() -> None:
    """Begin the peak anew, where Linux lets it."""
    path = Path("/proc/self/clear_refs")
    if path.exists():
        path.write_text("5")


if __name__ == "__main__":
    main()
