"""Colour transfer on six pairs of photographs, both ways: `otframe-color` beside its peers.

1. At the photographs' own sizes, 8 bits in and out: what is told is the sliced distance that is left to the reference
   (90 fixed directions, 100,000 fixed pixels), gradient preservation, noise ratio in flat places (median, and 95 %
   quantile), banding, and the time to fit and apply. The peers: scikit-image's `match_histograms` per channel; means
   and spreads in Lab (Reinhard); the linear Gaussian map; POT's `EMDTransport` and `SinkhornTransport`, fitted on 1000
   colours and applied to all others by its out-of-sample map, as its examples do. `--out` gets a contact sheet.
2. At 12 megapixels, 8 bits: `map_between` and `recolored_array` beside `match_histograms`: time, and what is left.

With one thread the process's CPU time is told. All variants of a row run in turns.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import ot
import torch
from bench import finish, header, parser, require, table
from otframe_color.arrays import map_between, recolored_array
from otframe_color.artifacts import measured
from skimage.exposure import match_histograms

from otframe import component
from otframe.values import Image

PAIRS = ("autumn", "flowers", "ocean", "scotland", "street", "woods")
SIZE = 4000, 3000
DIRECTIONS, PIXELS = 90, 100_000
COLORS = 1000
SHOWN = 260, 180

Method = Callable[[np.ndarray, np.ndarray], np.ndarray]


def main() -> None:
    """Read the options, and run both parts."""
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=5, help="runs that medians are taken of")
    options.add_argument("--part", choices=("own", "large", "both"), default="both", help="own sizes, 12 megapixels")
    args = options.parse_args()
    require(args.data, "color_pairs")
    print(header("Colour transfer", args.threads))
    cv2.setNumThreads(args.threads)
    clock = time.process_time if args.threads == 1 else time.perf_counter
    runs = 1 if args.quick else args.runs
    names = PAIRS[:1] if args.quick else PAIRS
    print(f"Medians of {runs} runs, {'CPU' if args.threads == 1 else 'wall-clock'} time in seconds.\n")
    warnings.filterwarnings("ignore", module="ot")
    folder = args.data / "color_pairs"
    found: dict[str, Any] = {}
    if args.part != "large":
        found["own sizes"], sheet = both_ways(folder, names, min(runs, 3), clock)
        print(small_table(found["own sizes"]))
        if args.out:
            args.out.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(args.out / "color_transfer.jpg"), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    if args.part != "own":
        found["12 megapixels"] = {name: twelve(folder, name, runs, clock) for name in names}
        print(large_table(found["12 megapixels"]))
    finish(args.out, "color", found)


def scikit_image(source: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Each channel's histogram on its own."""
    return np.asarray(match_histograms(source, reference, channel_axis=-1))


def fitted(solver: str, space: str = "srgb", regular: bool = False, **options: Any) -> Method:
    """One of ours: 8-bit arrays in and out."""
    found = component(solver, **options)

    def move(source: np.ndarray, reference: np.ndarray) -> np.ndarray:
        made = recolored_array(map_between(source, reference, solver=found, space=space), source)  # type: ignore[arg-type]
        if not regular:
            return made
        calm = component("color.regularize")(Image.from_numpy(source), Image.from_numpy(made)).numpy()
        return (calm * 255).round().clip(0, 255).astype(np.uint8)

    return move


def of_pot(kind: Any, **options: Any) -> Method:
    """POT's map between 1000 colours of either side, applied out of sample in batches."""

    def move(source: np.ndarray, reference: np.ndarray) -> np.ndarray:
        random = np.random.default_rng(0)
        flat = [photo.reshape(-1, 3) / 255.0 for photo in (source, reference)]
        drawn = [pixels[random.choice(len(pixels), COLORS, replace=False)] for pixels in flat]
        plan = kind(**options).fit(Xs=drawn[0], Xt=drawn[1])
        moved = plan.transform(Xs=flat[0], batch_size=2048)
        return (moved * 255).round().clip(0, 255).astype(np.uint8).reshape(source.shape)

    return move


METHODS: dict[str, Method] = {
    "scikit-image": scikit_image,
    "Reinhard (Lab)": fitted("color.reinhard", "lab"),
    "Gaussian": fitted("gaussian.transport"),
    "POT EMD": of_pot(ot.da.EMDTransport),
    "POT Sinkhorn": of_pot(ot.da.SinkhornTransport, reg_e=1e-2),
    "sliced": fitted("sliced.transport"),
    "sliced, oklab": fitted("sliced.transport", "oklab"),
    "sliced, regularised": fitted("sliced.transport", regular=True),
}


