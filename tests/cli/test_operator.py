"""`otframe fit`, `apply` and `show` on the flagship, through files."""

from pathlib import Path

import numpy as np
import pytest

from otframe.io import open_source, write
from otframe.registry import Registry
from otframe.values import Image

FILE = Path(__file__).parents[2] / "pipelines" / "restoration.yaml"


@pytest.fixture(autouse=True)
def everything(monkeypatch, core_only):
    monkeypatch.setattr("otframe.registry._installed", Registry())


@pytest.fixture
def folders(tmp_path):
    """Sharp images, and the same blurred."""
    rng = np.random.default_rng(0)
    for i in range(3):
        sharp = rng.random((40, 48, 3), dtype=np.float32)
        soft = (sharp + np.roll(sharp, 1, 0) + np.roll(sharp, 1, 1)) / 3
        write(Image.from_numpy((sharp * 255).astype(np.uint8)), tmp_path / "clean" / f"{i}.png")
        write(Image.from_numpy((soft * 255).astype(np.uint8)), tmp_path / "restored" / f"{i}.png")
    return tmp_path


def test_fit_then_apply_writes_the_bytes_of_one_run(otframe, folders):
    fitted = otframe("fit", FILE, "--in", "restored=restored", "--in", "clean=clean", "-o", "op.otf")
    assert fitted.code == 0, fitted.err
    assert "fitted: operator" in fitted.out
    applied = otframe("apply", "op.otf", "--in", "photos=restored", "--out", "applied")
    assert applied.code == 0, applied.err
    inputs = [part for name in ("restored", "clean") for part in ("--in", f"{name}={name}")]
    assert otframe("run", FILE, *inputs, "--in", "photos=restored", "--out", "whole").code == 0
    names = [path.name for path in (folders / "whole").iterdir() if path.suffix in (".png", ".safetensors")]
    assert len(names) == 4
    for name in names:
        assert (folders / "whole" / name).read_bytes() == (folders / "applied" / name).read_bytes()
    one = open_source(folders / "applied" / "0.png", Registry.installed())
    assert one.load("0").size == (40, 48)


def test_show_an_operator(otframe, folders):
    otframe("fit", FILE, "--in", "restored=restored", "--in", "clean=clean", "-o", "op.otf", "--set", "patch=1")
    shown = otframe("show", "op.otf")
    assert shown.code == 0
    for told in ("AffineMap", "A 32 x 32", "photos", "alpha", "otframe-autoencoder 0.1.0"):
        assert told in shown.out


def test_check_and_draw_an_operator(otframe, folders):
    otframe("fit", FILE, "--in", "restored=restored", "--in", "clean=clean", "-o", "op.otf")
    checked = otframe("check", "op.otf")
    assert checked.code == 0, checked.err
    fitted = next(line for line in checked.out.splitlines() if line.split()[:2] == ["operator", "AffineMap"])
    assert "part of the operator" in fitted
    drawn = otframe("graph", "op.otf")
    assert drawn.code == 0, drawn.err
    assert "transport.apply" in drawn.out
    assert "gaussian.transport" not in drawn.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("fit", str(FILE), "--in", "restored=restored", "-o", "op.txt"), "ends in .otf"),
        (("fit", str(FILE), "--in", "resored=restored", "-o", "op.otf"), "did you mean 'restored'"),
        (("show", "missing.otf"), "there is no file 'missing.otf'"),
        (("apply", "missing.otf", "--in", "photos=restored"), "missing.otf"),
    ],
)
def test_wrong_requests(otframe, folders, arguments, told):
    found = otframe(*arguments)
    assert found.code == 2
    assert told in found.err
    assert not list(folders.glob("op.*"))
