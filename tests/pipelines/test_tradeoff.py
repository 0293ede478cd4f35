"""The trade-off curve on real photographs: alpha = 1 is the restorer, and the curve is the one of the note."""

import csv
from pathlib import Path

import pytest

from otframe import Pipeline

FILE = Path(__file__).parents[2] / "pipelines" / "tradeoff.yaml"
pytest.importorskip("skimage", reason="the sample photographs come with scikit-image: pip install otframe[samples]")


def test_the_curve_falls_in_perception_and_is_computed_in_one_run(tmp_path):
    result = Pipeline.from_yaml(FILE).run(out=tmp_path, sweep={"alpha": [0.0, 0.5, 1.0]})
    with (tmp_path / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["alpha"]) for row in rows] == [0.0, 0.5, 1.0]
    frechet = [float(row["patch Frechet (x1000)"]) for row in rows]
    assert frechet == sorted(frechet)
    assert frechet[0] < 0.6 * frechet[2]
    blends = {name for name in result.seconds if name.startswith("enhanced")}
    assert len(blends) == 3
    assert sum(name.startswith(("natural", "latent", "operator")) for name in result.seconds) == 3
