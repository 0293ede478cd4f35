"""Grading of 1080p video beside ffmpeg's own `lut3d`, and flicker of three ways to fit a look.

1. Frames of a pan over a photograph, with grain, in memory as 8-bit RGB: graded by one map, by two that are blended,
   and at 16 bits; beside `lut3d` of the same map's table (33^3, tetrahedral) in a filter graph of PyAV's. A look moves
   every distinct colour by the map itself, so its first frame is told too; `lut3d` only knows the table.
2. From file to file: decode, grade, encode (x264, crf 16, preset medium); beside the same in PyAV with `lut3d`, and
   beside coding alone, which bounds both.
3. Flicker where the scene is flat and still, of the clips of `dyntex` (each 64 x 64 frame four times as large) and of
   the sample `dusk`: one map, keyframes, and a map fitted anew for each frame, towards the colours of one photograph.

Medians, ways in turns. With one thread the process's CPU time is told, which what else the machine does changes little;
with more, wall-clock time. `lut3d` is told for packed RGB, as frames lie in memory here, and for planes, where it has
vector code.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from bench import finish, header, parser, require, table
from otframe_color.grade_edit import ColorGrade

from otframe import component
from otframe.interfaces import Context
from otframe.io import open_source, write
from otframe.io.clip_color import Colors
from otframe.io.clip_file import frames as decoded
from otframe.io.clip_file import read_clip
from otframe.io.clip_make import make_clip
from otframe.io.clip_samples import pan
from otframe.io.pyav import pyav
from otframe.registry import Registry
from otframe.testing.clips import Unchanged
from otframe.values import Clip, Image

HEIGHT, WIDTH = 1080, 1920
SOLVER = "sliced.transport"
Clock = Callable[[], float]


def main() -> None:
    """Read the options, and run the three parts."""
    options = parser(__doc__)
    options.add_argument("--frames", type=int, default=48, help="frames of 1080p")
    args = options.parse_args()
    require(args.data, "color_pairs")
    require(args.data, "dyntex")
    print(header("Video", args.threads))
    cv2.setNumThreads(args.threads)
    clock = time.process_time if args.threads == 1 else time.perf_counter
    count = 6 if args.quick else args.frames
    source, other, reference = (_photo(args.data, name) for name in ("ocean_source", "autumn_source", "ocean_target"))
    maps = [_map(image, reference) for image in (source, other)]
    frames = _shots(source, count)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cube = _cube(maps[0], folder)
        applied = apply_only(frames, maps, cube, clock)
        whole = file_to_file(frames, maps[0], cube, folder, 1 if args.quick else 3, clock)
        steady = flicker(args.data, folder, reference, 6 if args.quick else 40)
    finish(args.out, "video", {"apply": applied, "files": whole, "flicker": steady})


def apply_only(frames: list[np.ndarray], maps: list[Any], cube: Path, clock: Clock) -> dict[str, Any]:
    """Frames a second of grading alone, in memory."""
    deep = [frame.astype(np.uint16) * 257 for frame in frames[:8]]
    looks = {"one map": _look(maps[:1]), "two maps, blended": _look(maps)}
    ways: dict[str, tuple[Callable[[np.ndarray, float], Any], list[np.ndarray]]] = {
        "lut3d, 33^3": (_lut3d(cube, "rgb24"), frames),
        "lut3d, 33^3, planes": (_lut3d(cube, "gbrp"), frames),
        **{name: (look.worker(), frames) for name, look in looks.items()},
        "lut3d, 33^3, 16 bits": (_lut3d(cube, "rgb48le"), deep),
        "lut3d, 33^3, 16 bits, planes": (_lut3d(cube, "gbrp16le"), deep),
        **{f"{name}, 16 bits": (look.worker(), deep) for name, look in looks.items()},
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for k in range(len(frames)):
        for name, (way, shots) in ways.items():
            if k < len(shots):
                start = clock()
                way(shots[k], k / len(frames))
                times[name].append(clock() - start)
    found = {}
    for name, taken in times.items():
        peer = statistics.median(times["lut3d, 33^3, 16 bits" if "16" in name else "lut3d, 33^3"])
        middle = statistics.median(taken)
        found[name] = {"first": taken[0], "fps": 1 / middle, "ratio": middle / peer}
    rows = [(n, f"{r['first']:.2f}", f"{r['fps']:.0f}", f"{r['ratio']:.2f}") for n, r in found.items()]
    print(table(("grading alone", "first frame, s", "frames/s", "time / lut3d"), rows))
    return found


def file_to_file(
    frames: list[np.ndarray], map: Any, cube: Path, folder: Path, runs: int, clock: Clock
) -> dict[str, Any]:
    """Frames a second from a file to a file."""
    clip = read_clip(make_clip(folder / "in.mp4", frames, rate=Fraction(24), tone=440.0))
    graded = component("color.grade")(clip, map)
    ways = {
        "PyAV with lut3d": lambda: _peer(clip, cube, folder / "peer.mp4"),
        "one map": lambda: write(graded, folder / "graded.mp4"),
        "coding alone": lambda: write(clip.edited(Unchanged()), folder / "plain.mp4"),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            start = clock()
            way()
            times[name].append(clock() - start)
    peer = statistics.median(times["PyAV with lut3d"])
    middle = {name: statistics.median(taken) for name, taken in times.items()}
    found = {name: {"fps": len(frames) / taken, "ratio": taken / peer} for name, taken in middle.items()}
    rows = [(name, f"{row['fps']:.1f}", f"{row['ratio']:.2f}") for name, row in found.items()]
    print(table(("file to file", "frames/s", "time / lut3d"), rows))
    return found


def flicker(data: Path, folder: Path, reference: Image, count: int) -> list[dict[str, Any]]:
    """What three ways to fit leave, where the source is flat and still."""
    clips = {"dusk": open_source("sample:clips/dusk", Registry.installed(), Clip).load("dusk")}
    clips |= {path.stem: _dyntex(path, folder, count) for path in sorted((data / "dyntex").glob("*.npz"))}
    palette, rows = _cloud(reference), []
    measure, grade = component("color.flicker", frames=count, flat=12.0, still=6.0), component("color.grade")
    for name, clip in clips.items():
        looks = {
            way: component("color.keyframes", solver={"use": SOLVER}, keyframes=keyframes, frames=16)(
                clip, palette, ctx=Context(seed=0)
            )
            for way, keyframes in (("one map", 1), ("5 keyframes", 5))
        }
        looks["each frame anew"] = _each(clip, palette, count)
        for way, look in looks.items():
            before, after, ratio = measure(clip, grade(clip, look)).rows
            rows.append({"clip": name, "way": way, "before": before[1:4], "after": after[1:4], "ratio": ratio[1:4]})
    cells = [(r["clip"], r["way"], *(_pair(b, a) for b, a in zip(r["before"], r["after"], strict=True))) for r in rows]
    print(table(("clip", "look", "change", "flicker", "grain"), cells))
    return rows


def _pair(before: float | None, after: float | None) -> str:
    return "none" if before is None or after is None else f"{before:.2f} to {after:.2f}"


def _each(clip: Clip, palette: Any, count: int) -> ColorGrade:
    """A map for each frame, of that frame and draws of its own."""
    transfer = component("color.transfer", solver={"use": SOLVER})
    cloud = component("color.cloud", space="oklab")
    maps, times = [], []
    for time_, image in decoded(clip, end=count / float(clip.fps)):
        ctx = Context(seed=len(maps))
        maps.append(transfer(cloud.finish(cloud.lift(image, ctx=ctx)), palette, ctx=ctx))
        times.append(time_)
    return ColorGrade(tuple(maps), tuple(times))


def _dyntex(path: Path, folder: Path, count: int) -> Clip:
    """Frames of a clip four times as large."""
    with np.load(path) as file:
        frames = next(file[name] for name in file.files if file[name].ndim == 4)[:count]
    large = [cv2.resize(frame, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC) for frame in _bytes(frames)]
    return read_clip(make_clip(folder / f"{path.stem}.mp4", large, rate=Fraction(25)))


def _bytes(frames: np.ndarray) -> np.ndarray:
    return frames if frames.dtype == np.uint8 else np.rint(np.clip(frames, 0, 1) * 255).astype(np.uint8)


def _photo(data: Path, name: str) -> Image:
    (path,) = (data / "color_pairs").glob(f"{name}.*")
    return open_source(path, Registry.installed()).load(name)


def _cloud(image: Image) -> Any:
    cloud = component("color.cloud", space="oklab")
    return cloud.finish(cloud.lift(image, ctx=Context(seed=0)))


def _map(source: Image, reference: Image) -> Any:
    return component("color.transfer", solver={"use": SOLVER})(_cloud(source), _cloud(reference), ctx=Context(seed=0))


def _look(maps: list[Any]) -> ColorGrade:
    return ColorGrade(tuple(maps), tuple(float(k) for k in range(len(maps))))


def _shots(image: Image, count: int) -> list[np.ndarray]:
    """A pan over the photograph, enlarged, with grain of two levels as cameras have."""
    width = WIDTH + 4 * count
    height = max(HEIGHT, round(image.size[0] * width / image.size[1]))
    large = cv2.resize(image.numpy()[..., :3], (width, height), interpolation=cv2.INTER_CUBIC)
    dice = np.random.default_rng(0)
    frames = pan(Image.from_numpy(np.clip(large, 0, 1)), count=count, size=(HEIGHT, WIDTH))
    return [np.clip(f + dice.integers(-2, 3, f.shape), 0, 255).astype(np.uint8) for f in frames]


def _cube(map: Any, folder: Path) -> Path:
    return write(component("color.table", size=33)(map), folder / "map.cube").path


def _lut3d(cube: Path, layout: str) -> Callable[[np.ndarray, float], np.ndarray]:
    """A filter graph that does one frame after another."""
    av = pyav()
    graph = av.filter.Graph()
    source = graph.add_buffer(width=WIDTH, height=HEIGHT, format=layout, time_base=Fraction(1, 24))
    table_, sink = graph.add("lut3d", f"file='{cube}':interp=tetrahedral"), graph.add("buffersink")
    source.link_to(table_)
    table_.link_to(sink)
    graph.configure()

    def way(samples: np.ndarray, time_: float) -> np.ndarray:
        frame = av.VideoFrame.from_ndarray(samples, layout)
        frame.pts, frame.time_base = round(time_ * 24), Fraction(1, 24)
        graph.push(frame)  # by the graph, which lives no longer than what refers to it
        return graph.vpull().to_ndarray()

    return way


def _peer(clip: Clip, cube: Path, path: Path) -> None:
    """The same work in PyAV: the same conversions and encoder, `lut3d` for the colours, sound copied."""
    av, colors, way = pyav(), Colors(clip), _lut3d(cube, "rgb24")
    with av.open(clip.path) as source, av.open(str(path), "w") as target:
        video, sound = source.streams.video[0], source.streams.audio[0]
        video.thread_type = "AUTO"
        made = target.add_stream("libx264", rate=clip.fps, options={"crf": "16", "preset": "medium"})
        made.width, made.height, made.pix_fmt = clip.width, clip.height, "yuv420p"
        made.codec_context.time_base = video.time_base
        copied = target.add_stream_from_template(sound)
        for packet in source.demux(video, sound):
            if packet.stream is sound and packet.size:
                packet.stream = copied
                target.mux(packet)
            for frame in packet.decode() if packet.stream is video else ():
                samples, _ = colors.samples(frame)
                graded = colors.frame(way(samples, float(frame.time)), None, "yuv420p")
                graded.pts, graded.time_base = frame.pts, frame.time_base
                target.mux(made.encode(graded))
        target.mux(made.encode(None))


if __name__ == "__main__":
    main()
