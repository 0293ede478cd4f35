"""Colour tables beside other tools: agreement, time to apply to 12 megapixels, and what is lost between nodes.

1. A map fitted between two photographs by sliced transport, as a table of 33 nodes on each axis in a `.cube` file, is
   applied to the source, enlarged to 4000 x 3000: by `Lut`, by OpenColorIO's processor on the CPU (default
   optimisation), by ffmpeg's `lut3d` inside PyAV (one thread), and by colour-science on a twelfth of the pixels, its
   time multiplied. Float32 in and out, and 16 bits in and out. What is told beside the time is the largest difference
   from ours. All variants run in turns; copying what a tool overwrites is not counted.
2. How far tables are from their maps, by size, interpolation and nodes, on half of a photograph's pixels that the
   nodes were not fitted to, and over the domain.

With one thread the process's CPU time is told, which what else the machine does changes little.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from bench import finish, header, parser, require, table

from otframe import component
from otframe.errors import UnknownNameError
from otframe.interfaces import Context
from otframe.io import write

SIZE = 4000, 3000
WAYS = ("tetrahedral", "trilinear")
PALETTE = 65_536
PART = 12
"""What colour-science is given: one of so many pixels."""


def main() -> None:
    """Read the options, and run both parts."""
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=5, help="runs that medians are taken of")
    options.add_argument("--pair", default="ocean", help="the pair of photographs")
    args = options.parse_args()
    require(args.data, "color_pairs")
    print(header("Colour tables", args.threads))
    cv2.setNumThreads(args.threads)
    runs = 1 if args.quick else args.runs
    clock = time.process_time if args.threads == 1 else time.perf_counter
    print(f"Medians of {runs} runs, {'CPU' if args.threads == 1 else 'wall-clock'} time in seconds.\n")
    try:
        maps, halves = fitted(args.data / "color_pairs", args.pair)
    except UnknownNameError as error:
        print(f"skipped: {error.message}")
        return
    photo = cv2.resize(_photo(args.data / "color_pairs", f"{args.pair}_source"), SIZE, interpolation=cv2.INTER_CUBIC)
    found: dict[str, Any] = {way: applied(maps["sliced, srgb"], photo, way, runs, clock) for way in WAYS}
    for way in WAYS:
        rows = [
            (name, f"{row['time']:.3f}", f"{row['time'] / found[way]['ours, planes']['time']:.2f}", f"{row['off']:.1e}")
            for name, row in found[way].items()
        ]
        print(f"33 nodes, {way}, 12 megapixels:\n")
        print(table(("", "time", "of ours", "largest difference"), rows))
    found["fidelity"] = lost(maps, halves, (17, 33) if args.quick else (17, 33, 65))
    finish(args.out, "tables", found)


def fitted(folder: Path, pair: str) -> tuple[dict[str, Any], tuple[Any, Any]]:
    """Maps from one photograph to the other, and two palettes of the first."""
    from otframe_color.cloud_value import ColorCloud
    from otframe_color.spaces import converted

    random = torch.Generator().manual_seed(0)
    source, target = (_photo(folder, f"{pair}_{side}").reshape(-1, 3) for side in ("source", "target"))

    def cloud(pixels: np.ndarray, space: Any = "srgb") -> Any:
        picked = torch.randint(len(pixels), (PALETTE,), generator=random).numpy()
        return ColorCloud(converted(torch.from_numpy(pixels[picked]).float() / 255, "srgb", space), None, space)

    made = {}
    for name, solver, space in (
        ("sliced, srgb", "sliced.transport", "srgb"),
        ("sliced, oklab", "sliced.transport", "oklab"),
        ("Gaussian, lab", "gaussian.transport", "lab"),
    ):
        transfer = component("color.transfer", solver={"use": solver})
        made[name] = transfer(cloud(source, space), cloud(target, space), ctx=Context(seed=0))
    return made, (cloud(source), cloud(source))


def applied(
    map: Any, photo: np.ndarray, way: str, runs: int, clock: Callable[[], float]
) -> dict[str, dict[str, float]]:
    """Seconds of each tool, and its largest difference from ours."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "look.cube"
        lut = component("color.table", interpolation=way)(map)
        write(lut, path)
        variants = dict(_variants(lut, path, photo, way))
        times: dict[str, list[float]] = {name: [] for name in variants}
        made: dict[str, np.ndarray] = {}
        for _ in range(runs):
            for name, (prepare, call, _, _) in variants.items():
                given = prepare()
                start = clock()
                result = call(given)
                times[name].append(clock() - start)
                made[name] = result
    ours = made["ours, planes"]
    found = {}
    for name, (_, _, plain, scale) in variants.items():
        values = plain(made[name])
        wanted = ours.clip(0, 1) if "16 bits" in name else ours
        off = np.abs(values - wanted[: len(values)]).max()
        found[name] = {"time": statistics.median(times[name]) * scale, "off": float(off)}
    return found


