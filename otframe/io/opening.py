"""`open_source`: the one place that decides what a given path, pattern, scheme or value is read with."""

from __future__ import annotations

import contextlib
import glob
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, get_origin

from otframe.errors import InputError, PluginError, UnknownNameError
from otframe.io.names import as_key, one_key_each
from otframe.io.source import JoinedSource, RenamedSource, Source, ValuesSource
from otframe.registry import Registry, nearest
from otframe.values import Image, Value

__all__ = ["FilesSource", "FolderSource", "open_source"]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+:)(.*)", re.DOTALL)  # two letters at least: `C:` is a drive


def open_source(given: Any, registry: Registry, value_type: Any = Image) -> Source:
    """The source of what is given.

    Parameters
    ----------
    given : str, Path, sequence of these, Source, or values
        A folder, a file, a pattern (`shots/*.png`), `scheme:...`, a list of these, or values as `ValuesSource` takes
        them.
    registry : Registry
        Offers the readers.
    value_type : type
        What the values must be: chooses the files of a folder and is checked where the file tells its type.
    """
    wanted = get_origin(value_type) or value_type
    wanted = wanted if isinstance(wanted, type) else Value
    if isinstance(given, Source):
        return _named(_fits(given, wanted, "the given source"))
    if isinstance(given, (str, os.PathLike)):
        return _named(_fits(_open_one(os.fspath(given), registry, wanted), wanted, f"'{os.fspath(given)}'"))
    if isinstance(given, Sequence) and given and all(isinstance(item, (str, os.PathLike)) for item in given):
        files = [file for item in given for file in _files_of(os.fspath(item), registry, wanted)]
        return _fits(FilesSource(files, registry, wanted), wanted, "the files")
    return _fits(ValuesSource(given, registry=registry), wanted, "what is given")


def _named(source: Source) -> Source:
    """The source with keys as keys are written, where its own are not."""
    return source if all(key == as_key(key) for key in source.keys()) else RenamedSource(source)


def _open_one(uri: str, registry: Registry, wanted: type) -> Source:
    if not uri or "\0" in uri:
        raise InputError(f"wanted a path, got {uri!r}", hint="a file, a folder, a pattern ('in/*.png') or sample:name")
    scheme = _SCHEME.fullmatch(uri)
    if scheme and registry.has(scheme[1], "reader"):
        return _reader(scheme[1], registry)(uri, registry=registry)  # type: ignore[no-any-return]
    path = Path(uri).expanduser()
    if path.is_dir():
        return FolderSource(path, registry, wanted)
    if path.exists():
        return FilesSource([path], registry, wanted)
    if scheme:
        schemes = [entry.name for entry, _ in registry.entries("reader") if entry.name.endswith(":")]
        near = nearest(scheme[1], schemes)
        raise UnknownNameError(
            f"there is no reader of '{scheme[1]}' and no file '{uri}'",
            hint=f"did you mean {near}?" if near else f"schemes: {', '.join(schemes) or 'none'}",
        )
    if glob.has_magic(uri):
        return FilesSource(_matching(uri), registry, wanted)
    raise InputError(f"there is no file or folder '{uri}'", hint=_siblings(path))


def _files_of(uri: str, registry: Registry, wanted: type) -> list[Path]:
    """The files behind one of several given paths."""
    scheme = _SCHEME.fullmatch(uri)
    if scheme and registry.has(scheme[1], "reader"):
        raise InputError(f"'{uri}' cannot be one of several", hint="give it alone, or files and folders")
    path = Path(uri).expanduser()
    if path.is_dir():
        return _inside(path, registry, wanted)
    return _matching(uri) if glob.has_magic(uri) and not path.exists() else [path]


def _matching(pattern: str) -> list[Path]:
    found = sorted(Path(p) for p in glob.glob(str(Path(pattern).expanduser()), recursive=True))
    files = [p for p in found if p.is_file() and not p.name.startswith(".")]
    if not files:
        raise InputError(f"no file matches '{pattern}'", hint="patterns: * within a name, ** any folders")
    return files


