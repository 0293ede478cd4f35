"""Segmentation by histogram transport beside its peers, on composites of real photographs with known regions.

1. Sixteen photographs into which a texture, or a crop of another photograph, is pasted through a shape. All methods are
   given the same strokes: three inside and six outside, drawn at random and not too near to the boundary. Told are the
   intersection over union with the pasted shape and the CPU time.
   - transport: `segment.regions` as it is; unbounded: with any capacity, so that nothing is used up;
   - exact: without entropy; balanced: that with `capacity: 1`, the transport of the papers;
   - L1, L2: the same palette, perimeter and iteration, and a bin-wise distance of histograms; L1 with the capacity of
     exact, L2 has none;
   - Bayes: likelihood ratio of histograms smoothed over the palette, and the same perimeter;
   - random walker (scikit-image); GrabCut (OpenCV), begun at the random walker's regions, which did better than to
     begin with all that is unknown on either side.
   Everything that is set was chosen on twelve other photographs, for the peers too.
2. Co-segmentation: the same texture in two photographs through two shapes, without strokes and with strokes on one.
   What is set was chosen on four other pairs, but for its order of magnitude, which was seen on these.
3. A photograph of 12 megapixels: time, and peak memory above that of the image.

With --out, contact sheets: the composite with its strokes, the truth, and what each method found.
"""

from __future__ import annotations

import resource
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from bench import finish, header, parser, require, table
from otframe_segment.layers import View
from otframe_segment.palette import palette_of
from otframe_segment.regions import Regions
from otframe_segment.terms import Slot
from otframe_segment.values import Scribbles
from skimage.segmentation import random_walker

from otframe import Image, component
from otframe.interfaces import Context

CASES = (
    ("photos/CBSD68/105025.png", "duck", "textures/wgenpatex_veins.png"),
    ("photos/CBSD68/106024.png", "heart", "textures/dcor_hex4.png"),
    ("photos/CBSD68/123074.png", "tooth", "textures/dcor_weave32.jpg"),
    ("photos/CBSD68/126007.png", "redcross", "textures/heitz_brick31.png"),
    ("photos/CBSD68/12084.png", "shape1filled", "textures/gatys_pebbles.jpg"),
    ("photos/CBSD68/108070.png", "shape2filled", "textures/ulyanov_redpeppers.jpg"),
    ("photos/Kodak24/kodim01.png", "duck", "textures/heitz_moss7.png"),
    ("photos/Kodak24/kodim03.png", "heart", "textures/dcor_tile14.png"),
    ("photos/Kodak24/kodim07.png", "tooth", "textures/wgenpatex_1.png"),
    ("photos/Kodak24/kodim11.png", "threeblobs_a", "textures/heitz_poppy54.png"),
    ("photos/Kodak24/kodim13.png", "redcross", "photos/Kodak24/kodim15.png"),
    ("photos/Kodak24/kodim09.png", "moon_a", "textures/grass566.png"),
    ("photos/CBSD68/103070.png", "duck", "photos/CBSD68/108005.png"),
    ("photos/CBSD68/119082.png", "tooth", "photos/CBSD68/134035.png"),
    ("photos/CBSD68/102061.png", "heart", "photos/CBSD68/101087.png"),
    ("photos/CBSD68/130026.png", "shape1filled", "photos/CBSD68/109053.png"),
)
"""Photograph, shape, and what is pasted through it."""

PAIRS = ((0, 7), (4, 5), (8, 3), (2, 6))
"""Cases whose photographs and shapes are taken, with the filling of the first of each pair."""

NAMES = ("object", "background")


@dataclass(frozen=True)
class Case:
    """A composite `(H, W, 3)` uint8, where the object is `(H, W)`, and strokes: 0 on it, 1 beside it, -1 elsewhere."""

    name: str
    photo: np.ndarray
    truth: np.ndarray
    strokes: np.ndarray

    @property
    def image(self) -> Image:
        """As a value."""
        return Image.from_numpy(self.photo)

    @property
    def scribbles(self) -> Scribbles:
        """As a value."""
        return Scribbles(torch.from_numpy(self.strokes).long(), NAMES)


