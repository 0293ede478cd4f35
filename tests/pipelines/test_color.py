"""The colour pipelines: every solver by name, every kind of image, and results that mean what the scores say."""

import csv
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import otframe
from otframe import Pipeline
from otframe.errors import OtframeError
from otframe.io.image_file import read_image
from otframe.io.write import write
from otframe.values import Image

FOLDER = Path(__file__).parents[2] / "pipelines"
SMALL = {"samples": 2000, "table": 9}


def photo(seed, size=(48, 64), base=(0.5, 0.4, 0.3)):
    """Smooth patches of colour about a base, with a little noise."""
    random = np.random.default_rng(seed)
    coarse = random.normal(size=(6, 8, 3)).astype(np.float32) * 0.12
    smooth = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)
    return (np.asarray(base) + smooth + random.normal(size=(*size, 3)) * 0.01).clip(0, 1).astype(np.float32)


WARM, COLD = photo(0, base=(0.65, 0.5, 0.35)), photo(1, (40, 50), (0.3, 0.45, 0.6))


def run(name, inputs, **params):
    return Pipeline.from_yaml(FOLDER / f"{name}.yaml").run(inputs, params=params).values


def rows(table):
    return {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}


@pytest.mark.parametrize(
    ("solver", "left"),
    [
        ("sliced.transport", 0.1),
        ("gaussian.transport", 0.3),
        ("color.reinhard", 0.3),
        ("sinkhorn.points", 0.3),
        ("exact.network", 0.2),
        ("color.relaxed", 0.6),
    ],
)
def test_transfer_by_any_solver(solver, left):
    samples = 300 if solver in ("sinkhorn.points", "exact.network", "color.relaxed") else 2000
    made = run("color_transfer", {"source": [WARM], "reference": [COLD]}, solver=solver, samples=samples, table=9)
    (score,) = rows(made["scores"]).values()
    assert score["distance after"] < left * score["distance before"]
    assert made["graded"]["0000"].size == (48, 64)
    assert made["table"].fidelity.rms < 0.05


@pytest.mark.parametrize("space", ["linear", "lab", "oklab", "ycbcr", "log"])
def test_transfer_in_any_space(space):
    made = run("color_transfer", {"source": [WARM], "reference": [COLD]}, space=space, **SMALL)
    (score,) = rows(made["scores"]).values()
    assert score["distance after"] < 0.2 * score["distance before"]