def _inside(folder: Path, registry: Registry, wanted: type) -> list[Path]:
    """The files of a folder that hold what is wanted."""
    suffixes = _suffixes(registry, wanted)
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"'{folder}' cannot be listed: {error.strerror or error}", hint=_siblings(folder)) from error
    named = [p for p in inside if p.suffix.lower() in suffixes and not p.name.startswith(".")]
    files = [p for p in named if p.is_file() or not p.exists()]  # a dead link is told of: its photograph is missed
    if not files:
        raise InputError(
            f"the folder '{folder}' has no file to read as {wanted.__name__}",
            hint=f"looked for {', '.join(suffixes)}; folders inside it are not searched",
        )
    return files


class FilesSource(JoinedSource):
    """The files of a list, each read by its suffix; `InputError` where two have one stem.

    Parameters
    ----------
    paths : iterable of Path
        Files.
    registry : Registry
        Offers the readers.
    value_type : type
        What the files must hold.
    """

    def __init__(self, paths: Iterable[Path], registry: Registry, value_type: type = Image) -> None:
        parts: dict[str, Source] = {}
        for stem, path in one_key_each(paths).items():
            if not path.is_file():
                raise _no_file(path)
            suffix = path.suffix.lower()
            if not registry.has(suffix, "reader"):
                raise InputError(
                    f"'{path}' cannot be read: no reader for '{suffix or 'files without a suffix'}'",
                    hint=f"readable: {', '.join(_suffixes(registry, value_type))}",
                )
            parts[stem] = _fits(_reader(suffix, registry)(path, registry=registry), value_type, f"'{path}'")
        types = {part.value_type for part in parts.values()}
        super().__init__(parts, types.pop() if len(types) == 1 else value_type)


class FolderSource(FilesSource):
    """Every readable file of a folder, not of the folders in it; hidden files are left out.

    Parameters
    ----------
    folder : Path
        The folder.
    registry : Registry
        Offers the readers.
    value_type : type
        What is looked for: only suffixes whose reader gives this are read.
    """

    def __init__(self, folder: Path, registry: Registry, value_type: type = Image) -> None:
        super().__init__(_inside(folder, registry, value_type), registry, value_type)


def _reader(name: str, registry: Registry) -> Any:
    return registry.load(name, "reader")


def _suffixes(registry: Registry, wanted: type) -> list[str]:
    """Suffixes whose reader gives the wanted type; where none is made for it, those that may hold anything."""
    names = [entry.name for entry, _ in registry.entries("reader") if entry.name.startswith(".")]
    if wanted is Value:
        return names
    gives = {}
    for name in names:
        # one that cannot be loaded is told of where a file of its suffix is given
        with contextlib.suppress(PluginError):
            gives[name] = getattr(_reader(name, registry), "value_type", Value)
    exact = [name for name, kind in gives.items() if kind is not Value and issubclass(kind, wanted)]
    return exact or [name for name, kind in gives.items() if kind is Value]


def _fits(source: Source, wanted: type, what: str) -> Source:
    """The source itself, where what it gives is or may be wanted."""
    gives = source.value_type
    if not issubclass(wanted, Value) or issubclass(gives, wanted) or issubclass(wanted, gives):
        return source
    raise InputError(f"{what} gives {gives.__name__}, wanted {wanted.__name__}")


def _no_file(path: Path) -> InputError:
    """What is wrong with a path that is no file."""
    if path.exists():
        return InputError(f"'{path}' is no file", hint="give a file, or a folder of files")
    if path.is_symlink():
        return InputError(f"'{path}' is a link that leads nowhere", hint="remove it or bring its file back")
    return InputError(f"there is no file '{path}'", hint=_siblings(path))


def _siblings(path: Path) -> str:
    """Advice for a path that does not exist: where its beginning stops existing, and what lies there."""
    missing = path
    while missing.parent != missing and not missing.parent.is_dir():
        missing = missing.parent
    try:
        names = os.listdir(missing.parent)
    except OSError:
        names = []
    near = nearest(missing.name, names)
    lead = f"in '{missing.parent}': " if near else ""
    return f"{lead}did you mean {near}?" if near else f"'{missing.parent}' has no '{missing.name}'"