def composite(data: Path, number: int, filling: str | None = None) -> Case:
    """One of the cases, always the same; or its photograph and shape with another filling."""
    dice = np.random.default_rng([0, number])
    name, shape, own = CASES[number]
    photo, fill = (cv2.imread(str(data / part))[..., ::-1] for part in (name, filling or own))
    cut = 1 - cv2.imread(str(data / "shapes" / f"{shape}.png"))[..., 0] / 255.0
    rows, columns = np.nonzero(cut > 0.5)
    cut = cut[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    scale = dice.uniform(0.45, 0.65) * min(photo.shape[:2]) / max(cut.shape)
    cut = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    height, width = cut.shape
    top, left = (int(dice.integers(4, side - part - 4)) for side, part in zip(photo.shape, cut.shape, strict=False))
    larger = max(height / fill.shape[0], width / fill.shape[1])
    if larger > 1 and (filling or own).startswith("textures"):
        fill = np.tile(fill, (int(np.ceil(larger)), int(np.ceil(larger)), 1))
    elif larger > 1:
        fill = cv2.resize(fill, None, fx=larger + 0.01, fy=larger + 0.01)
    y, x = (int(dice.integers(0, side - part + 1)) for side, part in zip(fill.shape, cut.shape, strict=False))
    mask = np.zeros(photo.shape[:2])
    mask[top : top + height, left : left + width] = cut.clip(0, 1)
    pasted = photo.astype(float)
    pasted[top : top + height, left : left + width] = fill[y : y + height, x : x + width]
    blended = photo * (1 - mask[..., None]) + pasted * mask[..., None]
    strokes = np.full(mask.shape, -1)
    side = min(mask.shape)
    for label, count, length in ((0, 3, 0.2), (1, 6, 0.3)):
        inside = (mask > 0.5) == (label == 0)
        for _ in range(count):
            strokes[stroke(dice, inside, length * side, max(3, round(side / 90)))] = label
    return Case(Path(name).stem, np.rint(blended).astype(np.uint8), mask > 0.5, strokes)


def stroke(dice: np.random.Generator, inside: np.ndarray, length: float, width: int) -> np.ndarray:
    """A winding line inside a region, from a place that is likelier far from its boundary."""
    depth = cv2.distanceTransform(np.pad(inside.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    depth = np.where(depth > width, depth, 0)
    chance = depth.ravel() if depth.any() else inside.ravel().astype(float)
    y, x = divmod(int(dice.choice(chance.size, p=chance / chance.sum())), inside.shape[1])
    points, angle = [(float(x), float(y))], dice.uniform(0, 2 * np.pi)
    for _ in range(int(length / 4)):
        for turn in range(20):
            tried = angle + dice.normal(0, 0.25 + 0.15 * turn)
            x, y = points[-1][0] + 4 * np.cos(tried), points[-1][1] + 4 * np.sin(tried)
            if 0 <= y < inside.shape[0] and 0 <= x < inside.shape[1] and depth[int(y), int(x)] > width:
                angle = tried
                points.append((x, y))
                break
    drawn = np.zeros(inside.shape, np.uint8)
    cv2.polylines(drawn, [np.rint(points).astype(np.int32)], False, 1, width)
    return (drawn > 0) & inside


def ours(**options: object) -> Callable[[Case], np.ndarray]:
    """`segment.regions` with some options."""
    return lambda case: _labels(component("segment.regions", **options), case)


def _labels(solver: object, case: Case) -> np.ndarray:
    return solver(case.image, case.scribbles, ctx=Context()).labels.numpy() == 0  # type: ignore[operator]


@dataclass(eq=False)
class Euclidean:
    """The L2 distance of a region's histogram to its exemplar, in the place of a transport: `s |H u - a <u, 1>|`."""

    source: Slot
    exemplar: torch.Tensor
    scale: float
    cost: torch.Tensor
    dual: torch.Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.dual = torch.zeros_like(self.exemplar)

    def _off(self, histograms: dict[Slot, torch.Tensor]) -> torch.Tensor:
        mass = histograms[self.source]
        return mass - self.exemplar * mass.sum()

    def add_prices(self, into: dict[Slot, torch.Tensor], blur: float) -> None:
        """The dual vector is what a pixel of each colour costs."""
        into[self.source] += self.dual - (self.exemplar * self.dual).sum()

    def ascend(self, histograms: dict[Slot, torch.Tensor], blur: float, step: float) -> None:
        """A dual step, into the ball of radius `s`."""
        self.dual = self.dual + 4.0 * self._off(histograms)
        self.dual = self.dual * min(1.0, self.scale / max(float(self.dual.norm()), 1e-12))

    def value(self, histograms: dict[Slot, torch.Tensor], blur: float) -> float:
        """The distance."""
        return self.scale * float(self._off(histograms).norm())


class EuclideanRegions(Regions):
    """The same model with the L2 distance of histograms."""

    scale: float = 2.0
    """What the distance counts."""

    def _terms(self, costs: torch.Tensor, exemplars: torch.Tensor) -> list[Euclidean]:  # type: ignore[override]
        return [Euclidean((0, k), row, self.scale, costs) for k, row in enumerate(exemplars)]


def bayes(case: Case, smoothness: float = 4.0, blur: float = 0.02, floor: float = 0.02) -> np.ndarray:
    """The likelihood ratio of histograms, smoothed over the palette and mixed with an even one, and the perimeter."""
    rng = torch.Generator().manual_seed(0)
    view = View.of(case.image, case.scribbles.labels, 2, max(case.truth.shape), 1.0)
    pixels = view.features.flatten(1).T
    palette = palette_of(pixels[torch.randperm(len(pixels), generator=rng)[: 1 << 14]], 128, rng)
    grid = view.grid(palette, view.size, smoothness, 0.0, None)
    near = torch.exp(-torch.cdist(palette, palette).double().square() / (2 * blur**2))
    costs = []
    for under in view.strokes:
        mass = near / near.sum(0) @ grid.binned.sums(under).double()
        costs.append(-0.25 * torch.log((1 - floor) * mass / mass.sum() + floor / len(palette)))
    for _ in range(300):
        grid.step(costs, 0.25, 0.5)
    return (grid.planes[0] > 0.5).numpy()


def walker(case: Case, beta: float = 1000.0) -> np.ndarray:
    """scikit-image's random walker."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        labels = random_walker(case.photo / 255, case.strokes + 1, beta=beta, mode="cg_j", channel_axis=-1)
    return labels == 1


def grabcut(case: Case) -> np.ndarray:
    """OpenCV's GrabCut, eight rounds."""
    mask = np.where(walker(case), cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    mask[case.strokes == 0], mask[case.strokes == 1] = cv2.GC_FGD, cv2.GC_BGD
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(np.ascontiguousarray(case.photo[..., ::-1]), mask, None, *models, 8, cv2.GC_INIT_WITH_MASK)
    return (mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)


EXACT = {"entropy": 0.0, "cost": "saturated", "reach": 0.12, "smoothness": 1.2, "tolerance": 5e-3, "max_iter": 200}
METHODS: dict[str, Callable[[Case], np.ndarray]] = {
    "transport": ours(),
    "unbounded": ours(capacity=1e6),
    "exact": ours(**EXACT),
    "balanced": ours(**EXACT, capacity=1.0),
    "L1": ours(**{**EXACT, "cost": "binwise"}),
    "L2": lambda case: _labels(EuclideanRegions(smoothness=1.0, max_iter=200), case),
    "Bayes": bayes,
    "walker": walker,
    "GrabCut": grabcut,
}


def overlap(found: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union."""
    return float((found & truth).sum() / max(1, (found | truth).sum()))


def main() -> None:
    """Read the options, and run the parts."""
    options = parser(__doc__)
    args = options.parse_args()
    require(args.data, "photos", "textures", "shapes")
    print(header("Segmentation", args.threads))
    cv2.setNumThreads(args.threads)
    numbers = range(2 if args.quick else len(CASES))
    cases = [composite(args.data, number) for number in numbers]
    found = {name: [timed(method, case) for case in cases] for name, method in METHODS.items()}
    told = {
        name: [overlap(mask, case.truth) for (mask, _), case in zip(row, cases, strict=True)]
        for name, row in found.items()
    }
    spent = {name: [seconds for _, seconds in row] for name, row in found.items()}
    rows = [(f"{case.name} ({CASES[n][1]})", *(f"{told[m][n]:.3f}" for m in METHODS)) for n, case in enumerate(cases)]
    for label, of in (("mean", statistics.mean), ("median", statistics.median), ("worst", min)):
        rows.append((f"**{label}**", *(f"{of(told[name]):.3f}" for name in METHODS)))
    rows.append(("median CPU s", *(f"{statistics.median(spent[name]):.2f}" for name in METHODS)))
    print("Intersection over union:\n")
    print(table(("photograph", *METHODS), rows))
    shared = cosegmented(args, PAIRS[:1] if args.quick else PAIRS)
    large = None if args.quick else megapixels(cases[2])
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        masks = {name: [mask for mask, _ in row] for name, row in found.items()}
        sheet(args.out / "segmentation.png", cases, masks, told)
    finish(args.out, "segmentation", {"overlap": told, "seconds": spent, "shared": shared, "large": large})


def timed(method: Callable[[Case], np.ndarray], case: Case) -> tuple[np.ndarray, float]:
    """What a method finds, and its CPU time."""
    start = time.process_time()
    return method(case), time.process_time() - start


def cosegmented(args: object, pairs: Sequence[tuple[int, int]]) -> list[list[float]]:
    """One filling in two photographs."""
    rows, shown = [], []
    for first, second in pairs:
        filling = CASES[first][2]
        cases = [composite(args.data, number, filling) for number in (first, second)]  # type: ignore[attr-defined]
        row: list[float] = []
        for strokes in (None, cases[0].scribbles):
            start = time.process_time()
            made = component("segment.cosegment")(cases[0].image, cases[1].image, strokes, ctx=Context())
            masks = [part.labels.numpy() == 0 for part in made]
            row += [overlap(mask, case.truth) for mask, case in zip(masks, cases, strict=True)]
            row.append(time.process_time() - start)
            shown += [drawn(case.photo, mask) for case, mask in zip(cases, masks, strict=True)]
        rows.append(row)
    print("Co-segmentation, intersection over union in both photographs:\n")
    columns = ("filling", "first", "second", "CPU s", "first, with strokes", "second", "CPU s")
    print(table(columns, [(CASES[a][2], *(f"{n:.3f}" for n in row)) for (a, _), row in zip(pairs, rows, strict=True)]))
    if args.out is not None:  # type: ignore[attr-defined]
        args.out.mkdir(parents=True, exist_ok=True)  # type: ignore[attr-defined]
        tiles = [tile(picture) for picture in shown]
        write(args.out / "cosegmentation.png", [tiles[k : k + 4] for k in range(0, len(tiles), 4)])  # type: ignore[attr-defined]
    return rows


def megapixels(case: Case) -> dict[str, float]:
    """A composite enlarged to 12 megapixels, with the strokes of the small one."""
    scale = (12e6 / case.truth.size) ** 0.5
    size = tuple(round(scale * side) for side in case.truth.shape[::-1])
    image = Image.from_numpy(cv2.resize(case.photo, size, interpolation=cv2.INTER_CUBIC))
    truth = cv2.resize(case.truth.astype(np.uint8) * 255, size, interpolation=cv2.INTER_CUBIC) > 127
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    found = component("segment.regions")(image, case.scribbles, ctx=Context())
    spent = time.process_time() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
    told = {"IoU": overlap(found.labels.numpy() == 0, truth), "CPU s": spent, "MB above the peak before": grown}
    print(
        f"12 megapixels ({size[0]} x {size[1]}): {', '.join(f'{name} {number:.3g}' for name, number in told.items())}\n"
    )
    return told


def drawn(photo: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """What is found, on a greyed photograph, with a line around it."""
    grey = np.repeat(photo.mean(2, keepdims=True) * 0.4, 3, axis=2)
    picture = np.where(mask[..., None], photo, grey).astype(np.uint8)
    lines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.ascontiguousarray(picture), lines, -1, (255, 255, 255), 2)


def tile(picture: np.ndarray, caption: str = "", side: int = 220) -> np.ndarray:
    """A picture on a white square, with a caption."""
    scale = side / max(picture.shape[:2])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    made = np.full((side + 18, side + 4, 3), 255, np.uint8)
    made[: min(side, small.shape[0]), : min(side, small.shape[1])] = small[:side, :side]
    cv2.putText(made, caption, (2, side + 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return made


def write(path: Path, rows: Sequence[Sequence[np.ndarray]]) -> None:
    """Tiles in rows."""
    cv2.imwrite(str(path), np.vstack([np.hstack(row) for row in rows])[..., ::-1])


def sheet(path: Path, cases: Sequence[Case], masks: dict[str, list[np.ndarray]], told: dict[str, list[float]]) -> None:
    """A row for each case: strokes, truth, and every method with its score."""
    rows = []
    for n, case in enumerate(cases):
        marked = case.photo.copy()
        marked[case.strokes == 0], marked[case.strokes == 1] = (255, 0, 0), (0, 0, 255)
        row = [tile(marked, case.name), tile(drawn(case.photo, case.truth), "truth")]
        row += [tile(drawn(case.photo, masks[name][n]), f"{name} {told[name][n]:.3f}") for name in masks]
        rows.append(row)
    write(path, rows)


if __name__ == "__main__":
    main()
