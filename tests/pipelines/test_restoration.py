"""The flagship pipeline on real photographs: its demonstration, and folders of a user's own."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from otframe import Pipeline
from otframe.errors import DataError, InputError
from otframe.io import open_source
from otframe.registry import Registry
from otframe.values import AffineMap

FILE = Path(__file__).parents[2] / "pipelines" / "restoration.yaml"
pytest.importorskip("skimage", reason="the sample photographs come with scikit-image: pip install otframe[samples]")


@pytest.fixture(scope="module")
def photos():
    source = open_source("sample:photos/test", Registry.installed())
    return [source.load(key) for key in source.keys()]


def eight_bit(image):
    return (np.clip(image.numpy(), 0, 1)[..., ::-1] * 255).round().astype(np.uint8)


def test_the_demonstration_restores_and_scores(tmp_path):
    result = Pipeline.from_yaml(FILE).run(out=tmp_path, params={"alpha": 0.5})
    assert not result.failures
    with (tmp_path / "scores.csv").open() as file:
        rows = {row["method"]: [float(row[name]) for name in list(row)[1:]] for row in csv.DictReader(file)}
    assert (tmp_path / "scores.json").is_file()
    assert len(rows) == 6
    psnr, ssim, frechet = range(3)
    assert rows["restorer"][psnr] > rows["noisy input"][psnr] + 8
    assert rows["restorer"][ssim] > rows["noisy input"][ssim]
    assert rows["transport, alpha 0"][frechet] < 0.6 * rows["restorer"][frechet]
    assert rows["transport, alpha as set"] == rows["transport, alpha 0.5"]
    keys = {path.name for path in tmp_path.glob("*.png")}
    assert keys == {path.name for path in (tmp_path / "noisy").iterdir()}
    operator = open_source(tmp_path / "operator.safetensors", Registry.installed(), AffineMap).load("operator")
    assert isinstance(operator, AffineMap)


@pytest.fixture
def folders(tmp_path, photos):
    """Clean photographs, the same blurred as a restorer leaves them, and photos of every kind to enhance."""
    for name in ("restored", "clean", "photos"):
        (tmp_path / name).mkdir()
    for i, photo in enumerate(photos[:4]):
        clean = eight_bit(photo)
        cv2.imwrite(str(tmp_path / "clean" / f"{i}.png"), clean)
        cv2.imwrite(str(tmp_path / "restored" / f"{i}.png"), cv2.GaussianBlur(clean, None, 1.2))
    blurred = cv2.GaussianBlur(eight_bit(photos[5]), None, 1.2)
    kinds = {
        "colour.png": blurred[:101, :150],
        "grey.png": cv2.cvtColor(blurred, cv2.COLOR_BGR2GRAY)[:77, :64],
        "alpha.png": np.dstack([blurred[:64, :71], np.tile(np.arange(71, dtype=np.uint8) * 3, (64, 1))]),
        "deep.png": blurred[:90, :40].astype(np.uint16) * 257,
        "deep_grey.tif": (cv2.cvtColor(blurred, cv2.COLOR_BGR2GRAY)[:50, :60]).astype(np.uint16) * 257,
        "jpeg.jpg": blurred[:120, :121],
    }
    for name, array in kinds.items():
        assert cv2.imwrite(str(tmp_path / "photos" / name), array)
    return tmp_path


def test_folders_of_every_kind_of_photo(folders):
    given = {name: folders / name for name in ("restored", "clean", "photos")}
    result = Pipeline.from_yaml(FILE).run(given, out=folders / "out")
    assert {file.output for file in result.files} == {"enhanced", "operator"}
    for path in (folders / "photos").iterdir():
        before = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        after = cv2.imread(str(folders / "out" / f"{path.stem}.png"), cv2.IMREAD_UNCHANGED)
        assert (after.shape, after.dtype) == (before.shape, before.dtype), path.name
        assert not np.array_equal(after, before)
        if path.stem == "alpha":
            assert np.array_equal(after[..., 3], before[..., 3])


def test_the_fitted_operator_sharpens_what_the_blur_took(folders, photos):
    given = {name: folders / name for name in ("restored", "clean", "photos")}
    Pipeline.from_yaml(FILE).run(given, out=folders / "out", params={"alpha": 0.0})

    def energy(path):
        return cv2.Laplacian(cv2.imread(str(path)).astype(np.float32), cv2.CV_32F).var()

    assert energy(folders / "out" / "colour.png") > 1.2 * energy(folders / "photos" / "colour.png")


def test_the_same_seed_gives_the_same_bytes(folders):
    given = {name: folders / name for name in ("restored", "clean", "photos")}
    for out in ("one", "two"):
        Pipeline.from_yaml(FILE).run(given, out=folders / out, seed=3)
    for path in (folders / "one").iterdir():
        assert path.read_bytes() == (folders / "two" / path.name).read_bytes(), path.name


def test_scores_appear_when_the_originals_are_given(folders):
    given = {"restored": folders / "restored", "clean": folders / "clean", "photos": folders / "restored"}
    Pipeline.from_yaml(FILE).run({**given, "truth": folders / "clean"}, out=folders / "out")
    text = (folders / "out" / "scores.csv").read_text()
    assert "restorer" in text
    assert "noisy input" not in text


def test_a_photo_smaller_than_the_patch_says_so(folders):
    cv2.imwrite(str(folders / "photos" / "dot.png"), np.zeros((3, 3, 3), np.uint8))
    given = {name: folders / name for name in ("restored", "clean", "photos")}
    with pytest.raises(DataError) as caught:
        Pipeline.from_yaml(FILE).run(given, out=folders / "out")
    assert (caught.value.key, caught.value.node) == ("dot", "moved/1")
    assert "3" in str(caught.value)
    result = Pipeline.from_yaml(FILE).run(given, out=folders / "out", on_error="skip")
    assert [error.key for error in result.failures] == ["dot"]


def test_a_missing_folder_is_told_before_anything_starts(folders):
    with pytest.raises(InputError, match="photoz"):
        Pipeline.from_yaml(FILE).run({"photos": folders / "photoz"}, out=folders / "out")
    assert not (folders / "out").exists()
