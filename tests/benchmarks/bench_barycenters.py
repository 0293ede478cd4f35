"""`sinkhorn.barycenter` beside POT's convolutional barycentres: time to one accuracy on one grid, in one process.

POT's grid goes from 0 to 1, and its kernel is `exp(-|x - y|^2 / reg)`. The plain barycentre is measured by its distance
in L1 to one that is solved to 1e-9, and the time is that of the loosest tolerance at which it is as near as POT's. The
debiased one has no stable limit in L1 (details finer than the blur come in for ever): it is measured by what it
minimises, the weighted sum of Sinkhorn divergences, solved by other code. POT adds `stabThr` under the logarithm, by
default so much (1e-30 and 1e-15) that it comes to something else where densities lie far apart: here it is 1e-300.
Everything runs on one processor.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import warnings
from pathlib import Path
from typing import Any

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import cv2
import numpy as np
import torch
from bench import finish, header, median_of, parser, require, table
from otframe_sinkhorn.barycenter import SinkhornBarycenter
from otframe_sinkhorn.divergence import SinkhornDivergence

from otframe.errors import ConvergenceError
from otframe.interfaces import Context
from otframe.values import Density

REG = 4e-3
_UNDER = 1e-300
BLUR = math.sqrt(REG / 2)
TOLERANCES = (1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 1e-6)
_SHAPES = ("star", "heart", "duck", "tooth", "A", "cross", "moon_a", "threeblobs_a", "triangle", "square")


def main() -> None:
    """Read the options, and run all parts."""
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=3, help="runs that medians are taken of")
    options.add_argument("--sides", type=int, nargs="*", default=[128, 256], help="sides of the grids")
    options.add_argument("--counts", type=int, nargs="*", default=[4, 10], help="numbers of densities")
    options.add_argument("--sets", nargs="*", default=["shapes", "digits", "photos"], help="what is averaged")
    options.add_argument("--parts", nargs="*", default=["plain", "debiased"], help="which barycentres")
    args = options.parse_args()
    require(args.data, "shapes", "mnist", "photos/Kodak24", "photos/Kodak24_train")
    print(header("Entropic barycentres on grids", args.threads))
    runs, sides, counts = (1, [32], [2]) if args.quick else (args.runs, args.sides, args.counts)
    print(f"Kernel `exp(-|x - y|^2 / {REG})` (a blur of {BLUR:.4f} of the side), float64. Medians of {runs} runs.\n")
    wanted = [(name, side, count) for side in sides for count in counts for name in args.sets]
    cases = [(name, side, densities(args.data, name, side, count)) for name, side, count in wanted]
    for debiased in (False, True):  # what is slow the first time only
        warm = densities(args.data, "shapes", 16, 2)
        theirs(warm, debiased), ours(warm, debiased, 1e-3)
    plain = [_plain(*case, runs) for case in cases if "plain" in args.parts]
    columns = ("plain", "side", "n", "ours, s", "iterations", "L1", "POT, s", "iterations", "L1", "faster")
    if plain:
        print(table(columns, plain))
    sharp = [_debiased(*case, runs, args.out) for case in cases if "debiased" in args.parts]
    names = ("debiased", "side", "n", "ours, s", "iterations", "objective", "POT, s", "iterations", "objective")
    if sharp:
        print(table((*names, "mass", "faster"), sharp))
    finish(args.out, "barycenters", {"plain": plain, "debiased": sharp})


def densities(data: Path, name: str, side: int, count: int) -> list[Density]:
    """Shapes, handwritten digits, or photographs' luminance, on POT's grid."""
    if name == "shapes":
        pictures = [255 - _gray(data / "shapes" / f"{name}.png") for name in _SHAPES[:count]]
    elif name == "digits":
        held = np.load(next(iter(sorted((data / "mnist").glob("*.npz")))))
        pictures = list(next(held[key] for key in held.files if held[key].ndim == 3)[: 7 * count : 7])
    else:
        photos = [
            *sorted((data / "photos/Kodak24").glob("*.png")),
            *sorted((data / "photos/Kodak24_train").glob("*.png")),
        ]
        pictures = [_gray(path) for path in photos[:count]]
    return [Density(_resized(picture, side), (1 / (side - 1),) * 2) for picture in pictures]


def _gray(path: Path) -> np.ndarray:
    found = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert found is not None
    return found


def _resized(picture: np.ndarray, side: int) -> torch.Tensor:
    how = cv2.INTER_LINEAR if picture.shape[0] < side else cv2.INTER_AREA
    made = torch.from_numpy(np.maximum(cv2.resize(picture.astype(np.float64), (side, side), interpolation=how), 0))
    return made / made.sum()


def ours(given: list[Density], debiased: bool, tol: float) -> Any:
    """Our barycentre, or what was reached."""
    solver = SinkhornBarycenter(blur=BLUR, unit="length", debiased=debiased, tol=tol, iterations=3000)
    try:
        return solver.solve(given, ctx=Context())
    except ConvergenceError as error:
        return error.state


def theirs(given: list[Density], debiased: bool) -> tuple[np.ndarray, int]:
    """POT's barycentre as its defaults stop it, and its iterations."""
    import ot.bregman

    masses = np.stack([part.mass.numpy() for part in given])
    which = ot.bregman.convolutional_barycenter2d_debiased if debiased else ot.bregman.convolutional_barycenter2d
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made, log = which(masses, REG, log=True, stabThr=_UNDER)
    return made, log["niter"] + 1


