"""Sliced transport beside its peers: colours of 12-megapixel photographs, and the barycentre of colour clouds.

1. `sliced.transport` between two photographs, enlarged to 4000 x 3000, beside scikit-image's `match_histograms` on the
   same 8-bit arrays and beside an exact transfer that sorts every pixel. What is told is the time to fit and apply, and
   the sliced distance that is left between the result and the reference: 90 fixed directions, 100,000 fixed pixels.
   Ours is fitted on pixels drawn all over both photographs, others in each run, and applied through its 33^3 table: to
   8-bit colours, each that occurs once (`PointMap.on_bytes`), and to float32 planes as they are on a pipeline's wires.
   The distances are medians over the runs, and the worst.
2. `sliced.barycenter`, polished by `exact.network`, beside POT's free-support barycentre from the same start: time, and
   the objective, the mean squared Wasserstein distance to the clouds by an exact solver.

With one thread the process's CPU time is told, which what else the machine does changes little; with more, wall-clock
time. All variants of a row run in turns.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import ot
import torch
from bench import finish, header, parser, require, table
from skimage.exposure import match_histograms

from otframe import component
from otframe.errors import UnknownNameError
from otframe.interfaces import Context
from otframe.values import PointCloud, PointMap

SIZE = 4000, 3000
PAIRS = ("ocean", "flowers", "scotland", "autumn", "street", "woods")
DIRECTIONS, PIXELS = 90, 100_000
BASES, SAMPLES = 48, 12288
DRAWN = 4 * SAMPLES
"""Pixels of either photograph that the solver is given: it takes its samples of them all over space."""
CLOUDS, POINTS = ("ocean_source", "flowers_source", "scotland_source", "autumn_source"), 1000


def main() -> None:
    """Read the options, and run both parts."""
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=5, help="runs that medians are taken of")
    args = options.parse_args()
    require(args.data, "color_pairs")
    print(header("Sliced transport", args.threads))
    cv2.setNumThreads(args.threads)
    clock = time.process_time if args.threads == 1 else time.perf_counter
    runs = 1 if args.quick else args.runs
    print(f"Medians of {runs} runs, {'CPU' if args.threads == 1 else 'wall-clock'} time in seconds.\n")
    folder = args.data / "color_pairs"
    colors = {pair: transfer(folder, pair, runs, clock) for pair in (PAIRS[:1] if args.quick else PAIRS)}
    print(transfer_tables(colors))
    exact = sorting(folder, PAIRS[0], 1 if args.quick else 2, clock)
    print(f"Every pixel of '{PAIRS[0]}' sorted, along random bases one after the other:\n")
    print(
        table(("bases", "time", "left"), [(k, f"{row['time']:.2f}", f"{row['left']:.4f}") for k, row in exact.items()])
    )
    barycentre = polished(folder, runs, clock)
    finish(args.out, "sliced", {"colors": colors, "exact": exact, "barycenter": barycentre})


def transfer(folder: Path, pair: str, runs: int, clock: Callable[[], float]) -> dict[str, Any]:
    """Times of fitting and applying, and the distances left, of one pair of photographs."""
    source, target = (_photo(folder, f"{pair}_{side}") for side in ("source", "target"))
    planes, wanted = (_planes(photo) for photo in (source, target))
    judge = _Judge(target)
    solver = component("sliced.transport", bases=BASES, tolerance=0.0, samples=SAMPLES)
    times: dict[str, list[float]] = {name: [] for name in ("peer", "fit", "bytes", "fit planes", "planes")}
    made: dict[str, Any] = {}
    left: dict[str, list[float]] = {"bytes": [], "planes": []}

    def timed(name: str, call: Callable[[], Any]) -> Any:
        start = clock()
        made[name] = call()
        times[name].append(clock() - start)
        return made[name]

    for turn in range(runs):
        timed("peer", lambda: match_histograms(source, target, channel_axis=-1))
        ctx = Context(seed=turn)
        timed("fit", lambda ctx=ctx: solver.solve(_drawn(source, DRAWN, ctx), _drawn(target, DRAWN, ctx), ctx=ctx))
        timed("bytes", lambda: made["fit"].on_bytes(source))
        ctx = Context(seed=turn)
        clouds = PointCloud(planes.T), PointCloud(wanted.T)
        timed("fit planes", lambda ctx=ctx, clouds=clouds: solver.solve(*clouds, ctx=ctx))
        timed("planes", lambda: made["fit planes"](planes.T))
        for name, each in left.items():
            each.append(judge(made[name].reshape(source.shape)))
    assert isinstance(made["fit"], PointMap)
    middle = {name: statistics.median(each) for name, each in left.items()}
    return {
        "times": {name: statistics.median(each) for name, each in times.items()},
        "left": {"start": judge(source), "peer": judge(made["peer"]), **middle},
        "worst": {name: max(each) for name, each in left.items()},
    }


def transfer_tables(found: dict[str, dict[str, Any]]) -> str:
    """Both tables of the colours: 8-bit arrays, and float32 planes."""
    made = []
    for kind, fit, title in (
        ("bytes", "fit", "8-bit arrays to 8-bit arrays"),
        ("planes", "fit planes", "float32 planes to float32 planes"),
    ):
        rows = []
        for pair, each in found.items():
            times, left = each["times"], each["left"]
            ours = times[fit] + times[kind]
            rows.append(
                (
                    pair,
                    *(f"{number:.3f}" for number in (times["peer"], times[fit], times[kind], ours)),
                    f"{ours / times['peer']:.2f}",
                    *(f"{left[name]:.4f}" for name in ("start", "peer", kind)),
                    f"{left[kind] / left['peer']:.2f}",
                    f"{each['worst'][kind] / left['peer']:.2f}",
                )
            )
        columns = (
            "",
            "scikit-image",
            "our fit",
            "apply",
            "both",
            "time ratio",
            "start",
            "it leaves",
            "we leave",
            "ratio",
            "worst",
        )
        made.append(f"Colour transfer at 12 megapixels, {title}:\n\n{table(columns, rows)}")
    return "\n".join(made)


def sorting(folder: Path, pair: str, bases: int, clock: Callable[[], float]) -> dict[int, dict[str, float]]:
    """The reference: every pixel goes where sorting takes it, along one orthonormal basis after another."""
    source, target = (_photo(folder, f"{pair}_{side}") for side in ("source", "target"))
    judge = _Judge(target)
    x, y = (photo.reshape(-1, 3).astype(np.float32) / 255 for photo in (source, target))
    random = np.random.default_rng(0)
    found = {}
    spent = 0.0
    for k in range(1, bases + 1):
        start = clock()
        basis = np.linalg.qr(random.normal(size=(3, 3)))[0].astype(np.float32)
        for axis in basis:
            line = x @ axis
            order = np.argsort(line)
            move = np.sort(y @ axis) - line[order]
            x[order] += move[:, None] * axis
        spent += clock() - start
        found[k] = {"time": spent, "left": judge(x.reshape(source.shape))}
    return found


def polished(folder: Path, runs: int, clock: Callable[[], float]) -> dict[str, Any]:
    """Times and objectives of the barycentre of four colour clouds, and their table."""
    try:
        ours = {steps: component("sliced.barycenter", solver={"use": "exact.network"}, steps=steps) for steps in (2, 3)}
    except UnknownNameError:
        print("skipped: the polished barycentre needs otframe-exact, which is not installed")
        return {}
    random = np.random.default_rng(0)
    clouds = []
    for name in CLOUDS:
        pixels = cv2.imread(str(_file(folder, name)), cv2.IMREAD_COLOR)[..., ::-1].reshape(-1, 3)
        clouds.append(pixels[random.integers(len(pixels), size=POINTS)] / 255.0)
    masses = [np.full(POINTS, 1 / POINTS)] * len(clouds)
    given = [PointCloud(torch.from_numpy(cloud)) for cloud in clouds]
    variants: dict[str, Callable[[], np.ndarray]] = {
        "POT free_support_barycenter": lambda: ot.lp.free_support_barycenter(clouds, masses, clouds[0].copy()),
        "sliced.barycenter": lambda: component("sliced.barycenter").solve(given, ctx=Context()).points.numpy(),
    }
    for steps, solver in ours.items():
        variants[f"sliced.barycenter, {steps} exact steps"] = lambda solver=solver: solver.solve(
            given, ctx=Context()
        ).points.numpy()
    times: dict[str, list[float]] = {name: [] for name in variants}
    made: dict[str, np.ndarray] = {}
    for _ in range(runs):
        for name, call in variants.items():
            start = clock()
            made[name] = call()
            times[name].append(clock() - start)
    peer = statistics.median(times["POT free_support_barycenter"])
    numbers = {
        name: {
            "time": statistics.median(times[name]),
            "objective": float(np.mean([ot.emd2(masses[0], masses[0], ot.dist(points, cloud)) for cloud in clouds])),
        }
        for name, points in made.items()
    }
    rows = [
        (name, f"{row['time']:.3f}", f"{row['time'] / peer:.2f}", f"{row['objective']:.6f}")
        for name, row in numbers.items()
    ]
    print(f"Barycentre of {len(clouds)} clouds of {POINTS} colours, of as many points:\n")
    print(table(("", "time", "of the peer's", "objective"), rows))
    return numbers


class _Judge:
    """The sliced distance to a photograph: fixed directions, fixed pixels."""

    def __init__(self, target: np.ndarray) -> None:
        random = np.random.default_rng(1)
        axes = random.normal(size=(DIRECTIONS, 3))
        self._axes = axes / np.linalg.norm(axes, axis=1, keepdims=True)
        self._pixels = random.integers(target[..., 0].size, size=PIXELS)
        self._wanted = self._lines(target)

    def __call__(self, made: Any) -> float:
        return float(np.sqrt(np.mean((self._lines(np.asarray(made)) - self._wanted) ** 2)))

    def _lines(self, image: np.ndarray) -> np.ndarray:
        drawn = image.reshape(-1, 3)[self._pixels].astype(np.float64)
        return np.sort(drawn / (255.0 if image.dtype == np.uint8 else 1.0) @ self._axes.T, axis=0)


def _drawn(photo: np.ndarray, count: int, ctx: Context) -> PointCloud:
    """Pixels drawn all over a photograph, one in each of as many equal stretches."""
    pixels = photo.reshape(-1, 3)
    places = (torch.arange(count) + torch.rand(count, generator=ctx.rng, dtype=torch.float64)) / count
    return PointCloud(torch.from_numpy(pixels[(places * len(pixels)).long().numpy()]).float() / 255)


def _planes(photo: np.ndarray) -> torch.Tensor:
    return (torch.from_numpy(photo).permute(2, 0, 1).float() / 255).flatten(1).contiguous()


def _photo(folder: Path, name: str) -> np.ndarray:
    pixels = cv2.imread(str(_file(folder, name)), cv2.IMREAD_COLOR)[..., ::-1]
    return cv2.resize(np.ascontiguousarray(pixels), SIZE, interpolation=cv2.INTER_CUBIC)


def _file(folder: Path, name: str) -> Path:
    return next(iter(sorted(folder.glob(f"{name}.*"))))


if __name__ == "__main__":
    with torch.no_grad():
        main()
