from __future__ import annotations

import importlib
import os
import sys

import cv2
import numpy as np
import pytest
import torch
from otframe_restore import weights
from otframe_restore.networks import Spandrel
from otframe_restore.noise import Noise
from otframe_restore.tiling import tiled

from otframe.errors import DataError, ModelError
from otframe.interfaces import Context, ModelPool, current_pool
from otframe.values import Image


@pytest.fixture(scope="module")
def restorers(data):
    """The folder of weights, with spandrel importable beside any build of torch.

    `OTFRAME_ASIDE` may name a folder that spandrel and its torchvision were installed to, apart from everything else.
    """
    aside = os.environ.get("OTFRAME_ASIDE")
    if aside and aside not in sys.path:
        sys.path.append(aside)
    for name in ("spandrel", "torchvision", "einops"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    sys.path.insert(0, str(data))
    try:
        importlib.import_module("spandrel_torchvision_shim")
    finally:
        sys.path.remove(str(data))
    return data / "models" / "restorers"


@pytest.fixture
def fake_spandrel(monkeypatch):
    """Stands in for spandrel where only reading files is tested."""
    monkeypatch.setattr(weights, "_spandrel", lambda: None)


@pytest.fixture(scope="module")
def pool():
    """One pool for the module, so that networks load once."""
    token = current_pool.set(ModelPool())
    yield
    current_pool.reset(token)


def psnr(a: Image, b: Image) -> float:
    return float(-10 * torch.log10((a.pixels - b.pixels).double().square().mean()))


def photo(data, name: str, size: int) -> Image:
    array = cv2.imread(str(next((data / "photos").rglob(name))))[:size, :size, ::-1]
    return Image.from_numpy(np.ascontiguousarray(array))


@pytest.mark.data
def test_colour_denoiser_reaches_its_quality(restorers, data, pool):
    clean = photo(data, "baby*", 160)
    noisy = Noise(sigma=50)(clean, ctx=Context())
    model = Spandrel(path=restorers / "dncnn_color_blind.pth")
    out = model.restore(noisy)
    assert psnr(out, clean) > psnr(noisy, clean) + 12
    assert out.pixels.is_leaf
    assert not out.pixels.is_inference()
    grey = Image(noisy.pixels[:1], space="gray")
    assert model.restore(grey).channels == 1
    cut = Spandrel(path=restorers / "dncnn_color_blind.pth", tile=64, overlap=24)
    assert torch.allclose(cut.restore(noisy).pixels, out.pixels, atol=1e-5)


@pytest.mark.data
def test_grey_denoiser_takes_each_channel(restorers, pool, noise):
    model = Spandrel(path=restorers / "dncnn_25.pth")
    image = noise(9, 11, 4)
    out = model.restore(image)
    assert out.alpha is image.alpha
    for c in range(3):
        alone = model.restore(Image(image.pixels[c : c + 1], space="gray")).pixels[0]
        assert torch.allclose(out.pixels[c], alone, atol=1e-6)
    assert model.restore(noise(1, 1)).size == (1, 1)


@pytest.mark.data
@pytest.mark.parametrize("scale", [2, 4])
def test_super_resolution_enlarges_the_alpha_along(restorers, data, pool, scale, noise):
    from otframe_restore.downscale import Downscale

    model = Spandrel(path=restorers / f"span_x{scale}_ch48.pth")
    out = model.restore(noise(7, 5, 4))
    assert out.size == (7 * scale, 5 * scale)
    assert out.alpha is not None
    assert out.alpha.shape == out.pixels.shape[1:]
    clean = photo(data, "butterfly*", 64 * scale)
    small = Downscale(factor=scale)(clean)
    bicubic = Downscale(factor=scale, back=True)(clean)
    assert psnr(model.restore(small), clean) > psnr(bicubic, clean) + 3


@pytest.mark.data
def test_ffdnet_is_not_taken_for_a_dncnn(restorers):
    with pytest.raises(ModelError, match="FFDNet"):
        Spandrel(path=restorers / "ffdnet_color.pth").load(torch.device("cpu"), torch.float32)
    with pytest.raises(ModelError, match="knows no network"):
        Spandrel(path=restorers / "vdsr.pth").load(torch.device("cpu"), torch.float32)


@pytest.mark.data
def test_safetensors_and_wrapped_weights_load(restorers, tmp_path, noise):
    from safetensors.torch import save_file

    state = torch.load(restorers / "dncnn_25.pth", weights_only=True)
    save_file({k: v.contiguous() for k, v in state.items()}, tmp_path / "net.safetensors")
    torch.save({"params": {f"module.{k}": v for k, v in state.items()}}, tmp_path / "net.pth")
    image = noise(8, 8)
    outs = [Spandrel(path=tmp_path / f"net.{end}").restore(image).pixels for end in ("safetensors", "pth")]
    assert torch.equal(*outs)


@pytest.mark.data
def test_half_precision_that_does_not_fit_is_told(restorers, noise):
    with pytest.raises(ModelError, match="half precision"):
        Spandrel(path=restorers / "dncnn_25.pth").load(torch.device("cpu"), torch.float16)
    with pytest.raises(DataError, match="channels"):
        Spandrel(path=restorers / "dncnn_color_blind.pth").restore(Image(torch.rand(2, 8, 8)))


def test_missing_spandrel_is_told_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(ModelError, match="not installed") as caught:
        Spandrel(path="any.pth").load(torch.device("cpu"), torch.float32)
    assert "otframe-restore[spandrel]" in caught.value.hint
    assert f"torch=={torch.__version__}" in caught.value.hint  # or pip would replace it
    assert caught.value.exit_code == 1


def test_torchvision_of_another_build_is_told(monkeypatch):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "spandrel":
                raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.delitem(sys.modules, "spandrel", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    monkeypatch.setattr(torch, "__version__", "2.13.0+cpu")
    with pytest.raises(ModelError, match="torchvision::nms") as caught:
        weights.load_network(weights.Path("any.pth"), torch.device("cpu"), torch.float32)
    assert "--extra-index-url https://download.pytorch.org/whl/cpu" in caught.value.hint


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (16, 16), (33, 17)])
@pytest.mark.parametrize("tile", [0, 8, 16])
def test_tiles_join_to_the_whole(size, tile):
    planes = torch.rand(1, 2, *size, dtype=torch.float64)
    weight = torch.rand(2, 2, 5, 5, dtype=torch.float64)

    def run(piece: torch.Tensor) -> torch.Tensor:
        out = torch.nn.functional.conv2d(piece, weight, padding=2)
        return out.repeat_interleave(2, 2).repeat_interleave(2, 3)

    assert torch.allclose(tiled(run, planes, tile=tile, overlap=2, scale=2), run(planes), atol=1e-12)


def test_missing_and_foreign_files_are_told(fake_spandrel, tmp_path):
    def load(name: str) -> None:
        weights.load_network(tmp_path / name, torch.device("cpu"), torch.float32)

    with pytest.raises(ModelError, match="no weights file"):
        load("absent.pth")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ModelError, match=r"wanted \.safetensors"):
        load("notes.txt")
    for name in ("broken.pth", "broken.safetensors"):
        (tmp_path / name).write_bytes(b"not weights at all")
        with pytest.raises(ModelError, match="cannot be read"):
            load(name)
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ModelError, match="holds no weights"):
        load("list.pth")


class Harmful:
    def __reduce__(self):
        return (print, ("executed",))


def test_pickled_code_is_never_executed(fake_spandrel, tmp_path, capsys):
    torch.save({"weight": Harmful()}, tmp_path / "evil.pth")
    with pytest.raises(ModelError, match="cannot be read"):
        weights.load_network(tmp_path / "evil.pth", torch.device("cpu"), torch.float32)
    assert "executed" not in capsys.readouterr().out


def test_entry_module_imports_nothing_heavy():
    import subprocess

    code = "import sys, otframe_restore; assert not {'torch', 'cv2', 'spandrel', 'torchvision'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