def _plain(name: str, side: int, given: list[Density], runs: int) -> list[str]:
    reference = ours(given, False, 1e-9).mass
    spent, (made, iterations) = median_of(lambda: theirs(given, False), runs)
    far = _apart(torch.from_numpy(made), reference)
    for tol in TOLERANCES:
        found = ours(given, False, tol)
        near = _apart(found.mass, reference)
        if near <= far:
            break
    took, _ = median_of(lambda: ours(given, False, tol), runs)
    row = [name, str(side), str(len(given)), f"{took:.3f}", str(found.info.iterations), f"{near:.1e}"]
    row += [f"{spent:.3f}", str(iterations), f"{far:.1e}", f"{spent / took:.0f} x"]
    return _told(row)


def _debiased(name: str, side: int, given: list[Density], runs: int, out: Path | None) -> list[str]:
    spent, (made, iterations) = median_of(lambda: theirs(given, True), runs)
    other = Density(torch.from_numpy(made), given[0].spacing)
    far = objective(other, given)
    for tol in TOLERANCES:
        found = ours(given, True, tol)
        near = objective(found, given)
        if near <= far:
            break
    took, _ = median_of(lambda: ours(given, True, tol), runs)
    row = [name, str(side), str(len(given)), f"{took:.3f}", str(found.info.iterations), f"{near:.7f}"]
    row += [f"{spent:.3f}", str(iterations), f"{far:.7f}", f"{float(made.sum()):.6f}", f"{spent / took:.0f} x"]
    if out is not None:
        _drawn(out / f"barycenters_{name}_{side}_{len(given)}.png", [*given, ours(given, False, 1e-3), found, other])
    return _told(row)


def objective(found: Density, given: list[Density]) -> float:
    """The mean of the Sinkhorn divergences from the densities."""
    measure = SinkhornDivergence(blur=BLUR, unit="length", tol=1e-6)
    return statistics.fmean(float(measure(found, part, ctx=Context()).divergence) for part in given)


def _apart(mass: torch.Tensor, reference: torch.Tensor) -> float:
    return float((mass / mass.sum() - reference).abs().sum())


def _told(row: list[str]) -> list[str]:
    print("|", " | ".join(row), "|", file=sys.stderr, flush=True)
    return row


def _drawn(path: Path, measures: list[Density]) -> None:
    """All in a row: what was given, our plain and debiased barycentre, and POT's debiased one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [(part.mass / part.mass.max()).numpy() for part in measures]
    cv2.imwrite(str(path), (255 * np.concatenate(parts, 1)).astype(np.uint8))


if __name__ == "__main__":
    main()
