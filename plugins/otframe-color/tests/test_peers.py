"""Files of ours as other tools read and apply them: OpenColorIO, colour-science, ffmpeg inside PyAV.

The tolerance is 1e-5 of the table's range; 16-bit pictures have 1.6e-5 more, as ffmpeg cuts where others round.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from otframe_color.hald import FromHald, Hald
from otframe_color.lut import Lut
from otframe_color.maps import ColorMap
from otframe_color.spaces import Coding, converted
from otframe_color.table import MakeTable

from otframe.io import open_source, write
from otframe.registry import Registry
from otframe.values import Image

FLOAT, SIXTEEN = 1e-5, 2.6e-5
WAYS = ("tetrahedral", "trilinear")
SIDE = 64


@dataclass(frozen=True, eq=False)
class Look(ColorMap):
    """A strong look: contrast and a turn of hues that grows with lightness, some of it out of gamut."""

    coding: Coding = "srgb"  # type: ignore[assignment]

    def __call__(self, colors: torch.Tensor) -> torch.Tensor:
        lab = converted(colors, self.coding, "oklab")
        light = lab[:, :1] + 0.08 * torch.sin(5 * lab[:, :1])
        turn = 0.7 * lab[:, :1]
        a = torch.cos(turn) * lab[:, 1:2] - torch.sin(turn) * lab[:, 2:]
        b = torch.sin(turn) * lab[:, 1:2] + torch.cos(turn) * lab[:, 2:]
        return converted(torch.cat([light, 1.2 * a + 0.01, 1.1 * b], 1), "oklab", self.coding)


def colors(low: float, high: float) -> np.ndarray:
    """Colours of a domain and beyond it: its corners, edges, greys and nodes among them, `(SIDE^2, 3)` float32."""
    rng = np.random.default_rng(0)
    made = rng.uniform(-0.2, 1.2, (SIDE**2, 3))
    made[:8] = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T
    made[8:512] = np.clip(made[8:512], 0, 1)
    made[512:1024] = rng.integers(0, 33, (512, 3)) / 32
    made[1024:1280] = np.linspace(-0.1, 1.1, 256)[:, None]
    made[1280:1536, 1] = made[1280:1536, 0]
    return (low + made * (high - low)).astype(np.float32)


def sixteen() -> np.ndarray:
    """A picture of 16 bits, `(SIDE, SIDE, 3)`, with both ends."""
    made = np.random.default_rng(1).integers(0, 65536, (SIDE, SIDE, 3))
    made[0], made[1], made[2, :, 1] = 0, 65535, 65535
    return made.astype(np.uint16)


def ours(lut: ColorMap, asked: np.ndarray) -> np.ndarray:
    """Our apply, to floats as they are and to 16 bits as [0, 1]."""
    scaled = asked.astype(np.float32) / 65535 if asked.dtype == np.uint16 else asked
    return lut(torch.from_numpy(scaled.reshape(-1, 3))).numpy().reshape(asked.shape)


def cube(lut: Lut, folder: Path) -> tuple[Path, Lut]:
    """The file of a table, and the table as we read it."""
    path = folder / "look.cube"
    write(lut, path)
    return path, open_source(path, Registry.installed(), Lut).load("look")


def by_ocio(path: Path, asked: np.ndarray, way: str, *, optimised: bool = True) -> np.ndarray:
    ocio = pytest.importorskip("PyOpenColorIO", reason="OpenColorIO is not installed")
    ocio.ClearAllCaches()  # files are kept by name
    wanted = ocio.INTERP_TETRAHEDRAL if way == "tetrahedral" else ocio.INTERP_LINEAR
    processor = ocio.Config.CreateRaw().getProcessor(ocio.FileTransform(str(path), interpolation=wanted))
    made = asked.copy()
    if asked.dtype == np.uint16:
        depth, flags = ocio.BIT_DEPTH_UINT16, ocio.OPTIMIZATION_DEFAULT
        height, width = asked.shape[:2]
        packed = ocio.PackedImageDesc(made, width, height, 3, depth, 2, 6, 6 * width)
        processor.getOptimizedCPUProcessor(depth, depth, flags).apply(packed)
        return made.astype(np.float32) / 65535
    flags = ocio.OPTIMIZATION_DEFAULT if optimised else ocio.OPTIMIZATION_NONE
    processor.getOptimizedCPUProcessor(flags).applyRGB(made)
    return made


def by_colour_science(path: Path, asked: np.ndarray, way: str) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells that matplotlib is not there
        colour = pytest.importorskip("colour", reason="colour-science is not installed")
    lut = colour.read_LUT(str(path))
    between = {"interpolator": getattr(colour.algebra, f"table_interpolation_{way}")}
    if isinstance(lut, colour.LUTSequence):
        return np.asarray(lut[1].apply(lut[0].apply(asked), **between))
    return np.asarray(lut.apply(asked, **between))


def by_ffmpeg(chain: str, *pictures: np.ndarray, form: str) -> np.ndarray:
    """A filter of ffmpeg's over pictures `(h, w, 3)`, uint16 or float32, in a pixel format as told."""
    av = pytest.importorskip("av", reason="PyAV is not installed")
    graph = av.filter.Graph()
    name, _, options = chain.partition("=")
    asked = graph.add(name, options)
    sources = []
    for number, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb48le" if picture.dtype == np.uint16 else "gbrpf32le")
        frame.pts = 0
        source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base="1/25")
        source.link_to(asked, 0, number)
        sources.append((source, frame))
    exact, sink = graph.add("format", f"pix_fmts={form}"), graph.add("buffersink")
    asked.link_to(exact)
    exact.link_to(sink)
    graph.configure()
    for source, frame in sources:
        source.push(frame)
        source.push(None)
    made = sink.pull().to_ndarray()
    return made.astype(np.float32) / 65535 if made.dtype == np.uint16 else made