def test_transfer_by_name_writes_what_other_tools_read(tmp_path):
    for name, pixels in (("a", WARM), ("b", COLD)):
        write(Image.from_numpy(pixels, meta={"depth": "uint8"}), tmp_path / f"{name}.png")
    command = [sys.executable, "-c", "from otframe.cli.main import main; main()", "run", "color_transfer"]
    command += ["--set", "table=17", "--report", "--in", f"source={tmp_path}/a.png"]
    command += ["--in", f"reference={tmp_path}/b.png", "--out", f"{tmp_path}/out"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    assert {file.name for file in (tmp_path / "out").iterdir()} >= {
        *("a.png", "scores.csv", "map.safetensors", "look.cube", "report.html"),
    }
    assert "# fidelity" in (tmp_path / "out/look.cube").read_text().lower()
    with (tmp_path / "out/scores.csv").open() as file:
        (score,) = csv.DictReader(file)
    assert float(score["distance after"]) < 0.15 * float(score["distance before"])
    report = (tmp_path / "out/report.html").read_text()
    assert "distance before" in report
    assert report.count("data:image") >= 2


def test_strength_none_leaves_the_photograph():
    made = run("color_transfer", {"source": [WARM], "reference": [COLD]}, strength=0.0, regular=0.0, **SMALL)
    assert np.allclose(made["graded"]["0000"].numpy(), WARM, atol=1e-6)


def test_one_map_for_many_photographs_and_for_others():
    inputs = {"source": [WARM, WARM**1.2], "reference": [COLD, COLD**1.1], "photos": [WARM**0.9]}
    made = run("color_transfer", inputs, **SMALL)
    assert list(made["graded"]) == ["0000"]
    assert len(made["scores"].rows) == 1


def test_masks_say_what_counts():
    half = np.zeros((*WARM.shape[:2], 1), np.float32)
    half[:, :32] = 1
    split = WARM.copy()
    split[:, 32:] = photo(5, base=(0.1, 0.9, 0.1))[:, 32:]
    inputs = {"source": [split], "source_mask": [half], "reference": [COLD]}
    made = run("color_transfer", inputs, regular=0.0, solver="gaussian.transport", samples=4000, table=9)
    moved = made["graded"]["0000"].numpy()[:, :32].reshape(-1, 3)
    assert np.allclose(moved.mean(0), COLD.reshape(-1, 3).mean(0), atol=1e-3)


def test_the_fitted_operator_is_applied_elsewhere(tmp_path):
    pipeline = Pipeline.from_yaml(FOLDER / "color_transfer.yaml")
    operator = pipeline.fit({"source": [WARM], "reference": [COLD]}, params={**SMALL, "regular": 0.0})
    operator.save(tmp_path / "look.otf")
    whole = run("color_transfer", {"source": [WARM], "reference": [COLD]}, regular=0.0, **SMALL)
    again = otframe.load(tmp_path / "look.otf")(photos=[WARM])["graded"]["0000"]
    assert torch.equal(again.pixels, whole["graded"]["0000"].pixels)


GREY = WARM.mean(2, keepdims=True)
HOSTILE = {
    "constant": np.full((9, 9, 3), 0.4, np.float32),
    "one pixel": np.full((1, 1, 3), 0.4, np.float32),
    "black": np.zeros((9, 9, 3), np.uint8),
    "grey": GREY,
    "sixteen bits": (WARM * 65535).astype(np.uint16),
    "half": WARM.astype(np.float16),
    "light above white": np.concatenate([WARM * 9, WARM]),
    "mostly transparent": np.concatenate([WARM, (GREY > 0.6).astype(np.float32)], 2),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("regular", [0.0, 1.0])
def test_hostile_photographs_have_defined_results(kind, regular):
    for source, reference in ((HOSTILE[kind], COLD), (WARM, HOSTILE[kind]), (HOSTILE[kind], HOSTILE[kind])):
        made = run("color_transfer", {"source": [source], "reference": [reference]}, regular=regular, **SMALL)
        graded = made["graded"]["0000"]
        assert graded.size == source.shape[:2]
        assert graded.channels == 3
        assert bool(torch.isfinite(graded.pixels).all())


def test_what_has_no_colors_is_a_typed_error():
    nothing = np.concatenate([WARM, np.zeros_like(GREY)], 2)
    broken = WARM.copy()
    broken[3, 3, 0] = np.nan
    for source, told in ((nothing, "no pixel counts"), (broken, "finite")):
        with pytest.raises(OtframeError, match=told):
            run("color_transfer", {"source": [source], "reference": [COLD]}, **SMALL)
    with pytest.raises(OtframeError, match="needs a space that has lightness"):
        run("color_transfer", {"source": [WARM], "reference": [COLD]}, axes="chroma", **SMALL)


def test_exchange_both_ways():
    made = run("color_exchange", {"a": WARM, "b": COLD}, samples=2000)
    for name in ("score_a", "score_b"):
        (score,) = rows(made[name]).values()
        assert score["distance after"] < 0.15 * score["distance before"]
    assert made["a_as_b"].size == WARM.shape[:2]
    assert made["b_as_a"].size == COLD.shape[:2]


@pytest.mark.parametrize("kind", ["sliced", "gaussian"])
def test_harmonised_photographs_share_a_palette(kind):
    bases = {"a": (0.6, 0.5, 0.3), "b": (0.3, 0.4, 0.6), "c": (0.5, 0.6, 0.5)}
    photos = {name: photo(k, base=base) for k, (name, base) in enumerate(bases.items())}
    named = {"barycenter": f"{kind}.barycenter", "solver": f"{kind}.transport"}
    made = run("color_harmonization", {"photos": photos}, samples=1000, **named)
    found = rows(made["scores"])
    assert list(found) == ["a", "b", "c", "mean"]
    assert found["mean"]["distance after"] < 0.25 * found["mean"]["distance before"]
    means = np.stack([image.numpy().reshape(-1, 3).mean(0) for image in made["together"].values()])
    assert np.ptp(means, axis=0).max() < 0.02


def test_large_photographs_in_strips(tmp_path):
    image = Image.from_numpy((WARM * 65535).astype(np.uint16))
    write(image, tmp_path / "a.tif")
    pipeline = Pipeline.from_yaml(FOLDER / "color_transfer_large.yaml")
    inputs = {"source": f"strips:{tmp_path}/a.tif", "reference": [COLD]}
    pipeline.run(inputs, out=tmp_path / "out", params={"samples": 5000})
    made = read_image(tmp_path / "out/a.tif")
    wanted = run("color_transfer", {"source": [image.numpy()], "reference": [COLD]}, regular=0.0, samples=5000, table=9)
    assert made.meta["depth"] == "uint16"
    assert torch.allclose(made.pixels, wanted["graded"]["0000"].pixels.clamp(0, 1), atol=2e-3)


def test_equalisation_and_specification():
    wanted = COLD.mean(2, keepdims=True)
    made = run("equalize", {"photos": [GREY], "reference": wanted})
    flat = np.sort(made["equalized"]["0000"].numpy(), axis=None)
    assert np.allclose(flat, (np.arange(flat.size) + 0.5) / flat.size, atol=2e-3)
    levels = np.linspace(0.01, 0.99, 40)
    given = np.quantile(made["specified"]["0000"].numpy(), levels)
    assert np.abs(given - np.quantile(wanted, levels)).max() < 3e-3
    assert "specified" not in run("equalize", {"photos": [GREY]})


def test_a_look_is_applied_from_either_file(tmp_path):
    pipeline = Pipeline.from_yaml(FOLDER / "color_transfer.yaml")
    settings = {"solver": "gaussian.transport", "regular": 0.0, **SMALL}
    inputs = {"source": [WARM], "reference": [COLD]}
    pipeline.run(inputs, out=tmp_path, params=settings)
    exact = run("color_transfer", inputs, **settings)["graded"]["0000"].numpy()
    # a table holds an affine map exactly, but for its six digits
    for name in ("map.safetensors", "look.cube"):
        made = run("color_apply", {"photos": [WARM], "look": tmp_path / name})
        assert np.abs(made["graded"]["0000"].numpy() - exact).max() < 1e-5
        assert made["hald"].size == (512, 512)
    assert len(run("color_apply", {"photos": [WARM]})["graded"]) == 1


def test_a_broken_photograph_leaves_the_rest(tmp_path):
    for name, pixels in (("a", WARM), ("b", WARM**1.1), ("c", COLD)):
        write(Image.from_numpy(pixels, meta={"depth": "uint8"}), tmp_path / "in" / f"{name}.png")
    data = (tmp_path / "in/b.png").read_bytes()
    (tmp_path / "in/b.png").write_bytes(data[: len(data) // 2])
    for name, inputs in (
        ("color_transfer", {"source": tmp_path / "in", "reference": [COLD]}),
        ("color_harmonization", {"photos": tmp_path / "in"}),
    ):
        pipeline = Pipeline.from_yaml(FOLDER / f"{name}.yaml")
        made = pipeline.run(inputs, out=tmp_path / name, params={"samples": 1000}, on_error="skip")
        assert [error.key for error in made.failures] == ["b"]
        written = {file.path.name for file in made.files}
        assert written >= {"a.png", "c.png", "scores.csv"}
        assert "b.png" not in written
