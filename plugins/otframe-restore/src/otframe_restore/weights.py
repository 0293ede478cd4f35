"""Reading weights and handing them to spandrel. Nothing in a file is ever executed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from otframe.errors import ModelError

__all__ = ["load_network", "read_state_dict"]

_TORCH = (".pth", ".pt", ".ckpt")


def read_state_dict(path: Path) -> dict[str, Any]:
    """The tensors of a `.safetensors` or `.pth` file by name; `ModelError` where there are none to read."""
    if not path.is_file():
        raise ModelError(f"there is no weights file '{path}'", hint="give `path:` of a .safetensors or .pth file")
    if path.suffix.lower() not in (*_TORCH, ".safetensors"):
        raise ModelError(f"'{path.name}' is not a weights file: wanted .safetensors or {', '.join(_TORCH)}")
    try:
        if path.suffix.lower() == ".safetensors":
            from safetensors.torch import load_file

            state: Any = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling, zip and header errors are of many types
        first = str(error).strip().partition("\n")[0]
        raise ModelError(
            f"'{path.name}' cannot be read as weights: {first}",
            hint="only tensors are read, never pickled objects: save the state_dict, best as .safetensors",
        ) from error
    if not isinstance(state, Mapping) or not state:
        raise ModelError(f"'{path.name}' holds no weights by name, but {type(state).__name__}")
    return dict(state)


def load_network(path: Path, device: torch.device, dtype: torch.dtype) -> Any:
    """spandrel's descriptor of the network, in evaluation mode on the device; `ModelError` where that fails."""
    spandrel = _spandrel()
    state = read_state_dict(path)
    try:
        # training frameworks wrap weights ("params_ema", "module.", ...): spandrel knows how to unwrap them
        net = spandrel.ModelLoader().load_from_state_dict(spandrel.canonicalize_state_dict(state))
    except Exception as error:  # detection runs the loader of each architecture: anything may come out of it
        raise ModelError(
            f"spandrel knows no network with the weights of '{path.name}': {str(error).strip().partition(chr(10))[0]}",
            hint="spandrel's documentation lists the architectures it recognises",
        ) from error
    _refuse_misfits(net, spandrel, path)
    try:
        net = net.to(device, dtype)
    except spandrel.UnsupportedDtypeError as error:
        raise ModelError(f"{path.name}: {error}", hint="use dtype: float32") from error
    return net.eval()


def _refuse_misfits(net: Any, spandrel: Any, path: Path) -> None:
    kind = net.architecture.name
    if not isinstance(net, spandrel.ImageModelDescriptor):
        raise ModelError(f"'{path.name}' ({kind}) needs a mask beside the image; only image to image networks run here")
    if net.architecture.id == "DnCNN" and net.input_channels in (4, 12):
        # FFDNet has the layers of a DnCNN on the 2 x 2 cells of an image: detected as one, it would run on nonsense
        raise ModelError(
            f"'{path.name}' looks like FFDNet, which spandrel takes for a DnCNN with {net.input_channels} channels",
            hint="use a DnCNN, SPAN, SwinIR, ... instead",
        )
    if net.input_channels not in (1, 3) or net.output_channels not in (1, 3):
        raise ModelError(
            f"'{path.name}' ({kind}) maps {net.input_channels} to {net.output_channels} channels; wanted 1 or 3 of each"
        )


def _spandrel() -> Any:
    try:
        import spandrel
    except (ImportError, RuntimeError) as error:
        # a RuntimeError where torchvision's operators do not register beside another build of torch
        what = "is not installed" if getattr(error, "name", "") == "spandrel" else f"cannot be imported: {error}"
        raise ModelError(f"restorer.spandrel needs spandrel, which {what}", hint=_install_command()) from error
    return spandrel


def _install_command() -> str:
    """How to install spandrel and a torchvision that fits the torch that is there, without replacing it.

    spandrel needs torchvision, whose every release needs one release of torch: left alone, pip takes the newest of
    both. The build (`+cpu`, `+cu126`) must be the same too, and only torch's own index has builds.
    """
    build = torch.__version__.partition("+")[2]
    index = f" --extra-index-url https://download.pytorch.org/whl/{build}" if build else ""
    return f'pip install "otframe-restore[spandrel]" "torch=={torch.__version__}"{index}'
