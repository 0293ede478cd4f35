"""Segmentation by strokes: the demonstration, one's own photograph with its truth, and strokes that are wrong."""

import csv
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from otframe import Pipeline
from otframe.errors import DataError, RequestError

FILE = Path(__file__).parents[2] / "pipelines" / "segmentation.yaml"


def rows(path):
    with path.open() as file:
        return {row["region"]: row for row in csv.DictReader(file)}


@pytest.fixture
def given(tmp_path):
    """A disc of one texture on another, strokes on a transparent ground, and the disc as a mask."""
    dice = np.random.default_rng(0)
    y, x = np.mgrid[:90, :120]
    truth = np.hypot(y - 40, x - 70) < 28
    photo = np.where(truth[..., None], (60, 150, 90), (110, 110, 120)) + dice.normal(0, 25, (90, 120, 3))
    strokes = np.zeros((90, 120, 4), np.uint8)
    strokes[35:38, 55:85] = (0, 0, 255, 255)
    strokes[80:83, 10:110] = strokes[10:80, 10:13] = (255, 0, 0, 255)
    pictures = {"photo": photo.clip(0, 255).astype(np.uint8), "strokes": strokes, "mask": truth.astype(np.uint8) * 255}
    for name, pixels in pictures.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), pixels)
    return tmp_path


def run(given, **options):
    named = {"image": given / "photo.png", "scribbles": given / "strokes.png", "truth": given / "mask.png"}
    return Pipeline.from_yaml(FILE).run(named, out=given / "out", **options)


def test_the_demonstration(tmp_path):
    pytest.importorskip("skimage", reason="the sample photographs come with scikit-image: pip install otframe[samples]")
    result = Pipeline.from_yaml(FILE).run(out=tmp_path)
    assert not result.failures
    assert {path.name for path in tmp_path.glob("*.png")} == {"overlay.png", "strokes.png", "mask.png"}
    assert not (tmp_path / "scores.csv").exists(), "nothing is known of the sample's regions"
    shares = [float(row["share"]) for row in rows(tmp_path / "histograms.csv").values()]
    assert sum(shares) == pytest.approx(1)
    mask = cv2.imread(str(tmp_path / "mask.png"), cv2.IMREAD_UNCHANGED)
    assert mask.ndim == 2
    assert set(np.unique(mask)) == {0, 255}
    assert mask.mean() / 255 == pytest.approx(shares[0], abs=1e-6)
    # the cup and its saucer, and not the table
    assert mask[200, 300] == mask[340, 250] == 255
    assert mask[60, 560] == mask[380, 560] == 0


def test_a_photograph_of_ones_own(given):
    run(given)
    found = rows(given / "out" / "scores.csv")
    assert list(found) == ["object", "background", "all"]
    assert float(found["object"]["IoU"]) > 0.93
    mask = cv2.imread(str(given / "out" / "mask.png"), cv2.IMREAD_UNCHANGED) > 127
    truth = cv2.imread(str(given / "mask.png"), cv2.IMREAD_UNCHANGED) > 127
    assert float(found["object"]["IoU"]) == pytest.approx((mask & truth).sum() / (mask | truth).sum())


def test_the_other_region_and_other_names(given):
    run(given, params={"names": ["disc", "ground"], "region": "ground"})
    mask = cv2.imread(str(given / "out" / "mask.png"), cv2.IMREAD_UNCHANGED)
    assert mask[40, 70] == 0
    assert mask[5, 5] == 255
    found = rows(given / "out" / "scores.csv")
    assert list(found) == ["ground", "disc", "all"]
    assert float(found["ground"]["IoU"]) < 0.2, "the truth is light where the disc is"


def test_three_regions(given):
    strokes = cv2.imread(str(given / "strokes.png"), cv2.IMREAD_UNCHANGED)
    strokes[10:80, 10:13] = (0, 255, 0, 255)
    photo = cv2.imread(str(given / "photo.png"))
    photo[:, :30] = np.clip(photo[:, :30] + np.array([90, 0, -60]), 0, 255)
    cv2.imwrite(str(given / "photo.png"), photo)
    strokes[80:83, :32] = 0
    cv2.imwrite(str(given / "strokes.png"), strokes)
    run(given)
    found = rows(given / "out" / "histograms.csv")
    assert list(found) == ["object", "background", "green"]
    assert float(found["green"]["share"]) == pytest.approx(0.25, abs=0.03)


def test_what_is_wrong_with_strokes_is_told(given):
    with pytest.raises(RequestError, match="scribbles"):
        Pipeline.from_yaml(FILE).check(["image"])
    cv2.imwrite(str(given / "strokes.png"), np.zeros((90, 120, 4), np.uint8))
    with pytest.raises(DataError, match="no stroke"):
        run(given)
    only = np.zeros((90, 120, 3), np.uint8)
    only[40:44, 60:80] = (0, 0, 255)
    cv2.imwrite(str(given / "strokes.png"), only)
    with pytest.raises(DataError, match="two regions or more, got 1: object"):
        run(given)
    only[80:84] = (255, 0, 0)
    cv2.imwrite(str(given / "strokes.png"), only[:, 20:])
    with pytest.raises(DataError, match="proportions"):
        run(given)


def test_it_runs_by_its_name(given):
    code = "from otframe.cli.main import main; main()"
    words = ["run", "segmentation", f"--in=image={given}/photo.png", f"--in=scribbles={given}/strokes.png"]
    words += [f"--in=truth={given}/mask.png", "--out", "found", "--report"]
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "IoU" in done.stdout
    page = (given / "found" / "report.html").read_text("utf-8")
    assert "IoU" in page
    assert "overlay" in page
