"""Clips: their colours, their looks, and how steady what is made of them is."""

import numpy as np
import pytest
import torch
from otframe_color.clip import ClipCloud, Filmstrip
from otframe_color.cloud_value import ColorCloud
from otframe_color.examples import cloud, fitted
from otframe_color.flicker import Flicker
from otframe_color.grade import Grade, Keyframes, LookAt
from otframe_color.grade_edit import ColorGrade
from otframe_color.reinhard import Reinhard

from otframe.errors import DataError, ParameterError
from otframe.interfaces import Context
from otframe.io.clip_file import frames, read_clip
from otframe.io.clip_make import make_clip
from otframe.values import Image

pytest.importorskip("av", reason="video needs PyAV")

CTX = Context(seed=3)


def lossless(path, shots, **named):
    return read_clip(make_clip(path, shots, codec="ffv1", layout="bgr0", tags=(1, 1, 0, 2), **named))


def stills(count=30, size=(48, 64), light=lambda k: 1.0, seed=0, noise=0.0):
    """A still scene of smooth colours under a changing light."""
    dice = np.random.default_rng(seed)
    y, x = np.mgrid[0 : size[0], 0 : size[1]]
    scene = np.stack([60 + 80 * x / size[1], 80 + 60 * y / size[0], 120 - 40 * x / size[1]], -1)
    for k in range(count):
        yield np.clip(np.rint(scene * light(k) + dice.normal(0, noise, scene.shape)), 0, 255).astype(np.uint8)


def test_the_cloud_of_a_clip_is_that_of_its_frames(tmp_path):
    colors = np.array([[200, 10, 10], [10, 200, 10], [10, 10, 200], [90, 90, 90]], np.uint8)
    clip = lossless(tmp_path / "a.mkv", [np.tile(color, (16, 16, 1)) for color in colors])
    found = ClipCloud(frames=4)(clip, ctx=CTX)
    assert len(found.points) == 4 * 256
    expected = torch.from_numpy(colors.astype(np.float32) / 255).double().mean(0)
    assert torch.allclose(found.points.double().mean(0), expected, atol=1e-6)
    few = ClipCloud(frames=4, samples=100, space="oklab")(clip, ctx=CTX)
    assert (len(few.points), few.space) == (100, "oklab")


def test_a_stretch_counts_alone(tmp_path):
    clip = lossless(tmp_path / "a.mkv", [np.full((8, 8, 3), 10 * k, np.uint8) for k in range(20)])
    found = ClipCloud(frames=50, start=0.2, end=0.4)(clip, ctx=CTX)
    assert sorted({round(float(v) * 255) for v in found.points[:, 0]}) == [50, 60, 70, 80, 90]
    with pytest.raises(DataError, match="no frame from"):
        ClipCloud(start=9.0)(clip, ctx=CTX)


def test_a_filmstrip_shows_frames_side_by_side(tmp_path):
    clip = lossless(tmp_path / "a.mkv", [np.full((20, 30, 3), 10 * k, np.uint8) for k in range(20)])
    strip = Filmstrip(frames=5)(clip)
    assert strip.size == (20, 150)
    assert (strip.pixels[0, 7, 15::30] * 255).round().tolist() == [20, 60, 100, 140, 180]
    assert Filmstrip(frames=5, height=10)(clip).size == (10, 75)
    assert Filmstrip(frames=64)(clip).size == (20, 600)


def test_a_grade_is_done_to_every_frame(tmp_path):
    clip = lossless(tmp_path / "a.mkv", stills(5))
    graded = Grade()(clip, fitted(1))
    for (start, before), (end, after) in zip(frames(clip), frames(graded), strict=True):
        assert start == end
        wanted = ColorGrade((fitted(1),))(before, 0.0).pixels.clamp(0, 1)
        assert float((after.pixels - wanted).abs().max()) <= 1.01 / 255
    assert len(Grade()(graded, fitted(2)).edits) == 2
    assert Grade(size=17)(clip, ColorGrade((fitted(1),))).edits[0].size == 17


def test_one_keyframe_is_the_map_of_the_whole_clip(tmp_path):
    from otframe_color.transfer import fitted as transfer

    clip = lossless(tmp_path / "a.mkv", stills(6))
    look = Keyframes(solver=Reinhard(), keyframes=1, frames=6)(clip, cloud(1), ctx=Context(seed=3))
    source = ClipCloud(frames=6)(clip, ctx=Context(seed=3))
    whole = transfer(Reinhard(), source, cloud(1), Context(seed=3))
    colors = torch.rand(50, 3)
    assert torch.allclose(look.maps[0](colors), whole(colors), atol=1e-6)


def test_a_clip_of_unknown_length_gets_one_map(tmp_path):
    from dataclasses import replace

    clip = replace(lossless(tmp_path / "a.mkv", stills(6)), duration=0.0)
    known = Keyframes(solver=Reinhard(), keyframes=1, frames=6)(clip, cloud(1), ctx=CTX)
    assert len(known.maps) == 1
    with pytest.raises(DataError, match="how long it is"):
        Keyframes(solver=Reinhard(), keyframes=2)(clip, cloud(1), ctx=CTX)


def test_keyframes_follow_the_light(tmp_path):
    """Under a light that goes out, one map leaves the change, keyframes take most of it away."""
    clip = lossless(tmp_path / "a.mkv", stills(40, light=lambda k: 1.2 - 0.9 * k / 39))
    wanted = ColorCloud(0.5 + 0.05 * torch.randn(500, 3, generator=torch.Generator().manual_seed(0)))

    def means(keyframes):
        look = Keyframes(solver=Reinhard(), keyframes=keyframes, frames=10)(clip, wanted, ctx=CTX)
        return np.array([float(image.pixels.mean()) for _, image in frames(Grade()(clip, look))])

    one, many = means(1), means(8)
    assert np.ptp(one) > 3 * np.ptp(many[5:-5])
    assert abs(many.mean() - 0.5) < 0.02


