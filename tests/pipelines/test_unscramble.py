"""Unscrambling: the demonstrations, folders of one's own, folders with faults, and the fitted operator."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import otframe
from otframe import Pipeline
from otframe.errors import DataError, ImageReadError, InputError, OtframeError
from otframe.run.record import RunRecord

FOLDER = Path(__file__).parents[2] / "pipelines"
FILE, STUDY = FOLDER / "unscramble.yaml", FOLDER / "unscramble_study.yaml"
SIDE, COUNT = 12, 40
ORDER = np.random.default_rng(9).permutation(SIDE * SIDE)
SAMPLES = "the sample photographs come with scikit-image: pip install otframe[samples]"


def photo(dice, side=SIDE):
    coarse = dice.uniform(0, 255, (5, 5, 3)).astype(np.float32)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC).clip(0, 255).round().astype(np.uint8)


def scrambled(pixels):
    return pixels.reshape(-1, 3)[ORDER].reshape(pixels.shape)


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def given(tmp_path):
    """A calibration of pictures in another order of pixels, and two new ones with their truth."""
    dice = np.random.default_rng(0)
    for folder in ("scrambled", "clear", "pictures", "truth"):
        (tmp_path / folder).mkdir()
    for number in range(COUNT):
        pixels = photo(dice)
        cv2.imwrite(str(tmp_path / "clear" / f"{number:02}.png"), pixels)
        cv2.imwrite(str(tmp_path / "scrambled" / f"{number:02}.png"), scrambled(pixels))
    for name in ("left", "right"):
        pixels = photo(dice)
        cv2.imwrite(str(tmp_path / "truth" / f"{name}.png"), pixels)
        cv2.imwrite(str(tmp_path / "pictures" / f"{name}.png"), scrambled(pixels))
    return tmp_path


def folders(given, *names):
    return {name: given / name for name in names or ("scrambled", "clear", "pictures", "truth")}


def run(given, *names, **options):
    return Pipeline.from_yaml(FILE).run(folders(given, *names), out=given / "out", **options)


def off(given, out="out"):
    """The largest difference from the truth, of 255."""
    pairs = [(cv2.imread(str(given / out / file.name)), cv2.imread(str(file))) for file in (given / "truth").iterdir()]
    return max(int(np.abs(made.astype(int) - wanted).max()) for made, wanted in pairs)


def test_the_demonstration(tmp_path):
    pytest.importorskip("skimage", reason=SAMPLES)
    result = Pipeline.from_yaml(FILE).run(out=tmp_path)
    assert not result.failures
    *each, mean = rows(tmp_path / "scores.csv")
    assert len(each) == len(list((tmp_path / "truth").iterdir())) == 8
    assert float(mean["PSNR (dB)"]) > 21
    assert float(mean["SSIM"]) > 0.65
    found = rows(tmp_path / "calibration.csv")
    assert len(found) == 240
    assert np.mean([float(row["trust"]) for row in found]) > 0.7
    moved = [float(row[f"{way} {channel}"]) for row in found for way in ("down", "right") for channel in (1, 2, 3)]
    assert 0.6 < np.std(moved) < 1.4, "clear pictures were moved by 1 px along each axis"
    for name in ("columns", "origins"):
        assert min(cv2.imread(str(tmp_path / f"{name}.png")).shape[:2]) > 600


def test_another_method_and_another_medium(tmp_path):
    pytest.importorskip("skimage", reason=SAMPLES)
    least, found = {}, {"side": 16, "medium": "scramble.permutation"}
    for method in ("unscramble.least_squares", "unscramble.aligned"):
        Pipeline.from_yaml(FILE).run({"shown": "draws:100"}, out=tmp_path / method, params={"method": method, **found})
        least[method] = float(rows(tmp_path / method / "scores.csv")[-1]["PSNR (dB)"])
    assert least["unscramble.aligned"] > least["unscramble.least_squares"] + 8


def test_folders_of_ones_own(given):
    result = run(given)
    assert not result.failures
    assert off(given) < 0.1 * 255
    assert not (given / "out" / "scrambled").exists(), "nothing is simulated"
    assert [row["image"] for row in rows(given / "out" / "scores.csv")] == ["left", "right", "all"]
    run(given, "scrambled", "clear", "pictures")
    with pytest.raises(InputError, match="'clear'.*has no default where 'scrambled' is given"):
        run(given, "scrambled", "pictures")


def test_the_fitted_operator_is_applied_elsewhere(given):
    run(given)
    operator = Pipeline.from_yaml(FILE).fit(folders(given, "scrambled", "clear"))
    assert operator.open == ("pictures",)
    operator.save(given / "glitter.otf")
    again = otframe.load(given / "glitter.otf")
    again.run({"pictures": given / "pictures"}, out=given / "again")
    for name in ("left.png", "right.png", "operator.safetensors"):
        assert (given / "again" / name).read_bytes() == (given / "out" / name).read_bytes()
    pixels = cv2.imread(str(given / "pictures" / "left.png"))[..., ::-1]
    made = again(np.ascontiguousarray(pixels))
    wanted = cv2.imread(str(given / "out" / "left.png"))[..., ::-1] / 255
    assert np.abs(made - wanted).max() < 0.51 / 255
    with pytest.raises(DataError, match="wanted pictures of 12 x 12 pixels .*, got 9 x 9"):
        again(np.zeros((9, 9, 3), np.float32))


# --- folders with faults ---------------------------------------------------------------------------------------------


def no_partner(given):
    (given / "clear" / "07.png").unlink()
    return {"07"}


def wrong_size(given):
    cv2.imwrite(str(given / "scrambled" / "00.png"), photo(np.random.default_rng(1), SIDE - 3))
    return {"00"}


def cut_short(given):
    path = given / "scrambled" / "05.png"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return {"05"}


def grey(given):
    cv2.imwrite(str(given / "clear" / "11.png"), photo(np.random.default_rng(1))[..., 0])
    return {"11"}


FAULTS = [
    (no_partner, InputError, "keys differ: only in 'scrambled': 07"),
    (
        wrong_size,
        DataError,
        "the scrambled picture is 9 x 9 with 3 channels, wanted 12 x 12 .*, as 39 of 40 are",
    ),
    (cut_short, ImageReadError, "scrambled/05.png is cut short"),
    (grey, DataError, "the scrambled picture has 3 channels, the clear one 1"),
]


@pytest.mark.parametrize(("fault", "kind", "told"), FAULTS)
def test_a_fault_of_the_calibration_is_named_and_nothing_is_made(given, fault, kind, told):
    (key,) = fault(given)
    with pytest.raises(kind, match=told) as caught:
        run(given)
    assert caught.value.key in (key, "")
    assert key in str(caught.value)
    made = [path for path in (given / "out").rglob("*") if path.is_file()] if (given / "out").exists() else []
    assert not made


@pytest.mark.parametrize(("fault", "kind", "told"), FAULTS)
def test_with_skip_it_is_named_and_the_rest_is_used(given, fault, kind, told):
    (key,) = fault(given)
    result = run(given, on_error="skip")
    assert [error.key for error in result.failures] == [key]
    assert key not in {row["pair"] for row in rows(given / "out" / "calibration.csv")}
    assert off(given) < 0.1 * 255


def test_all_faults_at_once_are_in_the_record_and_on_the_terminal(given):
    keys = set().union(*(fault(given) for fault, _, _ in FAULTS))
    code = "from otframe.cli.main import main; main()"
    words = ["run", "unscramble", "--on-error", "skip", "--out", "found", "--report"]
    words += [f"--in={name}={given / name}" for name in ("scrambled", "clear", "pictures")]
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=given, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "4 items failed" in done.stderr
    assert f"there is no '07' to go with {given}/scrambled/07.png of 'scrambled'" in done.stderr
    told = json.loads((given / "found" / "run.json").read_text("utf-8"))
    assert {failure["key"] for failure in told["failures"]} == keys
    assert len(rows(given / "found" / "calibration.csv")) == COUNT - len(keys)
    assert off(given, "found") < 0.1 * 255
    assert "What failed (4)" in (given / "found" / "report.html").read_text("utf-8")


def test_a_new_picture_that_will_not_do_leaves_the_others(given):
    cv2.imwrite(str(given / "pictures" / "left.png"), photo(np.random.default_rng(1), SIDE + 1))
    cv2.imwrite(str(given / "truth" / "other.png"), photo(np.random.default_rng(2)))
    result = run(given, on_error="skip")
    assert {(error.node, error.key) for error in result.failures} == {("recovered", "left"), ("pictures", "other")}
    assert not (given / "out" / "left.png").exists()
    assert (given / "out" / "right.png").exists()
    assert [row["image"] for row in rows(given / "out" / "scores.csv")] == ["right", "all"]


def test_a_folder_of_which_nothing_is_left_is_an_error(given):
    for path in (given / "scrambled").iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(OtframeError):
        run(given, on_error="skip")
    assert not list((given / "out").glob("*.png"))


# --- the study -------------------------------------------------------------------------------------------------------


def test_the_study(tmp_path):
    pytest.importorskip("skimage", reason=SAMPLES)
    record = RunRecord(tmp_path / "run.json", Pipeline.from_yaml(STUDY).registry)
    settings = {"side": [12], "pairs": [30, 90], "shift": [1.0], "method": ["least_squares", "transport", "aligned"]}
    options = {"params": {"steps": 10, "batch": 20}, "sweep": settings, "out": tmp_path, "observers": [record]}
    result = Pipeline.from_yaml(STUDY).run({"shown": "draws:90"}, **options)
    scores, operators = rows(tmp_path / "scores.csv"), rows(tmp_path / "operators.csv")
    wanted = [(method, str(pairs)) for method in settings["method"] for pairs in settings["pairs"]]
    assert [(row["method"], row["pairs"]) for row in scores] == wanted
    assert [(row["method"], row["pairs"]) for row in operators] == wanted
    best = {row["method"]: float(row["PSNR (dB)"]) for row in scores if row["pairs"] == "90"}
    assert best["aligned"] > best["transport"] > best["least_squares"]
    assert all(float(row["MSE"]) > 0 and float(row["SSIM"]) < 1 for row in scores)
    right = {row["method"]: float(row["right argmax"]) for row in operators if row["pairs"] == "90"}
    assert right["aligned"] > max(0.9, right["least_squares"])
    sheets = list(tmp_path.rglob("sheet.png"))
    assert len(sheets) == 6
    assert {cv2.imread(str(path)).shape for path in sheets} == {(3 * 126, 8 * 126, 3)}
    assert len(result.measured) == 6
    assert not any("published" in name for name in result.seconds), "what is not compared is not computed"
    told = json.loads((tmp_path / "run.json").read_text("utf-8"))["measured"]
    assert all(spent["seconds"] > 0 for spent in told.values())
