"""Keys of a run's inputs: each source asked once, joined inputs compared."""

from __future__ import annotations

from collections.abc import Mapping

from otframe.errors import InputError
from otframe.graph import Graph
from otframe.io.source import Source

__all__ = ["input_keys"]

_SHOWN = 5


def input_keys(graph: Graph, classes: Mapping[str, str], sources: Mapping[str, Source]) -> dict[str, tuple[str, ...]]:
    """The keys of each key set, in the order of its representative.

    Raises `InputError` where a stream is empty, a single value has several, or joined inputs differ, and how.
    """
    needed = graph.needed()
    keys: dict[str, tuple[str, ...]] = {}
    for name, source in sources.items():
        found = source.keys()
        where = graph.nodes[name].where
        if not found:
            raise InputError(f"input '{name}' is empty", hint="give at least one item", where=where)
        if not graph.nodes[name].streams:
            if len(found) > 1:
                raise InputError(
                    f"input '{name}' takes one {graph.nodes[name].use}, got {len(found)}: {_some(found)}",
                    hint="give one file, or declare the input as a stream with []",
                    where=where,
                )
            continue
        if name not in needed:
            continue
        keys[name] = found
    for name, found in list(keys.items()):
        other = classes[name]
        missing = sorted(set(keys[other]) - set(found))
        extra = sorted(set(found) - set(keys[other]))
        if missing or extra:
            told = [f"only in '{other}': {_some(missing)}"] if missing else []
            told += [f"only in '{name}': {_some(extra)}"] if extra else []
            skipping = ", or go on without these items: `--on-error skip`" if set(keys[other]) & set(found) else ""
            raise InputError(
                f"inputs '{other}' and '{name}' are joined by key, but their keys differ: {'; '.join(told)}",
                hint="give both the same file stems" + skipping,
            )
    return {name: found for name, found in keys.items() if classes[name] == name}


def _some(names: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
