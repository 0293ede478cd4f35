"""Weight files of `autoencoder.taesd` that carry code: none of it runs, and each is a `ModelError`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from otframe_autoencoder.networks.taesd import build_decoder, build_encoder
from otframe_autoencoder.taesd import Taesd

from otframe.errors import ModelError
from otframe.testing.malicious import NAMES, forms, gadgets


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    path = tmp_path / "canary"
    path.with_suffix(".py").write_text(f"open({str(path)!r}, 'w').close()")
    return path


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An encoder's and a decoder's file as they should be."""
    folder = tmp_path_factory.mktemp("sound")
    for name, build in (("encoder", build_encoder), ("decoder", build_decoder)):
        torch.save(build(4, pooled=False).state_dict(), folder / f"{name}.pth")
    return folder / "encoder.pth", folder / "decoder.pth"


def test_sound_files_are_read(sound: tuple[Path, Path]) -> None:
    encoder, decoder = sound
    assert Taesd(encoder=encoder, decoder=decoder).load(torch.device("cpu"), torch.float32)


@pytest.mark.parametrize("setting", ["", "1"])
@pytest.mark.parametrize("name", NAMES)
def test_code_in_weights_is_never_run(
    name: str, setting: str, sound: tuple[Path, Path], canary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor where torch's own variable asks for it: what the call says is stronger."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", setting)
    encoder, decoder = sound
    for form, path in forms(gadgets(canary)[name], tmp_path).items():
        for files in ({"encoder": path, "decoder": decoder}, {"encoder": encoder, "decoder": path}):
            with pytest.raises(ModelError) as caught:
                Taesd(**files).load(torch.device("cpu"), torch.float32)
            assert str(path) in caught.value.message, form
        assert not canary.exists(), form
        assert not (tmp_path / "no").exists(), form
