"""Finding a pipeline: a file, or the name of one that ships with the core or with a plugin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from otframe.errors import PluginError, UnknownNameError
from otframe.registry import Registry, nearest

__all__ = ["core_pipelines", "find_pipeline", "shipped", "title_of"]

_SUFFIXES = (".yaml", ".yml")
_FILES = (*_SUFFIXES, ".otf")


def find_pipeline(given: str, registry: Registry) -> Path:
    """The file behind a path or a bare name; `UnknownNameError` with the nearest names otherwise."""
    path = Path(given).expanduser()
    if path.is_file():
        return path
    names = shipped(registry)
    if given in names:
        return names[given]
    if path.is_dir():
        raise UnknownNameError(f"'{given}' is a folder", hint="give the path of a pipeline file")
    if path.suffix.lower() in _FILES or len(path.parts) > 1:
        inside = path.parent.glob("*") if path.parent.is_dir() else ()
        around = [str(p) for p in inside if p.suffix.lower() in _FILES and p.is_file()]
        same = [name for name in around if name.lower() == given.lower()]  # but for capitals
        near = f"'{same[0]}'" if same else nearest(given, [*around, *names])
        hint = f"did you mean {near}?" if near else "give the path of a pipeline file"
        raise UnknownNameError(f"there is no pipeline file '{given}'", hint=hint)
    near = nearest(given, names)
    hint = f"did you mean {near}?" if near else f"shipped pipelines: {', '.join(sorted(names)) or 'none'}"
    raise UnknownNameError(f"there is no pipeline '{given}'", hint=hint)


def shipped(registry: Registry) -> dict[str, Path]:
    """The pipelines that need no path, by name: the core's, then those of plugins."""
    found = {path.stem: path for path in core_pipelines()}
    for entry, plugin in registry.entries("pipeline"):
        module, _, file = entry.target.partition(":")
        try:
            found[entry.name] = Path(str(files(module).joinpath(file)))
        except (ModuleNotFoundError, TypeError) as error:
            raise PluginError(f"pipeline '{entry.name}' of plugin '{plugin}' cannot be found: {error}") from error
    return found


def core_pipelines() -> Iterator[Path]:
    """The core's pipelines: inside an installed package, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_pipelines", package.parent / "pipelines"):
        if folder.is_dir():
            yield from sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES)
            return


def title_of(path: Path) -> str:
    """A pipeline's title, looked up without reading the file as YAML."""
    match = re.search(r"^title:[ \t]*(.+?)[ \t]*$", path.read_text("utf-8", errors="replace"), re.MULTILINE)
    return match[1].strip("\"'") if match else ""