def test_maps_of_a_still_scene_are_one_map(tmp_path):
    """The same draws for every keyframe: where the clip does not change, neither does the look."""
    clip = lossless(tmp_path / "a.mkv", stills(12))
    look = Keyframes(solver=Reinhard(), keyframes=4, frames=3, samples=100)(clip, cloud(1), ctx=CTX)
    colors = torch.rand(50, 3)
    assert all(torch.allclose(found(colors), look.maps[0](colors), atol=1e-12) for found in look.maps)


def test_keyframes_lie_where_they_are_said(tmp_path):
    clip = lossless(tmp_path / "a.mkv", stills(25))  # one second
    assert Keyframes(solver=Reinhard(), keyframes=2, frames=1)(clip, cloud(1), ctx=CTX).times == (0.25, 0.75)
    named = Keyframes(solver=Reinhard(), times=(0.1, 0.9), frames=1)(clip, cloud(1), ctx=CTX)
    assert named.times == (0.1, 0.9)
    blend = LookAt(time=0.5)(named)
    colors = torch.rand(9, 3)
    assert torch.allclose(blend(colors), (named.maps[0](colors) + named.maps[1](colors)) / 2, atol=1e-6)
    for wrong in ((), (0.5, 0.4), (-1.0,), (7.0,)):
        with pytest.raises(ParameterError, match="times"):
            Keyframes(solver=Reinhard(), times=wrong)(clip, cloud(1), ctx=CTX)


def test_flicker_is_told_from_a_slow_change(tmp_path):
    """One map and slow keyframes are steady; a look that jumps to and fro is not. All change a still scene alike."""
    clip = lossless(tmp_path / "a.mkv", stills(30))
    dark, light = (ColorGrade((lift(amount),)).maps[0] for amount in (-0.04, 0.04))
    slow = Grade()(clip, ColorGrade((dark, light), (0.0, 1.2)))
    times = tuple(k / 25 for k in range(30))
    jumping = Grade()(clip, ColorGrade(tuple(light if k % 2 else dark for k in range(30)), times))
    steady = Flicker()(clip, Grade()(clip, dark)).rows
    assert steady[1][1:4] == (0.0, 0.0, 0.0)
    assert steady[0][4] > 0.9
    slowly, badly = Flicker()(clip, slow).rows[1], Flicker()(clip, jumping).rows[1]
    assert slowly[2] < 0.5
    assert badly[2] == pytest.approx(0.08 * 255, rel=0.05)
    assert badly[1] == pytest.approx(0.08 * 255, rel=0.05)


def lift(amount):
    from otframe_color.maps import FittedMap

    from otframe.values import AffineMap, SolveInfo

    return FittedMap(AffineMap(0.0, SolveInfo(), torch.eye(3).double(), torch.full((3,), amount).double()))


def test_fitting_each_frame_flickers_more_than_one_map_and_keyframes(tmp_path):
    """A still scene in which something moves: each frame's own palette is another, so that its own map is."""

    def shots():
        dice = np.random.default_rng(5)
        for frame in stills(24, size=(64, 96), noise=1.0):
            top, left = dice.integers(0, 40), dice.integers(0, 70)
            frame[top : top + 24, left : left + 24] = dice.integers(0, 255, 3)
            yield frame

    clip = lossless(tmp_path / "a.mkv", shots(), rate=24)
    wanted = cloud(4)

    def flicker(keyframes, count):
        look = Keyframes(solver=Reinhard(), keyframes=keyframes, frames=count)(clip, wanted, ctx=CTX)
        return Flicker(flat=12)(clip, Grade()(clip, look)).rows[1][2]

    one, few, each = flicker(1, 24), flicker(3, 12), flicker(24, 1)
    assert few < 2 * one + 0.2
    assert each > 3 * few


def test_flicker_refuses_clips_that_do_not_fit(tmp_path):
    clip = lossless(tmp_path / "a.mkv", stills(4))
    with pytest.raises(DataError, match="one size"):
        Flicker()(clip, lossless(tmp_path / "b.mkv", stills(4, size=(32, 32))))
    with pytest.raises(DataError, match="other times"):
        Flicker()(clip, lossless(tmp_path / "c.mkv", stills(4), rate=10))
    with pytest.raises(DataError, match="at least three frames"):
        Flicker()(*[lossless(tmp_path / "d.mkv", stills(2))] * 2)


def test_where_nothing_stands_still_nothing_is_told(tmp_path):
    dice = np.random.default_rng(0)
    clip = lossless(tmp_path / "a.mkv", [dice.integers(0, 255, (32, 32, 3)).astype(np.uint8) for _ in range(4)])
    table = Flicker()(clip, clip)
    assert table.rows[0] == ("before", None, None, None, 0.0)
    assert table.rows[2] == ("ratio", None, None, None, None)


def test_ten_bits_are_graded_as_ten_bits(tmp_path):
    ramp = np.repeat(np.linspace(8000, 50000, 1024)[None, :, None], 16, 0).repeat(3, 2).astype(np.uint16)
    clip = read_clip(make_clip(tmp_path / "a.mp4", [ramp] * 2, layout="yuv444p10le", options={"crf": "0"}))
    _, image = next(frames(Grade()(clip, fitted(1))))
    assert isinstance(image, Image)
    assert image.meta["depth"] == "uint16"
    assert len(np.unique(image.pixels[1, 8].numpy())) > 400
