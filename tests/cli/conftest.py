"""The command line in this process, and a tiny pipeline with tiny images."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from otframe.cli.main import app
from otframe.registry import Registry

PIPELINE = """\
otframe: 1
title: Half and half
params: {share: 0.5}
inputs:
  photos: {type: "Image[]", doc: what is shown}
  others: {type: "Image[]", default: others}
  extra: {type: "Image[]", optional: true}
nodes:
  patches: {in: photos, steps: [{patch.unfold: {size: 3}}, patch.fold]}
  mixed: {use: image.blend, in: {a: patches, b: others}, with: {weight: $share}, join: key}
  aside: {use: image.convert, in: photos, with: {space: gray}}
  more: {use: image.convert, in: extra, with: {space: gray}}
outputs:
  mixed: {from: mixed, to: "mixed/{stem}.png", before: photos}
  more: more
"""


@pytest.fixture(autouse=True)
def core_only(monkeypatch, tmp_path):
    """The core's own parts, whatever is installed, in a folder of its own."""
    monkeypatch.setattr("otframe.registry._installed", Registry(points=[]))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def otframe(capsys):
    """Run a command line; what it printed and its exit code."""

    def call(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            app([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        code = ended.value.code
        return SimpleNamespace(code=0 if code is None else code, out=out, err=err)

    return call


@pytest.fixture
def photos():
    """Write images of the given names into a folder."""
    random = np.random.default_rng(0)

    def make(folder, *names, size=(12, 10)):
        folder.mkdir(exist_ok=True)
        for name in names:
            cv2.imwrite(str(folder / f"{name}.png"), random.integers(0, 255, (*size, 3), np.uint8))
        return folder

    return make


@pytest.fixture
def pipeline(tmp_path, photos):
    """The tiny pipeline's file, with the folders that it is for."""
    file = tmp_path / "half.yaml"
    file.write_text(PIPELINE, encoding="utf-8")
    photos(tmp_path / "photos", "a", "b")
    photos(tmp_path / "others", "a", "b")
    return file
