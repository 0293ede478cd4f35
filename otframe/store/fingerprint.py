"""What identifies code, files that parameters name, and the libraries beneath: everything that can change a result."""

from __future__ import annotations

import functools
import hashlib
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel

from otframe.errors import OtframeError
from otframe.io.source import file_digest
from otframe.version import __version__

__all__ = ["code_of", "environment", "files_of"]

_LIBRARIES = ("torch", "numpy", "scipy", "opencv-python", "OpenImageIO")


def environment(device: str = "cpu") -> dict[str, str]:
    """Versions of the libraries beneath, the processor's instructions and the threads of a task, by name."""
    graphics = torch.cuda.get_device_name(device) if device.startswith("cuda") else ""
    found = {
        "device": graphics or device,
        "python": platform.python_version(),
        "machine": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
        "threads": str(torch.get_num_threads()),
    }
    return found | {name: _version(name) for name in _LIBRARIES}


@functools.cache
def code_of(module: str, distribution: str = "") -> str:
    """What identifies the code that a module belongs to: all files of its package, and what its distribution needs.

    Empty where there is no file: such code cannot be told from another.
    """
    package = module.partition(".")[0]
    origin = getattr(sys.modules.get(package), "__file__", None)
    if origin is None:
        return ""
    path = Path(origin)
    parts = [
        f"otframe {__version__}",
        _folder(path.parent, "__pycache__") if path.stem == "__init__" else file_digest(path),
    ]
    parts += [f"{need} {_version(need)}" for need in _needs(distribution)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def files_of(component: BaseModel) -> dict[str, str]:
    """The contents of files and folders that parameters name, by parameter; nested components' too."""
    found: dict[str, str] = {}
    for name in type(component).model_fields:
        for path, value in _leaves(name, getattr(component, name)):
            if isinstance(value, (str, Path)) and (told := _content(value)):
                found[path] = told
    return found


def _folder(folder: Path, *without: str) -> str:
    """What identifies all files of a folder, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part in without for part in path.parts):
            digest.update(f"{path.relative_to(folder).as_posix()}\0{file_digest(path)}\n".encode())
    return digest.hexdigest()


def _content(value: str | Path) -> str:
    """What identifies the file or folder of that name; empty where there is none."""
    try:
        path = Path(value).expanduser()
        if not str(value) or not path.exists():
            return ""
        return _folder(path) if path.is_dir() else file_digest(path)
    except (OtframeError, OSError, ValueError, RuntimeError):  # a text that is no path
        return ""


def _leaves(path: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, BaseModel):
        value = {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, dict):
        return [leaf for key, part in value.items() for leaf in _leaves(f"{path}.{key}", part)]
    if isinstance(value, (list, tuple)):
        return [leaf for index, part in enumerate(value) for leaf in _leaves(f"{path}.{index}", part)]
    return [(path, value)]


@functools.cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _needs(distribution: str) -> list[str]:
    """The names of what a distribution requires, extras left out."""
    try:
        lines = (requires(distribution) or []) if distribution else []
    except PackageNotFoundError:
        return []
    return sorted({re.split(r"[ ;<>=!~\[(]", line)[0] for line in lines if "extra ==" not in line})
