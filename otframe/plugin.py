"""What a plugin's entry module needs: the hook markers and `Entry`. Imports pluggy alone, so that it costs nothing.

A plugin is a distribution with an entry point in the group `otframe`, whose module implements some of the hooks below.
Each hook returns entries: names and where to import the object from when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pluggy

__all__ = ["GROUP", "Entry", "Hooks", "Kind", "hookimpl", "hookspec"]

GROUP = "otframe"
"""Entry-point group and name of the pluggy project."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)

Kind = Literal[
    "solver",
    "transform",
    "accumulator",
    "model",
    "value",
    "reader",
    "writer",
    "executor",
    "pipeline",
    "sample",
]


@dataclass(frozen=True)
class Entry:
    """One named thing that a plugin offers.

    Parameters
    ----------
    name : str
        The public name: `family.verb` of a component, a type's name, `.png` or `sample:` of a reader, ...
    target : str
        `module:attribute`, imported when the thing is first used; for a pipeline, `module:file.yaml`.
    kind : str
        What it is, so that lists need no import.
    summary : str
        One line for people.
    """

    name: str
    target: str
    kind: Kind
    summary: str


class Hooks:
    """The hooks a plugin may implement. All are optional; all are called once, when the registry is made."""

    @hookspec
    def otframe_components(self) -> Iterable[Entry]:
        """Solvers, transforms, accumulators and models."""
        raise NotImplementedError

    @hookspec
    def otframe_values(self) -> Iterable[Entry]:
        """Value types: frozen dataclasses that may flow on wires."""
        raise NotImplementedError

    @hookspec
    def otframe_readers(self) -> Iterable[Entry]:
        """Readers by suffix (`.png`) or scheme (`sample:`): `(uri, *, registry) -> Source`, with a `value_type`."""
        raise NotImplementedError

    @hookspec
    def otframe_writers(self) -> Iterable[Entry]:
        """Writers by suffix: a `otframe.io.Writer`, or `write(value, path) -> notes or None`."""
        raise NotImplementedError

    @hookspec
    def otframe_executors(self) -> Iterable[Entry]:
        """Factories of `concurrent.futures.Executor`: `make(workers) -> Executor`."""
        raise NotImplementedError

    @hookspec
    def otframe_pipelines(self) -> Iterable[Entry]:
        """Pipelines that ship with the plugin, by name."""
        raise NotImplementedError

    @hookspec
    def otframe_samples(self) -> Iterable[Entry]:
        """Small examples of the plugin's values, for its tests."""
        raise NotImplementedError
