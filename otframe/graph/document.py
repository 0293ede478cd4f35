"""`Document`: a pipeline as it is written, in YAML or by the Python builder. Plain data, nothing resolved yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from otframe.errors import Where

__all__ = ["UNTITLED", "Document", "InputSpec", "LinkSpec", "NodeSpec", "OutputSpec", "Path", "Wiring"]

Path = tuple[str | int, ...]
"""Where something stands in the document: keys and positions from the root."""

UNTITLED = "untitled"

Wiring = Any
"""What a port is wired to: a reference, a list of references, or labelled references."""


@dataclass(frozen=True)
class InputSpec:
    """An input of the pipeline.

    Parameters
    ----------
    type : str
        `Image`, `Image[]` for a stream, `PatchSet[Latent]`, ...
    default : str, optional
        A path or a source such as `sample:photos/test`, used where the caller gives nothing.
    default_from : str, optional
        A node whose value is used where the caller gives nothing.
    optional : bool
        Whether it may stay absent: what cannot be computed without it is left out.
    unless : tuple of str
        Other inputs: the default is not used where one of them is given.
    doc : str
        One line for people.
    """

    type: str
    default: str | None = None
    default_from: str | None = None
    optional: bool = False
    unless: tuple[str, ...] = ()
    doc: str = ""


@dataclass(frozen=True)
class LinkSpec:
    """One component in place: what to use, how it is wired, its parameters and options."""

    use: str
    wires: Mapping[str, Wiring] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    path: Path = field(default=(), compare=False, repr=False)


@dataclass(frozen=True)
class NodeSpec:
    """A node: a chain of links, each feeding the first port of the next. Most chains have one link.

    `wires` of the first link holds what the node's `in` says; the empty port name stands for the first port. `options`
    are those of the chain; a node without `steps` has them in its link.
    """

    links: tuple[LinkSpec, ...]
    stepwise: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def ids(self, name: str) -> tuple[str, ...]:
        """The id of each link's value where the node is called `name`: the last link's is the node's own."""
        return (*(f"{name}/{i + 1}" for i in range(len(self.links) - 1)), name)


@dataclass(frozen=True)
class OutputSpec:
    """An output: the node it comes from, the file name template, and which other value it is shown beside."""

    source: str
    to: str | None = None
    before: str = ""
    doc: str = ""


@dataclass(frozen=True)
class Document:
    """A whole pipeline.

    Parameters
    ----------
    params : mapping
        Named values that `$name` refers to, with their defaults.
    matrix : mapping
        Parameters that take several values in one run, with the list of each.
    places : mapping
        Where each part stands in the file; empty for a pipeline built in Python.
    """

    title: str = UNTITLED
    description: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, InputSpec] = field(default_factory=dict)
    nodes: Mapping[str, NodeSpec] = field(default_factory=dict)
    outputs: Mapping[str, OutputSpec] = field(default_factory=dict)
    matrix: Mapping[str, Any] = field(default_factory=dict)
    file: str = field(default="", compare=False)
    places: Mapping[Path, Where] = field(default_factory=dict, compare=False, repr=False)

    def where(self, *path: str | int) -> Where | None:
        """The place of a part, or of the nearest part around it that has one."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        return Where(self.file) if self.file else None

    def names(self) -> Iterator[str]:
        """Everything a reference may name: inputs and nodes."""
        yield from self.inputs
        yield from self.nodes
