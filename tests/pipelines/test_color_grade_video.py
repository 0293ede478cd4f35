"""Clips are graded from the command line; all but their colours is kept."""

import csv
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from otframe import Pipeline
from otframe.io import write
from otframe.io.clip_file import frames, read_clip
from otframe.io.clip_make import make_clip
from otframe.registry import Registry
from otframe.values import Image

av = pytest.importorskip("av", reason="video needs PyAV: pip install otframe[video]")
FILE = Path(__file__).parents[2] / "pipelines" / "color_grade_video.yaml"
QUICK = {"solver": "color.reinhard", "frames": 4, "samples": 2000, "table": 17}


@pytest.fixture
def folder(tmp_path):
    """A clip of odd times under a changing light, and a reference."""
    dice = np.random.default_rng(0)
    scene = np.linspace(40, 200, 96)[None, :, None] * np.array([0.6, 0.8, 1.0]) + dice.uniform(0, 30, (64, 96, 1))
    shots = [np.clip(scene * (1 - 0.02 * k), 0, 255).astype(np.uint8) for k in range(20)]
    times = [Fraction(k + k // 5, 25) for k in range(20)]
    make_clip(tmp_path / "walk.mp4", shots, times=times, tone=440.0, layout="yuv420p10le", tags=(9, 14, 9, 1))
    warm = Image.from_numpy(np.clip(dice.normal((180, 120, 60), 20, (40, 40, 3)), 0, 255).astype(np.uint8))
    write(warm, tmp_path / "warm.png", Registry.installed())
    return tmp_path


def run(folder, **params):
    given = {"clip": folder / "walk.mp4", "reference": folder / "warm.png"}
    return Pipeline.from_yaml(FILE).run(given, out=folder / "out", params={**QUICK, **params})


def test_the_colours_are_those_of_the_reference_and_all_else_is_kept(folder):
    run(folder, strength=1.0)
    before, after = read_clip(folder / "walk.mp4"), read_clip(folder / "out" / "walk.mp4")
    assert (after.primaries, after.transfer, after.matrix, after.range, after.depth) == (9, 14, 9, 1, 10)
    assert after.others == ("audio aac",)
    shown, graded = list(frames(before)), list(frames(after))
    assert [time for time, _ in graded] == pytest.approx([time for time, _ in shown], abs=1e-5)
    mean = np.mean([image.numpy() for _, image in graded], (0, 1, 2)) * 255
    assert np.abs(mean - (180, 120, 60)).max() < 6
    with (folder / "out" / "walk-flicker.csv").open() as file:
        assert [row["clip"] for row in csv.DictReader(file)] == ["before", "after", "ratio"]


def test_keyframes_follow_the_light_that_one_map_leaves(folder):
    spread = []
    for keyframes in (1, 5):
        run(folder, keyframes=keyframes, strength=1.0)
        means = [float(image.pixels.mean()) for _, image in frames(read_clip(folder / "out" / "walk.mp4"))]
        spread.append(np.ptp(means))
    assert spread[0] > 2 * spread[1]


def test_the_table_is_the_look(folder):
    """ffmpeg's own filter, given the table, makes the same picture of a frame; the map is an affine one in srgb."""
    run(folder, table=65, solver="gaussian.transport", space="srgb")
    look = folder / "out" / "walk.cube"
    _, image = next(frames(read_clip(folder / "walk.mp4")))
    given = np.rint(image.numpy() * 65535).astype(np.uint16)
    graph = av.filter.Graph()
    source = graph.add_buffer(width=96, height=64, format="rgb48le", time_base=Fraction(1, 25))
    table = graph.add("lut3d", f"file='{look}':interp=tetrahedral")
    sink = graph.add("buffersink")
    source.link_to(table)
    table.link_to(sink)
    graph.configure()
    frame = av.VideoFrame.from_ndarray(given, "rgb48le")
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    source.push(frame)
    peer = sink.pull().to_ndarray(format="rgb48le") / 65535
    from otframe_color.grade import Grade

    from otframe.io import open_source
    from otframe.values import Value

    stored = open_source(folder / "out" / "walk.safetensors", Registry.installed(), Value).load("walk")
    _, graded = next(frames(Grade()(read_clip(folder / "walk.mp4"), stored)))
    assert np.abs(graded.numpy() - peer).max() < 1e-3


def test_it_shows_itself_from_the_command_line(tmp_path):
    pytest.importorskip("skimage", reason="the samples are made of scikit-image's photographs")
    code = "from otframe.cli.main import main; main()"
    command = [sys.executable, "-c", code, "run", "color_grade_video", "--out", str(tmp_path), "--report"]
    for name, value in QUICK.items():
        command += ["--set", f"{name}={value}"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert found.returncode == 0, found.stderr
    names = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert {"dusk.mp4", "dusk.png", "dusk.safetensors", "dusk.cube", "dusk-flicker.csv", "report.html"} <= names
    made = read_clip(tmp_path / "dusk.mp4")
    assert (made.frames, made.others, made.matrix) == (60, ("audio aac",), 1)