def off(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.abs(found.astype(np.float64) - wanted).max())


MADE: list[tuple[dict[str, Any], Coding]] = [
    ({"size": 17}, "srgb"),
    ({"size": 33}, "srgb"),
    ({"size": 9, "peak": 4.0}, "srgb"),
    ({"size": 9, "low": -0.25, "peak": 1.5}, "srgb"),
    ({"size": 9, "peak": 16.0, "curve": "even"}, "linear"),
    ({"size": 33, "peak": 16.0}, "linear"),
    ({"size": 9, "low": -0.5, "peak": 64.0, "curve": "log"}, "linear"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("made", "coding"), MADE, ids=str)
def test_opencolorio_and_colour_science(made: dict[str, Any], coding: Coding, way: str, tmp_path: Path) -> None:
    path, lut = cube(MakeTable(interpolation=way, **made)(Look(coding)), tmp_path)
    low, high = made.get("low", 0.0), made.get("peak", 1.0)
    asked = colors(low, high)
    wanted = ours(lut, asked)
    assert wanted.std() > 0.1
    assert (lut.shaper is not None) == (coding == "linear" and made.get("curve") != "even")
    allowed = FLOAT * (high - low)
    assert off(by_ocio(path, asked, way), wanted) < allowed
    assert off(by_ocio(path, asked, way, optimised=False), wanted) < allowed
    assert off(by_colour_science(path, asked, way), wanted) < allowed


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [17, 33, 65])
def test_sixteen_bits(size: int, way: str, tmp_path: Path) -> None:
    path, lut = cube(MakeTable(interpolation=way, size=size)(Look()), tmp_path)
    asked = sixteen()
    wanted = ours(lut, asked).clip(0, 1)
    assert off(by_ffmpeg(f"lut3d=file={path}:interp={way}", asked, form="rgb48le"), wanted) < SIXTEEN
    assert off(by_ocio(path, asked, way), wanted) < SIXTEEN


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("peak", [1.0, 4.0])
def test_ffmpeg_with_floats(peak: float, way: str, tmp_path: Path) -> None:
    path, lut = cube(MakeTable(interpolation=way, peak=peak, size=17)(Look()), tmp_path)
    asked = colors(0, peak).reshape(SIDE, SIDE, 3)
    found = by_ffmpeg(f"lut3d=file={path}:interp={way}", asked, form="gbrpf32le")
    assert off(found, ours(lut, asked)) < FLOAT * peak


