"""Clips as they are read: colours by the clip's own matrix and range, times as stored, upright."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from otframe.errors import ClipReadError, ParameterError
from otframe.io.clip_file import ClipFile, frames, read_clip
from otframe.io.clip_make import make_clip
from otframe.io.opening import open_source
from otframe.values import Clip

av = pytest.importorskip("av", reason="video needs PyAV")

COLORS = [(200, 30, 40), (20, 180, 60), (30, 40, 220), (250, 250, 5), (128, 128, 128), (0, 0, 0), (255, 255, 255)]
BT601, BT709, BT2020 = 5, 1, 9


def flat(color, size=(32, 48), dtype=np.uint8):
    return np.full((*size, 3), np.array(color) * (257 if dtype == np.uint16 else 1), dtype)


def shades(path, **named):
    """The middle of each frame, in levels of 255."""
    return np.array([image.pixels[:, 16, 24].numpy() * 255 for _, image in frames(read_clip(path), **named)])


@pytest.mark.parametrize("matrix", [BT601, BT709, BT2020])
@pytest.mark.parametrize("span", [1, 2])
@pytest.mark.parametrize("layout", ["yuv420p", "yuv444p10le"])
def test_known_colours_come_back_by_any_matrix_and_range(tmp_path, matrix, span, layout):
    given = [flat(color, dtype=np.uint16 if "10" in layout else np.uint8) for color in COLORS]
    path = make_clip(tmp_path / "a.mp4", given, layout=layout, tags=(1, 1, matrix, span), options={"crf": "0"})
    clip = read_clip(path)
    assert (clip.matrix, clip.range, clip.depth) == (matrix, span, 10 if "10" in layout else 8)
    assert np.abs(shades(path) - COLORS).max() <= (1.3 if "10" in layout else 2.1)


@pytest.mark.parametrize(("field", "value"), [("matrix", BT601), ("range", 2)])
def test_another_matrix_or_range_would_be_seen(tmp_path, field, value):
    """The test above can fail: the same file taken by the wrong tags has other colours."""
    from dataclasses import replace

    clip = read_clip(make_clip(tmp_path / "a.mp4", [flat(color) for color in COLORS]))
    wrong = [image.pixels[:, 16, 24].numpy() * 255 for _, image in frames(replace(clip, **{field: value}))]
    assert np.abs(np.array(wrong) - COLORS).max() > 10


def test_coefficients_are_those_of_the_standards(tmp_path):
    """Against the equations of BT.709 and BT.601, by hand: Y of a red in limited range."""
    for matrix, share in ((BT709, 0.2126), (BT601, 0.299), (BT2020, 0.2627)):
        path = make_clip(tmp_path / f"{matrix}.mp4", [flat((200, 0, 0))], tags=(1, 1, matrix, 1), options={"crf": "0"})
        with av.open(str(path)) as container:
            coded = np.frombuffer(next(container.decode(video=0)).planes[0], np.uint8)
        assert abs(int(coded[0]) - (16 + 219 * share * 200 / 255)) <= 1


@pytest.mark.parametrize(("size", "matrix"), [((578, 720), BT709), ((576, 720), BT601), ((480, 1280), BT709)])
def test_an_untagged_clip_is_taken_by_its_size(tmp_path, size, matrix):
    color = (200, 30, 40)
    path = make_clip(tmp_path / "a.mp4", [flat(color, size)], tags=(2, 2, 2, 0))
    with av.open(str(path)) as container:
        plain = next(container.decode(video=0))
        planes = [np.frombuffer(plane, np.uint8)[0] for plane in plain.planes]
    y, cb, cr = (int(planes[0]) - 16) / 219, (int(planes[1]) - 128) / 224, (int(planes[2]) - 128) / 224
    red, blue = (0.2126, 0.0722) if matrix == BT709 else (0.299, 0.114)
    found = 255 * (y + 2 * (1 - red) * cr), 255 * (y + 2 * (1 - blue) * cb)
    assert np.abs(np.array(found) - (color[0], color[2])).max() < 3
    assert np.abs(shades(path)[0] - color).max() <= 2.1


def test_times_are_those_of_the_file(tmp_path):
    times = [Fraction(k, 30) for k in (0, 1, 2, 5, 6, 11, 12)]
    path = make_clip(tmp_path / "a.mp4", [flat(c) for c in COLORS], times=times, rate=Fraction(30))
    found = [time for time, _ in frames(read_clip(path))]
    assert found == pytest.approx([float(t) for t in times], abs=1e-4)


def test_ten_bits_are_ten_bits(tmp_path):
    ramp = np.repeat(np.linspace(0, 65535, 1024)[None, :, None], 16, 0).repeat(3, 2).astype(np.uint16)
    path = make_clip(tmp_path / "a.mp4", [ramp], layout="yuv444p10le", options={"crf": "0"})
    ((_, image),) = frames(read_clip(path))
    assert image.meta["depth"] == "uint16"
    assert len(np.unique(image.pixels[1, 8].numpy())) > 800  # 876 levels in the limited range; 8 bits have 256
    assert np.abs(image.numpy() - ramp / 65535).max() < 1.5 / 876


def test_turned_frames_are_upright(tmp_path):
    given = np.zeros((32, 48, 3), np.uint8)
    given[:16, :24] = 200  # the upper left is bright
    path = make_clip(tmp_path / "a.mp4", [given] * 3)
    turned = tmp_path / "turned.mp4"
    with av.open(str(path)) as source, av.open(str(turned), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.set_display_rotation(90)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    clip = read_clip(turned)
    assert clip.turn in (90, 270)
    assert clip.size == (48, 32)
    _, image = next(frames(clip))
    bright = image.pixels[0] > 0.4
    upper, left = (False, True) if clip.turn == 90 else (True, False)
    rows, columns = (slice(0, 24) if upper else slice(24, 48)), (slice(0, 16) if left else slice(16, 32))
    assert bright[rows, columns].float().mean() > 0.9
    assert abs(float(bright.float().mean()) - 0.25) < 0.05


def test_chosen_frames_lie_in_the_middles_of_equal_stretches(tmp_path):
    path = make_clip(tmp_path / "a.mp4", [flat((k, k, k)) for k in range(100)], rate=Fraction(10))
    clip = read_clip(path)  # 10 s with key frames that lie far apart: reached by seeking
    assert [time for time, _ in frames(clip, count=2)] == pytest.approx([2.5, 7.5])
    assert [time for time, _ in frames(clip, count=4, start=2.0, end=4.0)] == pytest.approx([2.2, 2.7, 3.2, 3.7])
    assert [time for time, _ in frames(clip, start=9.0)] == pytest.approx(np.arange(9.0, 10.0, 0.1))
    assert [time for time, _ in frames(clip, start=1.0, end=1.3)] == pytest.approx([1.0, 1.1, 1.2])
    assert len(list(frames(clip, count=1000))) == 100
    found = shades(path, count=5)[:, 0]
    assert found == pytest.approx([10, 30, 50, 70, 90], abs=1.1)


def test_a_live_recording_tells_no_length_and_is_read(tmp_path, registry):
    path, live = make_clip(tmp_path / "a.mp4", [flat((10 * k,) * 3) for k in range(20)]), tmp_path / "live.mkv"
    with av.open(str(path)) as source, av.open(str(live), "w", options={"live": "1"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    clip = read_clip(live)
    assert (clip.duration, clip.frames) == (0.0, 0)
    assert len(list(frames(clip))) == 20
    assert shades(live, count=4)[:, 0] == pytest.approx([20, 70, 120, 170], abs=1.1)


@pytest.mark.parametrize("wrong", [{"count": 0}, {"start": -1.0}, {"start": 2.0, "end": 1.0}])
def test_stretches_that_cannot_be_are_refused(tmp_path, wrong):
    clip = read_clip(make_clip(tmp_path / "a.mp4", [flat(COLORS[0])]))
    with pytest.raises(ParameterError):
        next(frames(clip, **wrong))


def test_a_clip_is_a_source_of_one(tmp_path, registry):
    make_clip(tmp_path / "shot.MP4", [flat(COLORS[0])], tone=440.0)
    source = open_source(tmp_path, registry, Clip)
    assert source.keys() == ("shot",)
    clip = source.load("shot")
    assert isinstance(clip, Clip)
    assert clip.others == ("audio aac",)
    assert ClipFile(tmp_path / "shot.MP4", registry=registry).digest("shot") == clip.digest


def test_sample_clips_are_the_same_each_time(registry):
    pytest.importorskip("skimage", reason="the photographs are scikit-image's")
    source = open_source("sample:clips/pan", registry, Clip)
    assert source.keys() == ("pan",)
    again = open_source("sample:clips/pan", registry, Clip)
    assert source.digest("pan") == again.digest("pan")
    assert source.load("pan").frames == 60


def test_frames_that_are_too_large_are_refused(tmp_path, monkeypatch):
    path = make_clip(tmp_path / "a.mp4", [flat(COLORS[0])])
    monkeypatch.setenv("OTFRAME_MAX_PIXELS", "1000")
    with pytest.raises(ClipReadError, match="the limit is 0.001 million"):
        read_clip(path)


def test_a_file_that_has_changed_or_gone_is_told(tmp_path):
    path = make_clip(tmp_path / "a.mp4", [flat(COLORS[0])])
    clip = read_clip(path)
    make_clip(path, [flat(COLORS[1])])
    with pytest.raises(ClipReadError, match="has changed since"):
        next(frames(clip))
    path.unlink()
    with pytest.raises(ClipReadError, match="is gone"):
        next(frames(clip))
