"""`Clip`: what it checks, its edits, and its codec."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest

from otframe.errors import DataError
from otframe.registry import Registry
from otframe.testing.clips import Unchanged
from otframe.values import Clip, FrameEdit, Image
from otframe.values.codec import from_bytes, to_bytes

CLIP = Clip("/a.mp4", "00", 64, 48, start=0.02, duration=2.0, frames=48, rate=(24000, 1001), others=("audio aac",))


@dataclass(frozen=True, eq=False)
class Times(FrameEdit):
    """Times a factor."""

    factor: float

    def __call__(self, image: Image, time: float) -> Image:
        return image.with_grid(image.pixels * self.factor)


@dataclass(frozen=True, eq=False)
class Cropped(FrameEdit):
    def __call__(self, image: Image, time: float) -> Image:
        return Image(image.pixels[:, 1:])


@pytest.mark.parametrize(
    "wrong", [{"width": 0}, {"height": -1}, {"rate": (0, 1)}, {"rate": (25, 0)}, {"turn": 45}, {"edits": ("no edit",)}]
)
def test_a_clip_that_cannot_be_is_refused(wrong):
    with pytest.raises(DataError):
        replace(CLIP, **wrong)


def test_what_it_says_of_itself():
    assert CLIP.fps == Fraction(24000, 1001)
    assert CLIP.size == (48, 64)
    assert repr(CLIP) == "Clip(64 x 48, 2.00 s at 23.976/s, 8 bits)"
    assert not CLIP.high_dynamic_range
    assert replace(CLIP, transfer=16).high_dynamic_range


def test_edits_come_one_after_the_other():
    first, second = Unchanged(), Unchanged()
    edited = CLIP.edited(first).edited(second)
    assert edited.edits == (first, second)
    assert CLIP.edits == ()


def test_the_codec_keeps_it():
    registry = Registry(points=[])
    back = from_bytes(to_bytes(CLIP, registry), registry)
    assert repr(back) == repr(CLIP)
    assert {**vars(back)} == {**vars(CLIP)}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_worker_rounds_and_clips(dtype):
    top = np.iinfo(dtype).max
    samples = np.array([0, 1, top // 3, top // 2, top], dtype).repeat(3).reshape(1, 5, 3)
    worker = Times(1.0).worker()
    assert (worker(samples, 0.0) == samples).all()
    assert worker.notes() == ()
    worker = Times(1.5).worker()
    wanted = np.clip(np.rint(samples.astype(np.float64) * 1.5), 0, top)
    assert np.abs(worker(samples, 0.0).astype(np.float64) - wanted).max() <= (0 if dtype == np.uint8 else 1)
    assert worker.notes() == ("colours outside [0, 1] were clipped in 1 frames",)


@pytest.mark.parametrize(("edit", "message"), [(Times(float("nan")), "NaN"), (Cropped(), "not of its size")])
def test_a_worker_refuses_what_is_no_frame(edit, message):
    with pytest.raises(DataError, match=message):
        edit.worker()(np.full((4, 4, 3), 7, np.uint8), 0.0)