def test_ffmpeg_refuses_a_shaper_rather_than_apply_another_table(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="PyAV is not installed")
    path, _ = cube(MakeTable(size=9, peak=16.0)(Look("linear")), tmp_path)
    with pytest.raises(av.error.FFmpegError):
        by_ffmpeg(f"lut3d=file={path}", sixteen(), form="rgb48le")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("level", [4, 8])
def test_ffmpeg_reads_our_hald_picture(level: int, way: str, tmp_path: Path) -> None:
    path = tmp_path / "look.png"
    written = write(Hald(level=level)(Look()), path)
    assert any("clipped" in note for note in written.notes)
    picture = open_source(path, Registry.installed(), Image).load("look")
    assert picture.meta["depth"] == "uint16"
    clut = (picture.numpy() * 65535).round().astype(np.uint16)
    lut = FromHald(interpolation=way)(picture)
    asked = sixteen()
    found = by_ffmpeg(f"haldclut=interp={way}", asked, clut, form="rgb48le")
    assert off(found, ours(lut, asked)) < SIXTEEN
    floats = colors(0, 1).reshape(SIDE, SIDE, 3)
    whole = np.ascontiguousarray(picture.numpy())
    found = by_ffmpeg(f"haldclut=interp={way}", floats, whole, form="gbrpf32le")
    assert off(found, ours(lut, floats)) < FLOAT


def test_our_identity_is_that_of_ffmpeg() -> None:
    av = pytest.importorskip("av", reason="PyAV is not installed")
    graph = av.filter.Graph()
    source, exact = graph.add("haldclutsrc", "level=4"), graph.add("format", "pix_fmts=rgb48le")
    sink = graph.add("buffersink")
    source.link_to(exact)
    exact.link_to(sink)
    graph.configure()
    theirs = sink.pull().to_ndarray()
    mine = Hald(level=4)(Lut(_identity(2), torch.zeros(3), torch.ones(3)))
    # a picture of 8 bits, made 16
    assert off(theirs / 65535, mine.numpy()) < 1 / 254


def test_tables_of_colour_science_are_read_as_it_applies_them(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        colour = pytest.importorskip("colour", reason="colour-science is not installed")
    path, asked = tmp_path / "theirs.cube", colors(-0.1, 3.0)
    domain = np.array([[-0.1] * 3, [3.0] * 3])
    curve = colour.LUT3x1D(np.cbrt(colour.LUT3x1D.linear_table(10, domain)), "curve", domain)
    table = colour.LUT3D(colour.LUT3D.linear_table(5, np.cbrt(domain)) ** 2, "squares", np.cbrt(domain))
    for lut, way in (
        (colour.LUTSequence(curve, table), "trilinear"),
        (colour.LUTSequence(curve, table), "tetrahedral"),
        (curve, "trilinear"),
        (table, "tetrahedral"),
    ):
        colour.write_LUT(lut, str(path), decimals=9, method="Resolve Cube")
        read = open_source(path, Registry.installed(), Lut).load("theirs")
        read = Lut(read.table, read.low, read.high, read.shaper, interpolation=way)  # type: ignore[arg-type]
        if lut is curve:  # it goes on beyond the ends of a curve, where tables stop
            wanted = np.asarray(curve.apply(asked.clip(-0.1, 3)))
            write(read, tmp_path / "ours.cube")  # theirs is refused by OpenColorIO for its title
            assert off(by_ocio(tmp_path / "ours.cube", asked, way), wanted) < 3e-5
        else:
            wanted = by_colour_science(path, asked, way)
        assert off(ours(read, asked), wanted) < 3e-5


def _identity(size: int) -> torch.Tensor:
    steps = torch.linspace(0, 1, size)
    return torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij"), -1)
