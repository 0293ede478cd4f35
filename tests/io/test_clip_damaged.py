"""Clips that are no clips, cut short or damaged: a typed error that names file and time, never a picture of grey."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from otframe.errors import ClipReadError, OutputError
from otframe.io import write
from otframe.io.clip_file import frames, read_clip
from otframe.io.clip_make import make_clip
from otframe.testing.clips import Unchanged

av = pytest.importorskip("av", reason="video needs PyAV")


def noise(count=30):
    """A pan over noise: every part of the file matters."""
    base = np.random.default_rng(0).integers(0, 255, (72, 96, 3), np.uint8)
    return [np.roll(base, k, 1) for k in range(count)]


def read(path):
    return len(list(frames(read_clip(path))))


@pytest.mark.parametrize("content", [b"", b"hello" * 100, bytes(5000), b"\0\0\0 ftypisom" + bytes(200)])
def test_what_is_no_video_is_refused(tmp_path, content):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(ClipReadError, match=r"a\.mp4 cannot be read as video"):
        read_clip(path)


def test_a_playlist_is_not_followed(tmp_path):
    make_clip(tmp_path / "secret.mp4", noise(3))
    for text in (
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile secret.mp4\n",
        "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    ):
        (tmp_path / "a.mp4").write_text(text)
        with pytest.raises(ClipReadError, match=r"a\.mp4 cannot be read as video"):
            read_clip(tmp_path / "a.mp4")


def test_a_suffix_may_lie(tmp_path):
    make_clip(tmp_path / "a.mkv", noise(3)).rename(tmp_path / "a.mp4")
    assert read(tmp_path / "a.mp4") == 3


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "libx264"), (".mkv", "libx264"), (".webm", "libvpx-vp9")])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_file_that_is_cut_short_is_refused(tmp_path, suffix, codec, share):
    whole = make_clip(tmp_path / f"a{suffix}", noise(), codec=codec)
    assert read(whole) == 30
    data = whole.read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ClipReadError, match=rf"cut{suffix}"):
        read(cut)


def test_a_cut_file_with_its_header_in_front_is_refused_by_its_count(tmp_path):
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    make_clip(tmp_path / "a.mp4", noise())
    with (
        av.open(str(tmp_path / "a.mp4")) as source,
        av.open(str(whole), "w", options={"movflags": "faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    data = whole.read_bytes()
    cut.write_bytes(data[: int(len(data) * 0.7)])
    clip = read_clip(cut)  # its header is whole
    with pytest.raises(ClipReadError, match=r"cut\.mp4 is damaged or cut short after 0\.\d+ s"):
        list(frames(clip))


def test_writing_a_damaged_clip_leaves_no_file(tmp_path, registry):
    path = make_clip(tmp_path / "a.mkv", noise())
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    for clip in (read_clip(path), read_clip(path).edited(Unchanged())):
        with pytest.raises(ClipReadError, match=r"after 0\.\d+ s"):
            write(clip, tmp_path / "out" / "b.mp4", registry)
        assert list((tmp_path / "out").iterdir()) == []


def test_a_hole_is_an_error_or_a_note(tmp_path):
    path = make_clip(tmp_path / "a.mp4", noise())
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    path.write_bytes(data)
    with pytest.raises(ClipReadError, match=r"damaged or cut short after \d\.\d+ s"):
        read(path)


def test_missing_frames_in_the_middle_are_told(tmp_path, registry):
    """Without loss every frame stands alone, so that nothing but the gap in the times tells."""
    path = make_clip(tmp_path / "a.mkv", noise(), codec="ffv1")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 60_000] = bytes(60_000)
    path.write_bytes(data)
    try:
        written = write(read_clip(path).edited(Unchanged()), tmp_path / "b.mkv", registry)
    except ClipReadError:
        return
    assert any("part of the file may be gone" in note for note in written.notes)


@pytest.mark.parametrize("place", [0.3, 0.5, 0.8])
def test_a_wrong_checksum_is_an_error(tmp_path, place, registry):
    """The decoder shows the picture before instead, and tells nobody."""
    path = make_clip(tmp_path / "a.mkv", noise(12), codec="ffv1")
    assert read(path) == 12
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 4
    path.write_bytes(data)
    with pytest.raises(ClipReadError, match=r"after \d\.\d+ s: a checksum is wrong"):
        read(path)


def test_streams_without_checksums_are_read(tmp_path):
    options = {"level": "3", "slicecrc": "0"}
    assert read(make_clip(tmp_path / "a.mkv", noise(4), codec="ffv1", options=options)) == 4
    assert read(make_clip(tmp_path / "b.mkv", noise(4), codec="ffv1", options={"level": "1"})) == 4


@pytest.mark.parametrize("seed", range(25))
def test_any_damage_is_a_typed_error_or_a_clip(tmp_path, seed):
    dice = np.random.default_rng(seed)
    path = make_clip(tmp_path / "a.mp4", noise(6), tone=440.0 if seed % 2 else 0.0)
    data = bytearray(path.read_bytes())
    for at in dice.integers(0, len(data), 1 + seed % 8):
        data[at] = dice.integers(256)
    path.write_bytes(data)
    with contextlib.suppress(ClipReadError):
        assert read(path) <= 6


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.98])
def test_a_disk_that_takes_no_more_leaves_no_file(tmp_path, registry, suffix, share):
    resource = pytest.importorskip("resource", reason="limits of files are POSIX's")
    clip = read_clip(make_clip(tmp_path / "a.mp4", noise())).edited(Unchanged())
    size = write(clip, tmp_path / f"b{suffix}", registry).path.stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size * share), before[1]))
    try:
        with pytest.raises(OutputError, match=rf"c{suffix} cannot be written: File too large"):
            write(clip, tmp_path / "out" / f"c{suffix}", registry)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list((tmp_path / "out").iterdir()) == []


def test_without_pyav_the_extra_is_named():
    code = (
        "import sys; sys.modules['av'] = None\n"
        "import otframe\nfrom otframe.errors import InputError\nfrom otframe.io.clip_file import read_clip\n"
        f"try: read_clip({str(Path(__file__))!r})\n"
        "except InputError as error: print(error)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "video needs PyAV" in told
    assert 'pip install "otframe[video]"' in told


def test_nothing_loads_pyav_before_it_is_needed():
    code = (
        "import sys, otframe.io, otframe.values\nfrom otframe.registry import Registry\nr = Registry(points=[])\n"
        "r.load('.mp4', 'reader'), r.load('.mp4', 'writer'), r.load('Clip', 'value')\nprint('av' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
