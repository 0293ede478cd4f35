"""One folder measured against another: the numbers are those of scikit-image, and what does not fit is told."""

import csv
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from otframe import Pipeline
from otframe.errors import DataError, RequestError
from otframe.io import open_source
from otframe.registry import Registry

FILE = Path(__file__).parents[2] / "pipelines" / "measure.yaml"
pytest.importorskip("skimage", reason="the sample photographs come with scikit-image: pip install otframe[samples]")


def rows(folder):
    with (folder / "metrics.csv").open() as file:
        return {row["image"]: [float(row[name]) for name in list(row)[1:]] for row in csv.DictReader(file)}


@pytest.fixture
def folders(tmp_path):
    """Photographs, and the same blurred: more the later they come."""
    source = open_source("sample:photos/test", Registry.installed())
    for name in ("clean", "restored"):
        (tmp_path / name).mkdir()
    for i, key in enumerate(source.keys()[:3]):
        pixels = np.rint(255 * source.load(key).numpy()[:96, : 100 + 8 * i, ::-1]).astype(np.uint8)
        cv2.imwrite(str(tmp_path / "clean" / f"{key}.png"), pixels)
        cv2.imwrite(str(tmp_path / "restored" / f"{key}.png"), cv2.GaussianBlur(pixels, None, 0.6 + 0.6 * i))
    return tmp_path


def measure(folders, **options):
    given = {name: folders / name for name in ("restored", "clean")}
    return Pipeline.from_yaml(FILE).run(given, out=folders / "out", **options)


def test_the_demonstration_measures_what_the_restorer_gives(tmp_path):
    assert not Pipeline.from_yaml(FILE).run(out=tmp_path).failures
    found = rows(tmp_path)
    photos = open_source("sample:photos/test", Registry.installed()).keys()
    assert list(found) == [*photos, "all"]
    # noise of sigma 25 alone is 20.2 dB
    assert all(psnr > 26 and 0.75 < ssim < 1 and frechet > 0 for psnr, ssim, frechet in found.values())
    for name in ("restored", "exaggerated"):
        assert {path.stem for path in (tmp_path / name).iterdir()} == set(photos)


def test_two_folders(folders):
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    result = measure(folders)
    assert {file.output for file in result.files} == {"metrics", "exaggerated"}, "what was given is not written again"
    found = rows(folders / "out")
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": 2}
    for path in (folders / "clean").iterdir():
        pair = cv2.imread(str(path)), cv2.imread(str(folders / "restored" / path.name))
        psnr, ssim, _ = found[path.stem]
        assert psnr == pytest.approx(peak_signal_noise_ratio(*pair, data_range=255), abs=1e-3)
        whole = structural_similarity(*pair, data_range=255, full=True, **options)[1][5:-5, 5:-5].mean()
        assert ssim == pytest.approx(whole, abs=1e-4)
    images = [values for name, values in found.items() if name != "all"]
    assert found["all"][:2] == pytest.approx(np.mean(images, axis=0)[:2])
    assert found["all"][2] < max(values[2] for values in images)


def test_equal_folders_are_at_no_distance(folders):
    given = dict.fromkeys(("restored", "clean"), folders / "clean")
    Pipeline.from_yaml(FILE).run(given, out=folders / "out")
    psnr, ssim, frechet = rows(folders / "out")["all"]
    assert psnr == float("inf")
    assert ssim == pytest.approx(1)
    assert frechet == pytest.approx(0, abs=1e-6)
    for path in (folders / "clean").iterdir():
        assert np.array_equal(cv2.imread(str(path)), cv2.imread(str(folders / "out" / "exaggerated" / path.name)))


def test_the_difference_is_exaggerated_as_wanted(folders):
    measure(folders, params={"exaggerate": -1})
    for path in (folders / "clean").iterdir():
        clean, restored, shown = (
            cv2.imread(str(folder / path.name)).astype(int)
            for folder in (folders / "clean", folders / "restored", folders / "out" / "exaggerated")
        )
        assert np.abs(shown - np.clip(2 * restored - clean, 0, 255)).max() <= 1
        assert (shown != restored).any()


def test_the_patches_size_is_a_parameter(folders):
    measure(folders, params={"patch": 3})
    assert (folders / "out" / "metrics.csv").read_text().splitlines()[0].endswith("patch Frechet p3 (x1000)")


def test_what_has_no_partner_is_named(folders):
    next((folders / "clean").iterdir()).rename(folders / "clean" / "lost.png")
    with pytest.raises(RequestError, match=r"only in 'clean': lost"):
        measure(folders)
    assert not (folders / "out").exists()


def test_pictures_of_other_sizes_are_told(folders):
    path = sorted((folders / "restored").iterdir())[0]
    cv2.imwrite(str(path), cv2.imread(str(path))[:-1])
    with pytest.raises(DataError, match="must have the same size") as caught:
        measure(folders)
    assert caught.value.key == path.stem


def test_the_originals_must_be_given_with_the_pictures(folders):
    with pytest.raises(RequestError, match="input 'clean'"):
        Pipeline.from_yaml(FILE).check(["restored"])


def test_it_runs_by_its_name(folders):
    code = "from otframe.cli.main import main; main()"
    words = ["run", "measure", *(f"--in={name}={folders / name}" for name in ("restored", "clean")), "--out", "found"]
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=folders, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "PSNR" in done.stdout
    assert (folders / "found" / "report.html").is_file()