def _variants(lut: Any, path: Path, photo: np.ndarray, way: str) -> Iterator[tuple[str, tuple[Any, Any, Any, int]]]:
    """What is prepared, what is timed, how its result becomes `(n, 3)` floats, and what its time is multiplied by."""
    packed = photo.reshape(-1, 3).astype(np.float32) / 255
    planes = np.ascontiguousarray(packed.T)
    deep = (photo.astype(np.uint16) * 257).reshape(photo.shape)

    def by_sixteen(pixels: np.ndarray) -> np.ndarray:
        values = torch.from_numpy(pixels.reshape(-1, 3)).to(torch.float32).div_(65535)
        return lut(values).mul_(65535).round_().clamp_(0, 65535).to(torch.uint16).numpy()

    def floats(values: np.ndarray) -> np.ndarray:
        return values.reshape(-1, values.shape[-1])[:, :3] / (65535 if values.dtype == np.uint16 else 1)

    yield "ours, planes", (lambda: torch.from_numpy(planes).T, lambda x: lut(x).numpy(), floats, 1)
    yield "ours, pixels", (lambda: torch.from_numpy(packed), lambda x: lut(x).numpy(), floats, 1)
    yield "ours, 16 bits", (lambda: deep, by_sixteen, floats, 1)
    yield from _ocio(path, packed, deep, way, floats)
    yield from _ffmpeg(path, planes, deep, way)
    yield from _colour_science(path, packed, way, floats)


def _ocio(path: Path, packed: np.ndarray, deep: np.ndarray, way: str, floats: Any) -> Iterator[Any]:
    try:
        import PyOpenColorIO as ocio  # noqa: N813
    except ImportError:
        return
    ocio.ClearAllCaches()
    asked = ocio.INTERP_TETRAHEDRAL if way == "tetrahedral" else ocio.INTERP_LINEAR
    processor = ocio.Config.CreateRaw().getProcessor(ocio.FileTransform(str(path), interpolation=asked))
    cpu = processor.getDefaultCPUProcessor()
    four = np.concatenate([packed, np.ones_like(packed[:, :1])], 1)
    half = ocio.BIT_DEPTH_UINT16
    whole = processor.getOptimizedCPUProcessor(half, half, ocio.OPTIMIZATION_DEFAULT)

    def by_three(values: np.ndarray) -> np.ndarray:
        cpu.applyRGB(values)
        return values

    def by_four(values: np.ndarray) -> np.ndarray:
        cpu.applyRGBA(values)
        return values

    def by_sixteen(values: np.ndarray) -> np.ndarray:
        height, width = values.shape[:2]
        whole.apply(ocio.PackedImageDesc(values, width, height, 3, half, 2, 6, 6 * width))
        return values

    yield "OpenColorIO, RGB", (packed.copy, by_three, floats, 1)
    yield "OpenColorIO, RGBA", (four.copy, by_four, floats, 1)
    yield "OpenColorIO, 16 bits", (deep.copy, by_sixteen, floats, 1)


