"""Clips as they are written: pictures edited, all else kept."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest

from otframe.errors import DataError, OutputError
from otframe.io import write
from otframe.io.clip_decode import is_cover
from otframe.io.clip_file import frames, read_clip
from otframe.io.clip_make import make_clip
from otframe.values import FrameEdit, Image

av = pytest.importorskip("av", reason="video needs PyAV")


@dataclass(frozen=True, eq=False)
class Dimmed(FrameEdit):
    """Times a factor, and another from a time on."""

    factor: float = 1.0
    since: float = 1e9
    then: float = 1.0

    def __call__(self, image: Image, time: float) -> Image:
        return image.with_grid(image.pixels * (self.then if time >= self.since else self.factor))


def moving(count=12, size=(48, 64), top=200):
    row = np.linspace(20, top, size[1] + count)
    return [np.repeat(row[None, k : k + size[1], None], size[0], 0).repeat(3, 2).astype(np.uint8) for k in range(count)]


def packets(path, kind):
    """Times and bytes of a stream's packets."""
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [(p.pts * p.time_base, bytes(p)) for p in container.demux(stream) if p.size]


def pictures(path):
    return np.stack([image.numpy() for _, image in frames(read_clip(path))])


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_sound_is_kept_bit_for_bit_and_in_step(tmp_path, registry, suffix):
    clip = read_clip(make_clip(tmp_path / "a.mp4", moving(30), tone=440.0))
    path = write(clip.edited(Dimmed(0.5)), tmp_path / f"b{suffix}", registry).path
    before, after = packets(tmp_path / "a.mp4", "audio"), packets(path, "audio")
    assert [data for _, data in before] == [data for _, data in after]
    shift = float(after[0][0] - before[0][0])  # Matroska has no times below zero: all streams move together
    first = packets(path, "video")[0][0] - packets(tmp_path / "a.mp4", "video")[0][0]
    assert float(first) == pytest.approx(shift, abs=1e-3)
    assert [float(a - b) for (a, _), (b, _) in zip(after, before, strict=True)] == pytest.approx(
        [shift] * len(after), abs=1e-3
    )


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_times_stay_where_they_are(tmp_path, registry, suffix):
    times = [Fraction(k, 24) for k in (0, 1, 2, 4, 5, 9, 10, 11, 15, 16, 17, 18)]
    clip = read_clip(make_clip(tmp_path / "a.mp4", moving(), times=times, rate=Fraction(24)))
    written = write(clip.edited(Dimmed(0.9)), tmp_path / f"b{suffix}", registry)
    found = [time for time, _ in frames(read_clip(written.path))]
    exact = suffix in (".mp4", ".mov")
    assert found == pytest.approx([float(t) for t in times], abs=1e-5 if exact else 1e-3)
    assert any("rounded to 0.001 s" in note for note in written.notes) != exact


TAGS = [(1, 1, 1, 1), (5, 6, 5, 1), (9, 16, 9, 1), (9, 18, 9, 1), (1, 13, 1, 2), (2, 2, 2, 0)]


@pytest.mark.parametrize("tags", TAGS)
def test_colour_tags_and_depth_are_kept(tmp_path, registry, tags):
    for layout in ("yuv420p", "yuv422p10le"):
        clip = read_clip(make_clip(tmp_path / f"{layout}.mp4", moving(4), tags=tags, layout=layout))
        written = write(clip.edited(Dimmed()), tmp_path / f"{layout}-b.mp4", registry)
        made = read_clip(written.path)
        assert (made.primaries, made.transfer, made.matrix, made.range) == tags
        assert (made.depth, made.layout.replace("yuvj", "yuv")) == (clip.depth, layout)
        assert np.abs(pictures(written.path) - pictures(clip.path)).max() < 6 / 255
        assert any("PQ" in note or "HLG" in note for note in written.notes) == (tags[1] in (16, 18))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("edits", [(), (Dimmed(),)])
