"""Weight files that try to run code: for plugins that load files of their users.

A loader passes where each file ends in a typed error and the canary is not touched:

>>> for path in forms(gadgets(canary)["os.system"], folder).values():   # doctest: +SKIP
...     with pytest.raises(ModelError):
...         load(path)
...     assert not canary.exists()
"""

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

import torch

__all__ = ["NAMES", "WORKING", "forms", "gadgets"]


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
    """Objects, or raw pickles, by name, that touch the file `canary` when they are unpickled without care."""
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


NAMES = tuple(gadgets(Path("canary")))
"""The names of all gadgets."""
WORKING = ("os.system", "eval", "exec", "subprocess", "open", "path.touch", "inner pickle", "posix by hand", "runpy")
"""Gadgets that plain `pickle.loads` falls for: a canary that nothing can touch would prove nothing."""