def both_ways(
    folder: Path, names: tuple[str, ...], runs: int, clock: Callable[[], float]
) -> tuple[dict[str, dict[str, Any]], np.ndarray]:
    """Every method on every pair in both directions, and the contact sheet."""
    found: dict[str, dict[str, Any]] = {name: {} for name in METHODS}
    rows = []
    for name in names:
        pair = [_photo(folder, f"{name}_{side}") for side in ("source", "target")]
        for source, reference, way in ((*pair, ""), (*pair[::-1], " back")):
            judge, shown = _Judge(reference), [source, reference]
            before = Image.from_numpy(source)
            for method, move in METHODS.items():
                spent = []
                for _ in range(1 if method.startswith("POT") else runs):  # they take far longer than noise
                    start = clock()
                    made = move(source, reference)
                    spent.append(clock() - start)
                marks = measured(before, Image.from_numpy(made))
                found[method][name + way] = {
                    "left": judge(made),
                    "start": judge(source),
                    "gradients": marks.gradients,
                    "noise": marks.noise,
                    "worst noise": marks.worst_noise,
                    "banding": marks.banding,
                    "time": statistics.median(spent),
                }
                shown.append(made)
            rows.append(np.hstack([cv2.resize(each, SHOWN, interpolation=cv2.INTER_AREA) for each in shown]))
    title = np.full((24, rows[0].shape[1], 3), 255, np.uint8)
    for k, text in enumerate(("source", "reference", *METHODS)):
        cv2.putText(title, text, (k * SHOWN[0] + 6, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return found, np.vstack([title, *rows])


def small_table(found: dict[str, dict[str, Any]]) -> str:
    """Means over all pairs, and for each pair what is left."""
    columns = ("", "left / start", "worst", "gradients", "noise", "worst noise", "banding", "time")
    rows = []
    for method, pairs in found.items():
        shares = [row["left"] / row["start"] for row in pairs.values()]
        keys = ("gradients", "noise", "worst noise", "banding", "time")
        means = [statistics.mean([row[key] for row in pairs.values() if row[key] is not None]) for key in keys]
        rows.append(
            (
                method,
                f"{statistics.mean(shares):.3f}",
                f"{max(shares):.3f}",
                f"{means[0]:.3f}",
                *(f"{number:.2f}" for number in means[1:4]),
                f"{means[4]:.3f}",
            )
        )
    names = list(next(iter(found.values())))
    each = [
        (name, f"{found['sliced'][name]['start']:.4f}", *(f"{pairs[name]['left']:.4f}" for pairs in found.values()))
        for name in names
    ]
    return "\n".join(
        (
            f"Means over {len(names)} transfers:\n",
            table(columns, rows),
            "The sliced distance left, each:\n",
            table(("", "start", *found), each),
        )
    )


def twelve(folder: Path, name: str, runs: int, clock: Callable[[], float]) -> dict[str, Any]:
    """Times and remaining distances at 12 megapixels, both directions."""
    pair = [
        cv2.resize(_photo(folder, f"{name}_{side}"), SIZE, interpolation=cv2.INTER_CUBIC)
        for side in ("source", "target")
    ]
    solver = component("sliced.transport", samples=12_288, bases=48, tolerance=0.0)
    found: dict[str, Any] = {}
    for source, reference, way in ((*pair, "forth"), (*pair[::-1], "back")):
        judge = _Judge(reference)
        times: dict[str, list[float]] = {"peer": [], "fit": [], "apply": []}
        left = []
        for turn in range(runs):
            start = clock()
            peer = scikit_image(source, reference)
            times["peer"].append(clock() - start)
            start = clock()
            map = map_between(source, reference, solver=solver, seed=turn)  # type: ignore[arg-type]
            middle = clock()
            made = recolored_array(map, source)
            times["apply"].append(clock() - middle)
            times["fit"].append(middle - start)
            left.append(judge(made))
        found[way] = {
            **{key: statistics.median(spent) for key, spent in times.items()},
            "start": judge(source),
            "peer left": judge(peer),
            "left": statistics.median(left),
            "worst left": max(left),
        }
    return found


def large_table(found: dict[str, Any]) -> str:
    """Both directions of each pair."""
    columns = ("", "scikit-image", "our fit", "apply", "time ratio", "start", "it leaves", "we leave", "ratio", "worst")
    rows = []
    for name, ways in found.items():
        for way, row in ways.items():
            ours = row["fit"] + row["apply"]
            rows.append(
                (
                    f"{name}, {way}",
                    *(f"{row[key]:.3f}" for key in ("peer", "fit", "apply")),
                    f"{ours / row['peer']:.2f}",
                    *(f"{row[key]:.4f}" for key in ("start", "peer left", "left")),
                    f"{row['left'] / row['peer left']:.2f}",
                    f"{row['worst left'] / row['peer left']:.2f}",
                )
            )
    return f"12 megapixels, 8 bits in and out:\n\n{table(columns, rows)}"


class _Judge:
    """The sliced distance to a photograph: fixed directions, fixed pixels."""

    def __init__(self, target: np.ndarray) -> None:
        random = np.random.default_rng(1)
        axes = random.normal(size=(DIRECTIONS, 3))
        self._axes = axes / np.linalg.norm(axes, axis=1, keepdims=True)
        self._wanted = self._lines(target)

    def __call__(self, made: np.ndarray) -> float:
        return float(np.sqrt(np.mean((self._lines(made) - self._wanted) ** 2)))

    def _lines(self, image: np.ndarray) -> np.ndarray:
        pixels = image.reshape(-1, 3)
        drawn = pixels[np.random.default_rng(2).integers(len(pixels), size=PIXELS)] / 255.0
        return np.sort(drawn @ self._axes.T, axis=0)


def _photo(folder: Path, name: str) -> np.ndarray:
    file = next(iter(sorted(folder.glob(f"{name}.*"))))
    return np.ascontiguousarray(cv2.imread(str(file), cv2.IMREAD_COLOR)[..., ::-1])


if __name__ == "__main__":
    with torch.no_grad():
        main()