def test_a_clip_that_starts_late_starts_late(tmp_path, registry, suffix, edits):
    times = [Fraction(1, 2) + Fraction(k, 25) for k in range(12)]
    clip = read_clip(make_clip(tmp_path / "a.mp4", moving(), times=times, tone=440.0))
    for edit in edits:
        clip = clip.edited(edit)
    path = write(clip, tmp_path / f"b{suffix}", registry).path
    made, sound = read_clip(path), packets(path, "audio")[0][0] - packets(clip.path, "audio")[0][0]
    assert made.start - float(sound) == pytest.approx(0.5, abs=1e-3)
    assert made.duration == pytest.approx(clip.duration, abs=2e-3)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (17, 33)])
def test_frames_of_any_size_are_written(tmp_path, registry, suffix, size):
    shots = [np.full((*size, 3), 100, np.uint8)] * 2
    clip = read_clip(make_clip(tmp_path / "a.mkv", shots, codec="ffv1", options={"slices": "1", "level": "3"}))
    made = read_clip(write(clip.edited(Dimmed(0.5)), tmp_path / f"b{suffix}", registry).path)
    assert made.size == size
    assert pictures(made.path) == pytest.approx(50 / 255, abs=3 / 255)


def test_edits_are_done_in_order_at_their_time(tmp_path, registry):
    clip = read_clip(make_clip(tmp_path / "a.mp4", [np.full((32, 32, 3), 200, np.uint8)] * 10, rate=Fraction(10)))
    edited = clip.edited(Dimmed(0.5, since=0.45, then=0.25)).edited(Dimmed(2.0, since=0.75, then=1.0))
    wanted = np.array([200] * 5 + [100] * 3 + [50] * 2) / 255
    shown = np.array([float(image.pixels.mean()) for _, image in frames(edited)])
    stored = pictures(write(edited, tmp_path / "b.mp4", registry).path).mean((1, 2, 3))
    assert shown == pytest.approx(wanted, abs=1.5 / 255)
    assert stored == pytest.approx(wanted, abs=2.5 / 255)


def test_a_clip_without_edits_is_copied_bit_for_bit(tmp_path, registry):
    clip = read_clip(make_clip(tmp_path / "a.mp4", moving(), tone=440.0))
    written = write(clip, tmp_path / "b.mkv", registry)
    for kind in ("video", "audio"):
        before, after = packets(clip.path, kind), packets(written.path, kind)
        assert [data for _, data in before] == [data for _, data in after]
    again = write(clip, tmp_path / "c.mkv", registry)
    assert again.digest == written.digest  # nothing of the hour or of chance is in it


@pytest.mark.parametrize(
    ("suffix", "codec", "layout", "kept"),
    [
        (".mov", "prores_ks", "yuv422p10le", ("prores", "yuv422p10le")),
        (".mkv", "ffv1", "yuv420p12le", ("ffv1", "yuv420p12le")),
        (".mkv", "ffv1", "bgr0", ("ffv1", "bgr0")),
        (".mp4", "ffv1", "yuv444p", ("h264", "yuv444p")),
        (".mp4", "ffv1", "bgr0", ("h264", "yuv444p")),
        (".webm", "libx264", "yuv420p", ("vp9", "yuv420p")),
    ],
)
def test_a_codec_that_keeps_what_there_was(tmp_path, registry, suffix, codec, layout, kept):
    source = ".mov" if codec == "prores_ks" else ".mkv"
    deep = "10" in layout or "12" in layout
    given = [frame.astype(np.uint16) * 257 if deep else frame for frame in moving(3)]
    clip = read_clip(make_clip(tmp_path / f"a{source}", given, codec=codec, options={}, layout=layout))
    made = read_clip(write(clip.edited(Dimmed()), tmp_path / f"b{suffix}", registry).path)
    assert (made.codec.replace("libvpx-", ""), made.layout) == kept
    assert np.abs(pictures(made.path) - pictures(clip.path)).mean() < 1.5 / 255
    if kept[0] == "ffv1":
        assert np.abs(pictures(made.path) - pictures(clip.path)).max() < 2 / 255


