"""The examples of the documentation, run as a reader would run them."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from otframe import Pipeline

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Sharp photographs, and the same blurred."""
    skimage = pytest.importorskip("skimage.data", reason="the sample photographs come with scikit-image")
    root = tmp_path_factory.mktemp("photos")
    for name in ("clean", "restored"):
        (root / name).mkdir()
    for i in range(4):
        crop = skimage.astronaut()[64 * i : 64 * i + 128, 100:260, ::-1]
        cv2.imwrite(str(root / "clean" / f"{i}.png"), crop)
        cv2.imwrite(str(root / "restored" / f"{i}.png"), cv2.GaussianBlur(crop, None, 1.2))
    return root


@pytest.fixture(scope="module")
def operator(folders):
    pipeline = Pipeline.from_yaml(ROOT / "pipelines" / "restoration.yaml")
    return pipeline.fit(restored=str(folders / "restored"), clean=str(folders / "clean"))


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script(folders, tmp_path, operator):
    target = tmp_path / "enhanced.png"
    arguments = [str(folders / "restored"), str(folders / "clean"), str(folders / "restored" / "2.png"), str(target)]
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "embed.py"), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    made = cv2.imread(str(target))
    photo = cv2.imread(str(folders / "restored" / "2.png"))
    expected = np.clip(operator(photo[..., ::-1].copy()), 0, 1)[..., ::-1] * 255
    assert np.abs(made - expected).max() < 1
    assert Path(f"{target}.otf").is_file()


def test_the_module(folders, operator):
    photo = cv2.imread(str(folders / "restored" / "0.png"))[..., ::-1].copy()
    batch = torch.from_numpy(photo / np.float32(255)).permute(2, 0, 1)[None].repeat(2, 1, 1, 1)
    made = load("module").Transported(operator)(batch)
    assert made.shape == batch.shape
    assert torch.equal(made[0], made[1])
    assert np.array_equal(made[0].permute(1, 2, 0).numpy(), operator(photo))


def test_the_service(folders, operator, tmp_path, monkeypatch):
    testclient = pytest.importorskip("fastapi.testclient", reason="the service needs fastapi and httpx")
    operator.save(tmp_path / "op.otf")
    monkeypatch.setenv("OPERATOR", str(tmp_path / "op.otf"))
    body = (folders / "restored" / "1.png").read_bytes()
    with testclient.TestClient(load("service").app) as client:
        answer = client.post("/enhance", content=body)
        assert answer.status_code == 200, answer.text
        made = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
        assert made.shape == (128, 160, 3)
        assert not np.array_equal(made, cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR))
        wrong = client.post("/enhance", content=b"not a picture")
        assert wrong.status_code == 422
        assert client.post("/enhance", content=b"").status_code == 413
        told = client.get("/signature").json()
        assert told["inputs"][0]["name"] == "photos"
        assert told["parameters"]["properties"]["alpha"]["default"] == 0.25
