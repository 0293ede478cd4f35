"""Solvers compared on one problem: costs in one unit, gaps that mean what they say, a drawing for each."""

import csv
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from otframe import Pipeline
from otframe.io.drawing_file import read_drawing

FILE = Path(__file__).parents[2] / "pipelines" / "compare_solvers.yaml"
SOLVERS = ["network", "approximate", "sinkhorn_fine", "sinkhorn_coarse", "sinkhorn_points", "sliced", "gaussian"]


def shape(centre, radius, size=(64, 64)):
    """A dark disc on white paper, smooth at its edge."""
    y, x = np.mgrid[: size[0], : size[1]] / 64
    inside = 1 / (1 + np.exp((np.hypot(y - centre[0], x - centre[1]) - radius) / 0.01))
    return np.repeat((1 - inside)[..., None], 3, axis=2).astype(np.float32)


PAIR = {"source": shape((0.3, 0.3), 0.2), "target": shape((0.65, 0.6), 0.25)}


def rows(folder):
    with (folder / "solvers.csv").open() as file:
        found = {row.pop("solver"): row for row in csv.DictReader(file)}
    return {
        name: {column: float(cell) if cell not in ("", "yes", "no") else cell for column, cell in row.items()}
        for name, row in found.items()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    result = Pipeline.from_yaml(FILE).run(PAIR, out=folder, params={"side": 20})
    return folder, result


def test_every_solver_has_a_row_and_is_measured(made):
    folder, result = made
    assert list(rows(folder)) == SOLVERS
    assert set(result.measured) == set(SOLVERS)
    assert all(spent.seconds > 0 for spent in result.measured.values())
    assert not result.failures


def test_the_exact_plan_has_no_gap(made):
    exact = rows(made[0])["network"]
    assert exact["gap"] == exact["gap (%)"] == 0
    assert abs(exact["duality gap"]) < 1e-12
    assert exact["marginal error"] < 1e-12
    # the discs' middles are 0.46 apart, and one is a quarter wider: mean squares of radii a^2 / 2
    assert exact["cost"] == pytest.approx(0.35**2 + 0.3**2 + 0.05**2 / 2, rel=0.02)


def test_what_is_not_exact_costs_more_or_misses(made):
    found = rows(made[0])
    exact = found["network"]["cost"]
    for name in ("approximate", "sinkhorn_fine", "sinkhorn_coarse", "sinkhorn_points"):
        # mass that is off by e costs at most the squared diagonal more or less
        assert found[name]["gap"] >= -2 * found[name]["marginal error"]
        assert found[name]["gap"] == pytest.approx(found[name]["cost"] - exact)
        assert found[name]["gap (%)"] == pytest.approx(100 * found[name]["gap"] / exact)
        assert found[name]["marginal error"] < 2e-3
    assert found["approximate"]["gap"] <= found["approximate"]["duality gap"] + 1e-12
    assert found["sinkhorn_coarse"]["gap"] > 3 * abs(found["sinkhorn_fine"]["gap"])
    # on a grid, and between its points: one problem, one blur
    assert found["sinkhorn_points"]["cost"] == pytest.approx(found["sinkhorn_coarse"]["cost"], rel=1e-2)
    # a Gaussian map costs the distance of means and covariances, which nothing goes under
    assert found["gaussian"]["cost"] <= exact * (1 + 1e-9)
    assert found["sliced"]["cost"] >= exact * 0.97
    for name in ("sliced", "gaussian"):
        assert found[name]["marginal error"] == found[name]["duality gap"] == ""
    for name in SOLVERS:
        assert 0 <= found[name]["map error"] < 0.1
    assert found["sinkhorn_coarse"]["map error"] > 1.3 * found["network"]["map error"], "a blurred plan's map shrinks"


def test_every_plan_is_drawn(made):
    folder, _ = made
    assert {path.stem for path in (folder / "plans").iterdir()} == set(SOLVERS)
    for name in SOLVERS:
        drawing = read_drawing(folder / "plans" / f"{name}.svg")
        assert {role for role, _, _ in drawing.shapes} == {"source", "target", "flow"}
        assert sum(len(path) for _, _, path in drawing.shapes) < 200_000
    sizes = {(d.width, d.height) for d in (read_drawing(path) for path in (folder / "plans").iterdir())}
    assert len(sizes) == 1, "all are drawn on one scale"


def test_the_cost_tends_to_the_exact_one_as_the_blur_falls(tmp_path):
    text = FILE.read_text("utf-8").replace("blur: 0.05}", "blur: $blur}").replace("side: 32,", "side: 16, blur: 0.05,")
    gaps = []
    for blur in (0.1, 0.05, 0.025):
        Pipeline.from_text(text).run(
            PAIR, out=tmp_path / str(blur), params={"blur": blur}, sweep={"solver": ["sinkhorn_coarse"]}
        )
        gaps.append(rows(tmp_path / str(blur))["sinkhorn_coarse"]["gap"])
    assert gaps[0] > 2 * gaps[1] > 4 * gaps[2] > 0


def test_pictures_of_any_shape_and_few_solvers(tmp_path):
    given = {"source": shape((0.3, 0.2), 0.15, (40, 56)), "target": shape((0.6, 0.3), 0.15, (64, 30))}
    result = Pipeline.from_yaml(FILE).run(
        given, out=tmp_path, params={"side": 12}, sweep={"solver": ["network", "sliced"]}
    )
    assert list(rows(tmp_path)) == ["network", "sliced"]
    assert not {"sinkhorn_fine", "gaussian"} & set(result.seconds), "what is not compared is not computed"


def test_it_runs_by_its_name_on_files(tmp_path):
    for name, pixels in PAIR.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.rint(255 * pixels).astype(np.uint8))
    code = "from otframe.cli.main import main; main()"
    words = ["run", "compare_solvers", *(f"--in={name}={tmp_path / name}.png" for name in PAIR), "--out", "found"]
    words += ["--set", "side=12", "--sweep", "solver=network,sinkhorn_points"]
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "seconds" in done.stdout
    assert "sinkhorn_points" in done.stdout
    page = (tmp_path / "found" / "report.html").read_text("utf-8")
    assert page.count("<figure>") == 2
    assert list(rows(tmp_path / "found")) == ["network", "sinkhorn_points"]