def test_alpha_is_kept_where_the_codec_has_it(tmp_path, registry):
    path = tmp_path / "a.mov"
    given = np.dstack([moving(1)[0], np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))])
    with av.open(str(path), "w") as target:
        stream = target.add_stream("prores_ks", rate=25, options={"profile": "4"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuva444p10le"
        for k in range(3):
            frame = av.VideoFrame.from_ndarray(given, "rgba").reformat(format="yuva444p10le")
            frame.pts = k
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    clip = read_clip(path)
    _, image = next(frames(clip))
    assert np.abs(image.alpha.numpy() - given[..., 3] / 255).max() < 2 / 255
    _, kept = next(frames(read_clip(write(clip.edited(Dimmed(0.5)), tmp_path / "b.mov", registry).path)))
    assert np.abs(kept.alpha.numpy() - image.alpha.numpy()).max() < 2 / 255
    assert float((kept.pixels - 0.5 * image.pixels).abs().max()) < 4 / 255
    written = write(clip.edited(Dimmed()), tmp_path / "b.mp4", registry)
    assert any("alpha was left out" in note for note in written.notes)


def test_what_a_container_cannot_hold_is_told(tmp_path, registry):
    clip = read_clip(make_clip(tmp_path / "a.mp4", moving(), tone=440.0))
    written = write(clip.edited(Dimmed()), tmp_path / "b.webm", registry)
    assert any("audio stream 1 (aac) was left out" in note for note in written.notes)
    assert read_clip(written.path).others == ()


def test_subtitles_titles_and_chapters_come_along(tmp_path, registry):
    path = tmp_path / "a.mkv"
    make_clip(tmp_path / "plain.mp4", moving(), tone=440.0)
    with av.open(str(tmp_path / "plain.mp4")) as source, av.open(str(path), "w") as target:
        pairs = {s.index: target.add_stream_from_template(s) for s in source.streams}
        text = target.add_mux_stream("subrip")
        text.metadata["language"] = "fra"
        target.metadata["title"] = "A walk"
        if hasattr(target, "set_chapters"):
            target.set_chapters(
                [{"id": 1, "start": 0, "end": 200, "time_base": Fraction(1, 1000), "metadata": {"title": "I"}}]
            )
        for packet in source.demux():
            if packet.size:
                packet.stream = pairs[packet.stream.index]
                target.mux(packet)
        packet = av.Packet(b"words")
        packet.stream, packet.pts, packet.dts, packet.duration = text, 100, 100, 200
        packet.time_base = Fraction(1, 1000)
        target.mux(packet)
    written = write(read_clip(path).edited(Dimmed(0.5)), tmp_path / "b.mkv", registry)
    with av.open(str(written.path)) as made:
        assert [bytes(p) for p in made.demux(subtitles=0) if p.size] == [b"words"]
        assert made.streams.subtitles[0].metadata["language"] == "fra"
        assert made.metadata["title"] == "A walk"
        assert [c["metadata"]["title"] for c in made.chapters()] == ["I"]


def test_a_title_that_is_no_text_comes_through(tmp_path, registry):
    path = make_clip(tmp_path / "a.mkv", moving(3))
    named = tmp_path / "named.mkv"
    with av.open(str(path)) as source, av.open(str(named), "w", options={"fflags": "+bitexact"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        target.metadata["title"] = "Ete a Geneve"
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    data = named.read_bytes()
    assert data.count(b"Ete a Geneve") == 1
    named.write_bytes(data.replace(b"Ete a Geneve", "Été à Genève".encode("latin-1")))
    written = write(read_clip(named).edited(Dimmed(0.5)), tmp_path / "b.mkv", registry)
    assert "Été à Genève".encode("latin-1") in written.path.read_bytes()


def test_shape_of_pixels_cover_and_second_sound_are_kept(tmp_path, registry):
    path = tmp_path / "a.mp4"
    make_clip(tmp_path / "plain.mp4", moving(), tone=440.0)
    make_clip(tmp_path / "cover.mp4", moving(1), codec="mjpeg", layout="yuvj420p", options={"strict": "unofficial"})
    with (
        av.open(str(tmp_path / "plain.mp4")) as source,
        av.open(str(tmp_path / "cover.mp4")) as art,
        av.open(str(path), "w") as target,
    ):
        cover = target.add_stream_from_template(art.streams.video[0])
        cover.disposition = av.stream.Disposition.attached_pic
        video = target.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.sample_aspect_ratio = Fraction(4, 3)
        sounds = [target.add_stream_from_template(source.streams.audio[0]) for _ in range(2)]
        sounds[1].metadata["language"] = "deu"
        target.start_encoding()
        for packet in art.demux(video=0):
            if packet.size:
                packet.stream = cover
                target.mux(packet)
        for k, shot in enumerate(moving()):
            frame = av.VideoFrame.from_ndarray(shot, "rgb24").reformat(format="yuv420p")
            frame.pts = k
            target.mux(video.encode(frame))
        target.mux(video.encode(None))
        for sound in sounds:
            source.seek(0)
            for packet in source.demux(audio=0):
                if packet.size:
                    packet.stream = sound
                    target.mux(packet)
    clip = read_clip(path)
    assert (clip.codec, clip.frames) == ("h264", 12)
    written = write(clip.edited(Dimmed(0.5)), tmp_path / "b.mp4", registry)
    with av.open(str(written.path)) as made:
        kinds = [(s.type, is_cover(s)) for s in made.streams]
        assert sorted(kinds) == [("audio", False), ("audio", False), ("video", False), ("video", True)]
        shown = next(s for s in made.streams.video if not is_cover(s))
        assert shown.sample_aspect_ratio == Fraction(4, 3)
        assert "deu" in [s.metadata.get("language") for s in made.streams.audio]
    assert len(pictures(written.path)) == 12


def test_colours_that_are_clipped_are_told(tmp_path, registry):
    clip = read_clip(make_clip(tmp_path / "a.mp4", moving()))
    assert "clipped" not in str(write(clip.edited(Dimmed(0.9)), tmp_path / "b.mp4", registry).notes)
    assert "clipped in 12 frames" in str(write(clip.edited(Dimmed(1.9)), tmp_path / "b.mp4", registry).notes)


def test_an_edit_that_fails_leaves_no_file(tmp_path, registry):
    clip = read_clip(make_clip(tmp_path / "a.mp4", moving()))
    with pytest.raises(DataError, match="NaN or infinity at 0.000 s"):
        write(clip.edited(Dimmed(float("nan"))), tmp_path / "out" / "b.mp4", registry)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_clip_is_not_written_over_itself(tmp_path, registry):
    from otframe.io.clip_write import write_clip

    clip = read_clip(make_clip(tmp_path / "a.mp4", moving()))
    with pytest.raises(OutputError, match="the clip itself"):
        write_clip(clip, tmp_path / "a.mp4", registry=registry)


def test_memory_does_not_grow_with_the_length(tmp_path, registry):
    """Frames that are held at once: never more than two, however many there are."""
    alive = weakref.WeakSet()
    most = []

    @dataclass(frozen=True, eq=False)
    class Counting(FrameEdit):
        def __call__(self, image: Image, time: float) -> Image:
            alive.add(image.pixels)
            most.append(len(alive))
            return image

    clip = read_clip(make_clip(tmp_path / "a.mp4", moving(60)))
    write(clip.edited(Counting()), tmp_path / "b.mp4", registry)
    assert len(most) == 60
    assert max(most) <= 2


@pytest.mark.parametrize("edits", [(), (Dimmed(),)])
@pytest.mark.parametrize("angle", [90, 180, 270])
def test_turned_clips_are_shown_as_before(tmp_path, registry, edits, angle):
    make_clip(tmp_path / "plain.mp4", moving(4))
    with av.open(str(tmp_path / "plain.mp4")) as source, av.open(str(tmp_path / "a.mp4"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.set_display_rotation(angle)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    clip = read_clip(tmp_path / "a.mp4")
    assert clip.turn
    before = pictures(clip.path)
    for edit in edits:
        clip = clip.edited(edit)
    path = write(clip, tmp_path / "b.mp4", registry).path
    assert read_clip(path).size == clip.size
    assert np.abs(pictures(path) - before).max() < 6 / 255
    assert before.std() > 0.1