def _ffmpeg(path: Path, planes: np.ndarray, deep: np.ndarray, way: str) -> Iterator[Any]:
    try:
        import av
    except ImportError:
        return
    height, width = deep.shape[:2]

    for name, form, pixels in (
        ("ffmpeg, planes", "gbrpf32le", planes.reshape(3, height, width).transpose(1, 2, 0)),
        ("ffmpeg, 16 bits", "rgb48le", deep),
    ):
        graph = av.filter.Graph()
        graph.threads = 1
        source = graph.add_buffer(width=width, height=height, format=form, time_base="1/25")
        asked, sink = graph.add("lut3d", f"file={path}:interp={way}"), graph.add("buffersink")
        source.link_to(asked)
        asked.link_to(sink)
        graph.configure()
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=form)
        frame.pts = 0
        yield name, (_always(frame), _Filter(graph, source, sink), _floats_of_frame, 1)


class _Filter:
    """A graph with its two ends, which do not keep it alive themselves."""

    def __init__(self, graph: Any, source: Any, sink: Any) -> None:
        self._graph, self._source, self._sink = graph, source, sink

    def __call__(self, frame: Any) -> Any:
        self._source.push(frame)
        return self._sink.pull()


def _always(value: Any) -> Callable[[], Any]:
    return lambda: value


def _floats_of_frame(frame: Any) -> np.ndarray:
    values = frame.to_ndarray()
    return values.reshape(-1, 3) / (65535 if values.dtype == np.uint16 else 1)


def _colour_science(path: Path, packed: np.ndarray, way: str, floats: Any) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import colour
        except ImportError:
            return
    lut = colour.read_LUT(str(path))
    between = getattr(colour.algebra, f"table_interpolation_{way}")
    part = packed[: len(packed) // PART]
    yield "colour-science", (_always(part), lambda x: lut.apply(x, interpolator=between), floats, PART)


def lost(maps: dict[str, Any], halves: tuple[Any, Any], sizes: tuple[int, ...]) -> dict[str, Any]:
    """How far tables are from their maps, and what making, writing and reading them takes."""
    from otframe_color.cube_read import read_cube
    from otframe_color.fidelity import measured

    rows, found = [], {}
    palette, held = halves
    for name, map in maps.items():
        for way in WAYS:
            for size in sizes:
                for nodes, colors in (("sampled", None), ("fitted", None), ("fitted", palette)):
                    start = time.process_time()
                    lut = component("color.table", size=size, interpolation=way, nodes=nodes)(map, colors)
                    spent = time.process_time() - start
                    told = "sampled" if nodes == "sampled" else "fitted" if colors is None else "fitted to the palette"
                    far, near = measured(map, lut), measured(map, lut, held)
                    numbers = (far.max, far.rms, near.max, near.rms)
                    rows.append((name, way, size, told, *(f"{x:.1e}" for x in numbers), f"{spent:.2f}"))
                    found[f"{name}, {way}, {size}, {told}"] = {"errors": numbers, "time": spent}
    columns = ("map", "between nodes", "size", "nodes", "max, domain", "rms", "max, palette", "rms", "time to make")
    print("What is lost between nodes:\n")
    print(table(columns, rows))
    files = []
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            path = Path(folder) / "look.cube"
            lut = component("color.table", size=size)(next(iter(maps.values())))
            start = time.process_time()
            write(lut, path)
            middle = time.process_time()
            read_cube(path)
            end = time.process_time()
            files.append((size, f"{path.stat().st_size / 1e6:.1f}", f"{middle - start:.2f}", f"{end - middle:.2f}"))
    print("The file:\n")
    print(table(("size", "megabytes", "write", "read"), files))
    return found


def _photo(folder: Path, name: str) -> np.ndarray:
    path = next(iter(sorted(folder.glob(f"{name}.*"))))
    return np.ascontiguousarray(cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1])


if __name__ == "__main__":
    with torch.no_grad():
        main()
