"""Weights files that carry code: none of it runs, each is a `ModelError`, and no network is made of any."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from otframe_restore import weights
from otframe_restore.networks import Spandrel
from otframe_restore.weights import read_state_dict

from otframe.errors import ModelError


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function: Callable[..., Any], *args: Any, state: Any = None) -> None:
        self.what = (function, args) if state is None else (function, args, state)

    def __reduce__(self) -> Any:
        return self.what


def by_name(module: str, name: str, argument: str) -> bytes:
    """A pickle written by hand, with the function named as text: protocol 0, which has no frames."""
    return f"c{module}\n{name}\n(V{argument}\ntR.".encode()


def gadgets(canary: Path) -> dict[str, Any]:
    """Objects, or raw pickles, that touch the canary when they are loaded without care."""
    shell, code = f"touch {canary}", f"open({str(canary)!r}, 'w').close()"
    return {
        "os.system": Call(os.system, shell),
        "eval": Call(builtins.eval, code.replace("open", "__import__('io').open")),
        "exec": Call(builtins.exec, code),
        "subprocess": Call(subprocess.check_call, ["touch", str(canary)]),
        "open": Call(open, str(canary), "w"),
        "path.touch": Call(Path.touch, canary),
        "getattr": Call(getattr, Call(__import__, "os"), "system"),
        "in a tensor's dict": {"weight": torch.zeros(2), "bias": Call(os.system, shell)},
        "in a nested dict": {"params_ema": {"a": [torch.zeros(1), (Call(os.system, shell),)]}},
        "as a key": {Call(os.system, shell): torch.zeros(1)},
        "as a state": Call(torch.nn.Identity, state={"hook": Call(os.system, shell)}),
        "whole module": torch.nn.Sequential(torch.nn.Linear(2, 2)),
        "torch.load again": Call(torch.load, str(canary)),
        "torch.hub": Call(torch.hub.load, str(canary.parent), "entry"),
        "inner pickle": Call(pickle.loads, pickle.dumps(Call(os.system, shell))),
        "storage from file": Call(torch.UntypedStorage.from_file, str(canary), True, 8),
        "tensor rebuilt by eval": Call(
            torch._utils._rebuild_tensor_v2, Call(builtins.eval, code), 0, (1,), (1,), False, {}
        ),
        "posix by hand": by_name("posix", "system", shell),
        "nt by hand": by_name("nt", "system", shell),
        "dotted by hand": b"\x80\x04\x8c\x08builtins\x8c\x04exec\x93\x8c"
        + bytes([len(code)])
        + code.encode()
        + b"\x85R.",
        "through torch": by_name("torch.serialization", "os.system", shell),
        "runpy": by_name("runpy", "run_path", str(canary.with_suffix(".py"))),
        "timeit": by_name("timeit", "timeit", code),
        "allowed builder, wrong use": by_name("torch._utils", "_rebuild_device_tensor_from_numpy", shell),
    }


def forms(gadget: Any, folder: Path) -> dict[str, Path]:
    """The ways in which torch has ever packed a pickle."""
    raw = gadget if isinstance(gadget, bytes) else pickle.dumps(gadget, protocol=2)
    made = {"plain": raw, "legacy": _legacy(raw)}
    paths = {}
    for name, data in made.items():
        paths[name] = folder / f"{name}.pth"
        paths[name].write_bytes(data)
    paths["zip"] = folder / "zip.pt"
    with zipfile.ZipFile(paths["zip"], "w") as archive:
        for inner, data in {"data.pkl": raw, "version": b"3\n", "byteorder": b"little", "data/0": b"\0" * 16}.items():
            archive.writestr(f"archive/{inner}", data)
    paths["constants"] = folder / "constants.ckpt"
    with zipfile.ZipFile(paths["constants"], "w") as archive:
        for inner in ("data.pkl", "constants.pkl"):  # what makes it look like a scripted module
            archive.writestr(f"archive/{inner}", raw)
        archive.writestr("archive/code/__torch__.py", "open('no', 'w')")
        archive.writestr("archive/version", "3\n")
    paths["tar"] = folder / "tar.pth"
    with tarfile.open(paths["tar"], "w") as archive:
        for inner in ("sys_info", "storages", "tensors", "pickle"):
            entry = tarfile.TarInfo(inner)
            entry.size = len(raw)
            archive.addfile(entry, io.BytesIO(raw))
    paths["renamed"] = folder / "renamed.safetensors"
    paths["renamed"].write_bytes(raw)
    return paths


def _legacy(raw: bytes) -> bytes:
    """The format before zip files: magic number, protocol, machine, and then the object."""
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    head = [pickle.dumps(part, protocol=2) for part in (0x1950A86A20F9469CFC6C, 1001, machine)]
    return b"".join(head) + raw + pickle.dumps([], protocol=2)


NAMES = list(gadgets(Path("canary")))


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    path = tmp_path / "canary"
    path.with_suffix(".py").write_text(f"open({str(path)!r}, 'w').close()")
    return path


def test_the_gadgets_would_work(canary: Path, tmp_path: Path) -> None:
    """A canary that nothing can touch would prove nothing."""
    for name in (
        "os.system",
        "eval",
        "exec",
        "subprocess",
        "open",
        "path.touch",
        "inner pickle",
        "posix by hand",
        "runpy",
    ):
        gadget = gadgets(canary)[name]
        pickle.loads(gadget if isinstance(gadget, bytes) else pickle.dumps(gadget))
        assert canary.exists(), name
        canary.unlink()


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
