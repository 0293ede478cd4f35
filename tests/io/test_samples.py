from __future__ import annotations

import itertools
import subprocess
import sys

import pytest
import torch

from otframe.errors import InputError, UnknownNameError
from otframe.io import open_source, samples
from otframe.io.samples import CROPS, SampleSource
from otframe.values import Image

pytest.importorskip("skimage")
pytest.importorskip("sklearn")


def test_no_two_crops_share_a_pixel():
    for photo in set(CROPS["fit"]) | set(CROPS["test"]):
        boxes = CROPS["fit"].get(photo, ()) + CROPS["test"].get(photo, ())
        for a, b in itertools.combinations(boxes, 2):
            apart_x = a[0] + a[2] <= b[0] or b[0] + b[2] <= a[0]
            apart_y = a[1] + a[3] <= b[1] or b[1] + b[3] <= a[1]
            assert apart_x or apart_y, (photo, a, b)


def test_crops_are_the_photographs(registry):
    whole = dict(_all("sample:photos", registry))
    for name in ("fit", "test"):
        for key, crop in _all(f"sample:photos/{name}", registry):
            photo, _, index = key.rpartition("-")
            left, top, width, height = CROPS[name][photo][int(index)]
            assert crop.size == (height, width)
            assert torch.equal(crop.pixels, whole[photo].pixels[:, top : top + height, left : left + width])
            assert crop.channels == 3
            assert crop.meta["stem"] == key


def _all(uri, registry):
    source = open_source(uri, registry, Image)
    keys = source.keys()
    return [(key, source.load(key)) for key in keys]


def test_counts_names_and_digests(registry):
    fit, test = SampleSource("sample:photos/fit"), SampleSource("sample:photos/test")
    assert (len(fit), len(test)) == (12, 8)
    digests = [*map(fit.digest, fit.keys()), *map(test.digest, test.keys())]
    assert len(set(digests)) == 20
    assert SampleSource("sample:photos/astronaut").keys() == ("astronaut",)
    assert SampleSource("sample:photos/astronaut").where("astronaut") == "sample:photos/astronaut"
    assert len(SampleSource("sample:photos")) == 7
    assert all(image.channels == 1 for _, image in _all("sample:gray", registry))


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("photos/astronout", "photos/astronaut"),
        ("photo", "photos"),
        ("photos/tests", "photos/test"),
        ("zzz", "gray/camera"),
    ],
)
def test_unknown_names(name, near):
    with pytest.raises(UnknownNameError, match="no sample") as caught:
        SampleSource(f"sample:{name}")
    assert near in caught.value.hint


def test_missing_packages_say_what_to_install(monkeypatch):
    monkeypatch.setattr(samples.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError) as caught:
        SampleSource("sample:photos").load("china")
    assert caught.value.hint == "pip install 'otframe[samples]'"


def test_packages_are_located_not_imported():
    program = (
        "import sys; from otframe.io.samples import SampleSource as S; S('sample:photos/test').load('china-0');"
        "print(sorted({'skimage', 'sklearn', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
