"""The executors on `pipelines/restoration.yaml`: `python tests/benchmarks/bench_executors.py [--count 20] [--runs 5]`.

The whole pipeline, with its scores, on photographs of 512 x 512 pixels: crops of those in the data where it is there,
of scikit-image's and scikit-learn's otherwise. One thread of torch and of OpenCV for each item at work. The executors
run in turns, so that what else the machine does falls on all of them; every run is a fresh one, workers included. What
starting the workers takes is measured beside: the same pipeline on two pictures of 64 x 64, less what serial takes.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
from bench import finish, header, parser, table

from otframe import Pipeline
from otframe.io import open_source
from otframe.registry import Registry

PIPELINE = Path(__file__).resolve().parents[2] / "pipelines" / "restoration.yaml"
SIDE, TINY = 512, 64
FITTING = 5
"""Photographs that the map is fitted on; not those that are restored."""
FOLDERS = ("Kodak24", "CBSD68", "Urban100")
SERIAL = "serial"


def main() -> None:
    """Read the options, make the photographs, and run the executors in turns."""
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=20, help="photographs to restore")
    options.add_argument("--runs", type=int, default=5, help="runs that medians are taken of")
    options.add_argument("--workers", type=int, default=2, help="workers of `threads` and of `processes`")
    args = options.parse_args()
    runs, count = (2, 4) if args.quick else (args.runs, args.count)
    print(header("Executors", args.threads))
    cv2.setNumThreads(args.threads)
    executors: dict[str, dict[str, Any]] = {SERIAL: {"executor": SERIAL}}
    for name in ("threads", "processes"):
        executors[f"{name} {args.workers}"] = {"executor": name, "workers": args.workers}
    with tempfile.TemporaryDirectory() as folder:
        sources, origin = _photographs(args.data)
        print(f"Restoration of {count} photographs ({origin}), fitted on {FITTING}; medians of {runs} runs, seconds.\n")
        whole, tiny = Path(folder, "whole"), Path(folder, "tiny")
        _make(whole, sources, {"clean": FITTING, "truth": count}, SIDE)
        _make(tiny, sources, {"clean": 2, "truth": 2}, TINY)
        start = _interleaved(tiny, executors, runs)
        found = _interleaved(whole, executors, runs)
    rows = []
    for name, times in found.items():
        spent, begin = median(times), max(0.0, median(start[name]) - median(start[SERIAL]))
        ratio, rest = (median(found[SERIAL]) / seconds for seconds in (spent, spent - begin))
        spread = f"{min(times):.2f} to {max(times):.2f}"
        rows.append((name, f"{spent:.2f}", spread, f"{ratio:.2f} x", f"{begin:.2f}", f"{rest:.2f} x"))
    columns = ("executor", "seconds", "of", "faster than serial", "start-up of the workers", "faster without it")
    print(table(columns, rows))
    print("The files of all runs were equal, byte for byte.\n")
    finish(args.out, "executors", {"count": count, "runs": found, "tiny": start})


def _interleaved(folder: Path, executors: dict[str, dict[str, Any]], runs: int) -> dict[str, list[float]]:
    """Seconds of each run of each executor, in turns after one that is not counted; ends where results differ."""
    pipeline = Pipeline.from_yaml(PIPELINE)
    inputs = {name: str(folder / name) for name in ("clean", "truth")}
    times: dict[str, list[float]] = {name: [] for name in executors}
    wanted = ""
    for turn in range(runs + 1):
        for name, how in executors.items():
            with tempfile.TemporaryDirectory(dir=folder) as out:
                start = time.perf_counter()
                pipeline.run(inputs, out=out, **how)
                spent = time.perf_counter() - start
                made = _digest(Path(out))
            wanted = wanted or made
            if made != wanted:
                sys.exit(f"'{name}' wrote other files than '{SERIAL}'")
            if turn:
                times[name].append(spent)
    return times


def _digest(folder: Path) -> str:
    """Of the names and bytes of all files."""
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def _photographs(data: Path) -> tuple[list[np.ndarray], str]:
    """Colour photographs `(H, W, 3)`, 8 bits, and where they are from."""
    paths = [path for name in FOLDERS for path in sorted((data / "photos" / name).glob("*.png"))]
    if paths:
        return [cv2.imread(str(path), cv2.IMREAD_COLOR) for path in paths], f"crops of {', '.join(FOLDERS)}"
    source = open_source("sample:photos", Registry.installed())
    shown = [np.rint(255 * source.load(key).numpy()[..., ::-1]).astype(np.uint8) for key in source.keys()]
    return shown, "crops of the sample photographs"


def _make(folder: Path, sources: list[np.ndarray], counts: dict[str, int], side: int) -> None:
    """Square crops as PNG files, a folder for each name; a photograph that is too small is reflected at its borders."""
    rng, taken = np.random.default_rng(0), 0
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for index in range(count):
            pixels = sources[taken % len(sources)]
            taken += 1
            low, wide = (max(0, side - length) for length in pixels.shape[:2])
            pixels = cv2.copyMakeBorder(pixels, 0, low, 0, wide, cv2.BORDER_REFLECT_101)
            top, left = (int(rng.integers(0, length - side + 1)) for length in pixels.shape[:2])
            crop = np.ascontiguousarray(pixels[top : top + side, left : left + side])
            cv2.imwrite(str(folder / name / f"{index:04d}.png"), crop)


if __name__ == "__main__":
    main()
