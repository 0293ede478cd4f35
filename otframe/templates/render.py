"""Rendering the template of a plugin: `$name` in the files and `__package__` in their paths are filled in."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from otframe.errors import OutputError, ParameterError
from otframe.version import __version__

__all__ = ["PluginNames", "plugin_names", "render"]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_PREFIX = "otframe-"
_SUFFIX = ".tmpl"


@dataclass(frozen=True)
class PluginNames:
    """What a plugin's parts are called, all from its one name."""

    plugin: str
    """Name of the entry point, such as `texture-mix`."""
    distribution: str
    """`otframe-texture-mix`"""
    package: str
    """`otframe_texture_mix`"""
    family: str
    """First part of the components' names: `texture_mix`."""
    title: str
    """`Texture mix`"""


def plugin_names(name: str) -> PluginNames:
    """The names that follow from a plugin's; `ParameterError` where it cannot be one."""
    plugin = name.removeprefix(_PREFIX)
    if not _NAME.fullmatch(plugin) or plugin == "otframe":
        raise ParameterError(
            f"'{name}' cannot name a plugin",
            hint="use lowercase letters, digits and single dashes, a letter first, such as texture-mix",
        )
    family = plugin.replace("-", "_")
    words = plugin.replace("-", " ")
    return PluginNames(plugin, f"{_PREFIX}{plugin}", f"otframe_{family}", family, words[0].upper() + words[1:])


def render(names: PluginNames, folder: Path) -> list[Path]:
    """Write a plugin's files into a folder that does not exist yet, all or none; their paths.

    `ParameterError` where the folder exists, `OutputError` where it cannot be written.
    """
    if folder.exists() or folder.is_symlink():
        raise ParameterError(f"{folder} exists already", hint="nothing is overwritten: choose another name or --dir")
    values = {**asdict(names), **_versions()}
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error}", hint="choose another --dir") from error
    try:
        for path, text in _templates(files("otframe.templates") / "plugin"):
            target = staging / path.replace("__package__", names.package)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(Template(text).substitute(values), encoding="utf-8")
        staging.chmod(0o755)  # a temporary folder is the owner's alone
        staging.rename(folder)
    except OSError as error:
        shutil.rmtree(staging, ignore_errors=True)
        raise OutputError(f"{folder} cannot be written: {error}") from error
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _templates(folder: Traversable, path: str = "") -> Iterator[tuple[str, str]]:
    """Every template's path, without its suffix, and text."""
    for item in folder.iterdir():
        if item.is_dir():
            yield from _templates(item, f"{path}{item.name}/")
        elif item.name.endswith(_SUFFIX):
            yield path + item.name.removesuffix(_SUFFIX), item.read_text(encoding="utf-8")


def _versions() -> dict[str, str]:
    """The releases of otframe that the plugin is for: this one, up to the next that may break it."""
    major, minor, *_ = (int(part) for part in re.findall(r"\d+", __version__))
    return {"version": f"{major}.{minor}", "next_version": f"{major}.{minor + 1}" if major == 0 else f"{major + 1}"}
