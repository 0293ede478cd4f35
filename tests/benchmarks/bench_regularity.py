"""Noise, gradients and bands after colour transfer, with and without regularisation.

Even ramps without noise and with a little, rounded to 8 bits, and photographs with skies are recoloured by maps that
know nothing of regularity: the affine map of two Gaussian laws, the table of `sliced.transport`, and an exact plan
between 1000 colours with the nearest of them for the rest, as POT's out-of-sample maps do. Each result is then
regularised; beside them stands `color.relaxed`, which makes a regular map at once. Told are what `color.artifacts`
measures on the results rounded to 8 bits (`-` where all is clipped), the sliced distance to the reference that is left,
and the seconds of the regularisation alone (of `color.relaxed`, those of the solver).

At last the filters are timed, and their peak memory told, at 12 megapixels.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from bench import finish, header, median_of, parser, require, table
from otframe_color.artifacts import measured
from otframe_color.cloud_value import ColorCloud

from otframe import Image, component
from otframe.interfaces import Context
from otframe.values import PointCloud, PointMap

PHOTOGRAPHS = {"ocean": (95, 170), "scotland": (30, 250), "woods": (150, 180), "flowers": (150, 250)}
"""Photographs whose skies or leaves are flat, and the corners of the crops that are shown."""
CASES = ("even ramp", "ramp", *PHOTOGRAPHS)
CROP, ZOOM, EDGE = 150, 2, 20
COLORS = 1000
LARGE = 4000, 3000
Rows = dict[str, dict[str, float | None]]
COLUMNS = ("noise", "worst noise", "gradients", "banding", "left", "s")
TREATMENTS: dict[str, dict[str, Any]] = {
    "guided": {"use": "color.regularize", "with": {}},
    "map": {"use": "color.regularize", "with": {"method": "map"}},
    "variational": {"use": "color.variational", "with": {}},
}


def main() -> None:
    """Read the options, and run all parts."""
    options = parser(__doc__)
    options.add_argument("--cases", nargs="+", choices=CASES, default=CASES, help="what is recoloured")
    args = options.parse_args()
    require(args.data, "color_pairs")
    print(header("Regularity of colour transfer", args.threads))
    cv2.setNumThreads(args.threads)
    folder = args.data / "color_pairs"
    numbers, crops = {}, {}
    for name in args.cases[: 1 if args.quick else None]:
        if name in PHOTOGRAPHS:
            source, target = (_photo(folder, f"{name}_{side}") for side in ("source", "target"))
        else:
            source, target = ramp(0.0 if name == "even ramp" else 1.0), _photo(folder, "ocean_target")
        numbers[name], made = compared(source, target)
        top, left = PHOTOGRAPHS.get(name, (120, 200))
        crops[name] = {key: pixels[top : top + CROP, left : left + CROP] for key, pixels in made.items()}
        start = _left(source, target)
        print(f"'{name}', {source.shape[1]} x {source.shape[0]}; the sliced distance at the start is {start:.4f}:\n")
        print(table(("map, then", *COLUMNS), [(key, *row) for key, row in _told(numbers[name]).items()]))
    print("Geometric means over all of these:\n")
    print(table(("map, then", *COLUMNS), [(key, *row) for key, row in _told(_means(numbers)).items()]))
    if args.out is not None:
        sheet(args.out / "regularity.png", crops)
    large = {} if args.quick else timed(folder)
    finish(args.out, "regularity", {"artifacts": numbers, "12 megapixels": large})


def ramp(level: float) -> np.ndarray:
    """An even ramp from blue to white, with noise of about a level times that number, rounded to 8 bits."""
    random = np.random.default_rng(0)
    along = 0.8 * np.linspace(0, 1, 400)[:, None, None] + 0.2 * np.linspace(0, 1, 600)[None, :, None]
    dark, light = np.array([0.15, 0.35, 0.7]), np.array([0.75, 0.82, 0.9])
    noise = random.normal(0, 0.7, (400, 600, 1)) + random.normal(0, 0.5, (400, 600, 3))
    return _bytes(dark + (light - dark) * along + level * noise / 255)


def compared(source: np.ndarray, target: np.ndarray) -> tuple[Rows, dict[str, np.ndarray]]:
    """The numbers of each map and treatment, and the recoloured images."""
    image, reference = Image.from_numpy(source), _cloud(target)
    rows: Rows = {}
    made = {"source": source}

    def told(name: str, result: Image, seconds: float) -> None:
        made[name] = _bytes(result.numpy())
        rounded = Image.from_numpy(made[name])
        found = measured(image, rounded)
        values = (found.noise, found.worst_noise, found.gradients, found.banding, _left(made[name], target), seconds)
        rows[name] = dict(zip(COLUMNS, values, strict=True))

    for name, map in maps(source, target).items():
        raw = image.with_grid(_moved(map, source))
        told(f"{name}, raw", raw, 0.0)
        for label, asked in TREATMENTS.items() if name != "gaussian" else ():
            start = time.perf_counter()
            treat = component(asked["use"], **asked["with"])
            given = (image, reference, raw) if label == "variational" else (image, raw)
            result = treat(*given, ctx=Context()).image if len(given) == 3 else treat(*given)
            told(f"{name}, {label}", result, time.perf_counter() - start)
    solver = component("color.relaxed")
    start = time.perf_counter()
    map = solver.solve(_cloud(source), reference, ctx=Context())
    told("relaxed", image.with_grid(_moved(map, source)), time.perf_counter() - start)
    return rows, made


def maps(source: np.ndarray, target: np.ndarray) -> dict[str, Callable[[torch.Tensor], torch.Tensor]]:
    """Maps of colours that know nothing of images."""
    clouds = _cloud(source), _cloud(target)
    fold = component("gaussian.statistics")
    laws = [fold.finish(fold.lift(cloud)) for cloud in clouds]
    few = [_drawn(cloud, seed) for seed, cloud in enumerate(clouds)]
    plan = component("exact.network").solve(*few)
    return {
        "gaussian": component("gaussian.transport").solve(*laws),
        "sliced": component("sliced.transport").solve(*clouds, ctx=Context()),
        "nearest": PointMap(plan.cost, plan.info, few[0].points, plan(few[0].points).to(few[0].points)),
    }


def sheet(path: Path, crops: dict[str, dict[str, np.ndarray]]) -> None:
    """Crops twice as large, a case a row, a method a column."""
    side, names = CROP * ZOOM, list(next(iter(crops.values())))
    page = np.full((len(crops) * (side + 4) + EDGE, len(names) * (side + 4), 3), 255, np.uint8)
    for column, name in enumerate(names):
        left = column * (side + 4)
        cv2.putText(page, name, (left + 4, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
        for row, found in enumerate(crops.values()):
            top = EDGE + row * (side + 4)
            page[top : top + side, left : left + side] = found[name].repeat(ZOOM, 0).repeat(ZOOM, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), page[..., ::-1])
    print(f"written: {path.name}")


def timed(folder: Path) -> dict[str, dict[str, float]]:
    """Seconds and memory of the filters at 12 megapixels."""
    source = cv2.resize(_photo(folder, "ocean_source"), LARGE, interpolation=cv2.INTER_CUBIC)
    image = Image.from_numpy(source)
    moved = image.with_grid(image.pixels.square())
    found = {}
    for name, options in (("guided", {}), ("guided, iterations 3", {"iterations": 3}), ("map", {"method": "map"})):
        before = _peak()
        seconds, _ = median_of(lambda options=options: component("color.regularize", **options)(image, moved), 3)
        found[name] = {"seconds": seconds, "MB more": _peak() - before}
    print("`color.regularize` at 12 megapixels, float32 planes (an image is 144 MB):\n")
    rows = [(name, f"{row['seconds']:.2f}", f"{row['MB more']:.0f}") for name, row in found.items()]
    print(table(("", "s", "peak MB above what came before"), rows))
    return found


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _photo(folder: Path, name: str) -> np.ndarray:
    path = next(folder.glob(f"{name}.*"))
    return np.ascontiguousarray(cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1])


def _bytes(pixels: np.ndarray) -> np.ndarray:
    return np.rint(pixels.clip(0, 1) * 255).astype(np.uint8)


def _cloud(pixels: np.ndarray) -> ColorCloud:
    return ColorCloud(torch.from_numpy(pixels.reshape(-1, 3).astype(np.float32) / 255))


def _drawn(cloud: PointCloud, seed: int) -> PointCloud:
    index = np.random.default_rng(seed).choice(cloud.count, COLORS, replace=False)
    return PointCloud(cloud.points[torch.from_numpy(index)].double())


def _moved(map: Callable[[torch.Tensor], torch.Tensor], source: np.ndarray) -> torch.Tensor:
    made = map(_cloud(source).points).float()
    return made.T.reshape(3, *source.shape[:2]).contiguous()


def _left(pixels: np.ndarray, target: np.ndarray) -> float:
    judge = component("sliced.distance")
    return float(judge(_cloud(pixels), _cloud(target), ctx=Context()).distance)


def _means(numbers: dict[str, Rows]) -> Rows:
    return {
        name: {column: _geometric([case[name][column] for case in numbers.values()]) for column in COLUMNS}
        for name in next(iter(numbers.values()))
    }


def _geometric(values: list[float | None]) -> float:
    return float(np.exp(np.mean([np.log(max(value, 1e-6)) for value in values if value is not None])))


def _told(rows: Rows) -> dict[str, list[str]]:
    digits = dict(zip(COLUMNS, (2, 2, 3, 2, 4, 2), strict=True))
    return {name: [_cell(row[column], digits[column]) for column in COLUMNS] for name, row in rows.items()}


def _cell(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    main()
