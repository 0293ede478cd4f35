"""Weights files that carry code: none of it runs, each is a `ModelError`, and no network is made of any."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from otframe_restore import weights
from otframe_restore.networks import Spandrel
from otframe_restore.weights import read_state_dict

from otframe.errors import ModelError
from otframe.testing.malicious import NAMES, forms, gadgets


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    path = tmp_path / "canary"
    path.with_suffix(".py").write_text(f"open({str(path)!r}, 'w').close()")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_code_in_weights_is_never_run(name: str, canary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_spandrel", lambda: pytest.fail("a network was asked for"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", raising=False)
    for form, path in forms(gadgets(canary)[name], tmp_path).items():
        with pytest.raises(ModelError) as caught:
            read_state_dict(path)
        assert path.name in caught.value.message, form
        assert not canary.exists(), form
        assert not (tmp_path / "no").exists(), form


def test_the_component_refuses_them_too(canary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_spandrel", lambda: None)
    for path in forms(gadgets(canary)["os.system"], tmp_path).values():
        with pytest.raises(ModelError, match=r"cannot be read as weights"):
            Spandrel(path=path).load(torch.device("cpu"), torch.float32)
    assert not canary.exists()


def test_the_environment_cannot_turn_it_off(canary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch has variables for and against; what is asked for in the call is stronger."""
    for value in ("1", "true"):
        monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", value)
        for path in forms(gadgets(canary)["os.system"], tmp_path).values():
            with pytest.raises(ModelError):
                read_state_dict(path)
            assert not canary.exists()
