"""Weights that come with the package."""

from __future__ import annotations

from importlib.resources import as_file, files

import torch
from safetensors.torch import load_file

from otframe.errors import ModelError

__all__ = ["embedded_state"]


def embedded_state(name: str) -> dict[str, torch.Tensor]:
    """The tensors of `weights/<name>.safetensors`."""
    with as_file(files("otframe_autoencoder") / "weights" / f"{name}.safetensors") as path:
        if not path.is_file():
            raise ModelError(
                f"the package came without its weights {path.name}", hint="reinstall otframe-autoencoder from a wheel"
            )
        return load_file(path)
