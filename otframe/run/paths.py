"""Where outputs go: every path is known, inside the output folder and of its own, before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import get_origin

from otframe.errors import OtframeError, OutputError
from otframe.graph import Graph, Output
from otframe.io import safe_path, writer_for
from otframe.io.source import Source
from otframe.registry import Registry
from otframe.values import Image, Table

__all__ = ["output_paths"]


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
    inputs = {}
    for name, source in sources.items():
        for key in source.keys():  # noqa: SIM118 - a source is no mapping
            if (path := Path(source.where(key))).exists():
                inputs[path.resolve()] = name
    taken: dict[Path, str] = {}
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
                raise error.at(node=output.name, where=output.where) from None
            item = f"output '{output.name}'" + (f", item '{key}'" if key else "")
            if path in taken:
                raise OutputError(
                    f"{item} would be written to {path}, as {taken[path]}",
                    hint="use another folder or name in `to`",
                    where=output.where,
                )
            if path.resolve() in inputs:
                raise OutputError(
                    f"{item} would overwrite {path}, which input '{inputs[path.resolve()]}' reads",
                    hint="give another --out",
                    where=output.where,
                )
            taken[path] = item
            found[output.name][key] = path
    return found


def _type(output: Output) -> type:
    base = get_origin(output.type) or output.type
    return base if isinstance(base, type) else object


def _template(output: Output) -> str:
    if output.to is not None:
        return output.to
    if issubclass(_type(output), Image):
        return output.name + ("/{stem}.png" if output.origins else ".png")
    if issubclass(_type(output), Table):
        return output.name + ("/{stem}.csv" if output.origins else ".csv")
    return output.name + ("/{stem}.safetensors" if output.origins else ".safetensors")
