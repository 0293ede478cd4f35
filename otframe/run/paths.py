"""Where outputs go: every path is known, inside the output folder and of its own, before anything is computed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import get_origin

from otframe.errors import OtframeError, OutputError, RequestError
from otframe.graph import Graph, Output
from otframe.io import safe_path, writer_for
from otframe.io.names import as_key
from otframe.io.source import Source
from otframe.registry import Registry
from otframe.values import Drawing, Image, Table

__all__ = ["FOLDER", "check_folder", "check_names", "files_of", "is_pair", "output_paths"]

FOLDER = ".otframe"
"""Of an output folder: the ledger and the store of its own."""


def output_paths(
    graph: Graph,
    classes: Mapping[str, str],
    keys: Mapping[str, tuple[str, ...]],
    sources: Mapping[str, Source],
    out: Path,
    registry: Registry,
) -> dict[str, dict[str, Path]]:
    """For each output its files by key (key '' for a single value).

    Raises `OutputError` where two items would share a file or one would overwrite an input.
    """
    inputs = _input_files(sources)
    taken: dict[Path, str] = {_same(out / "run.json"): "the record of the run"}
    found: dict[str, dict[str, Path]] = {}
    for output in graph.outputs:
        origin = classes[min(output.origins)] if output.origins else ""
        found[output.name] = {}
        for index, key in enumerate(keys[origin] if origin else ("",)):
            suffix = Path(sources[origin].where(key)).suffix if origin else ""
            try:
                path = safe_path(out, _template(output), stem=key, key=key, index=index, suffix=suffix or ".png")
                writer_for(path, _type(output), registry)
            except OtframeError as error:
                raise _refused(error.at(node=output.name, where=output.where)) from None
            if FOLDER in path.relative_to(out).parts[:1]:
                told = f"output '{output.name}' would be written into {FOLDER}, where runs keep their own files"
                raise _refused(OutputError(told, hint="use another folder in `to`", where=output.where))
            item = f"output '{output.name}'" + (f", item '{key}'" if key else "")
            for file in files_of(path, output):
                if _same(file) in taken:
                    told = f"{item} would be written to {file}, as {taken[_same(file)]}"
                    raise _refused(OutputError(told, hint="use another folder or name in `to`", where=output.where))
                if _same(file.resolve()) in inputs:
                    told = f"{item} would overwrite {file}, which input '{inputs[_same(file.resolve())]}' reads"
                    raise _refused(OutputError(told, hint="give another --out", where=output.where))
                taken[_same(file)] = item
            found[output.name][key] = path
    return found


def check_names(graph: Graph, registry: Registry) -> None:
    """Refuse outputs whose `to` cannot be, or that would share a file, whatever the items are called."""
    taken: dict[Path, str] = {Path("run.json"): "the record of the run"}
    for output in graph.outputs:
        try:
            path = safe_path("", _template(output), stem="stem", key="stem", index=0, suffix=".png")
            writer_for(path, _type(output), registry)
        except OtframeError as error:
            raise _refused(error.at(node=output.name, where=output.where)) from None
        for file in files_of(path, output):
            if _same(file) in taken:
                told = f"output '{output.name}' would be written to the file of {taken[_same(file)]}"
                raise _refused(OutputError(told, hint="use another folder or name in `to`", where=output.where))
            taken[_same(file)] = f"output '{output.name}'"


def check_folder(given: str | Path) -> None:
    """Refuse an output folder that cannot be one, before anything is computed."""
    if not str(given):
        raise _refused(OutputError("the output folder is empty", hint="give --out a folder; . is the one you are in"))
    out = Path(given)
    if "\0" in str(out):
        raise _refused(OutputError(f"{str(out)!r} cannot be a folder", hint="give another --out"))
    for count, part in enumerate(out.parts):
        before = Path(*out.parts[:count])
        if part == ".." and not before.is_dir():  # making what leads there would leave it behind
            told = f"the output folder {out} leads through {before}, which is no folder"
            raise _refused(OutputError(told, hint=f"--out {os.path.normpath(out)}"))
    place = next((path for path in (out, *out.parents) if os.path.lexists(path)), Path())
    if not place.is_dir():
        raise _refused(OutputError(f"results go to a folder, but {place} is none", hint="give another --out"))
    if not os.access(place, os.W_OK | os.X_OK):
        raise _refused(OutputError(f"the folder {place} does not allow writing", hint="give another --out"))


def _refused(error: OtframeError) -> OtframeError:
    """The error of a wrong request: nothing was started."""
    error.exit_code = RequestError.exit_code
    return error


def is_pair(path: Path, type_: type) -> bool:
    """Whether a value is written twice: a table as CSV and as JSON beside each other."""
    return issubclass(type_, Table) and path.suffix.lower() in (".csv", ".json")


def files_of(path: Path, output: Output) -> tuple[Path, ...]:
    """Every file that is written for an item."""
    return (path.with_suffix(".csv"), path.with_suffix(".json")) if is_pair(path, _type(output)) else (path,)


def _input_files(sources: Mapping[str, Source]) -> dict[Path, str]:
    """The files that are read, and by which input."""
    found = {}
    for name, source in sources.items():
        for key in source.keys():
            path = Path(source.where(key))
            if os.path.exists(path):  # a place that is no path at all may be too long for one
                found[_same(path.resolve())] = name
    return found


def _same(path: Path) -> Path:
    """What two paths share that some disks, and all people, take for one: however their accents are written."""
    return Path(as_key(str(path)))


def _type(output: Output) -> type:
    base = get_origin(output.type) or output.type
    return base if isinstance(base, type) else object


def _template(output: Output) -> str:
    if output.to is not None:
        return output.to
    suffixes: dict[type, str] = {Image: ".png", Table: ".csv", Drawing: ".svg"}
    suffix = next((suffix for kind, suffix in suffixes.items() if issubclass(_type(output), kind)), ".safetensors")
    return output.name + ("/{stem}" if output.origins else "") + suffix
