"""Where a command may write: looked at before anything is computed or made."""

from __future__ import annotations

import os
from pathlib import Path

from otframe.errors import ParameterError

__all__ = ["file_place", "folder_place"]


def file_place(given: Path, option: str = "-o") -> Path:
    """The path of a file that can be written; `ParameterError` with what to give otherwise."""
    path = given.expanduser()
    if path.name in ("", "..") or path.is_dir():
        raise ParameterError(f"{given} is a folder, wanted a file", hint=f"{option} takes the path of a file")
    _reachable(path.parent, given, option)
    return path


def folder_place(given: Path, option: str) -> Path:
    """The path of a folder that is there or can be made; `ParameterError` with what to give otherwise."""
    path = given.expanduser()
    _reachable(path, given, option)
    return path


def _reachable(folder: Path, given: Path, option: str) -> None:
    """Refuse a folder that is none, that does not allow writing, or that lies behind one that does not exist."""
    if "\0" in str(folder):
        raise ParameterError(f"{str(given)!r} cannot be a path", hint=f"give another {option}")
    for count, part in enumerate(folder.parts):
        before = Path(*folder.parts[:count])
        if part == ".." and not before.is_dir():  # making what leads there would leave it behind
            told = f"{given} leads through {before}, which is no folder"
            raise ParameterError(told, hint=f"{option} {os.path.normpath(given)}")
    place = next((path for path in (folder, *folder.parents) if os.path.lexists(path)), Path())
    if not place.is_dir():
        raise ParameterError(f"{place} is no folder, wanted one", hint=f"give another {option}")
    if not os.access(place, os.W_OK | os.X_OK):
        raise ParameterError(f"the folder {place} does not allow writing", hint=f"give another {option}")
