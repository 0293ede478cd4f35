"""Reading YAML 1.2 into plain data that remembers the line and column of every part.

Only plain data is made: no tags, no merge keys, no duplicate keys. Aliases are expanded within a budget, so that a few
lines cannot unfold into gigabytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from otframe.errors import PipelineError, Where
from otframe.graph.document import Path

__all__ = ["parse_scalar", "read_yaml"]

_MAX_BYTES = 1_000_000
_MAX_PARTS = 20_000
_TAG = "tag:yaml.org,2002:"


def read_yaml(text: str, file: str = "<text>") -> tuple[Any, dict[Path, Where]]:
    """Plain data and the place of each part; `PipelineError` with the place of what is wrong."""
    if len(text) > _MAX_BYTES:
        raise PipelineError(
            f"the file has {len(text):,} characters; a pipeline has at most {_MAX_BYTES:,}", where=Where(file)
        )
    try:
        root = YAML(typ="rt", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Where(file, mark.line + 1, mark.column + 1) if mark else Where(file)
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise PipelineError(f"not valid YAML: {what}", hint=_advice(what), where=place) from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise PipelineError(f"not valid YAML: {error}", where=Where(file)) from error
    if root is None:
        raise PipelineError("the file is empty", hint="start it with `otframe: 1`", where=Where(file))
    reader = _Reader(file)
    return reader.read(root, ()), reader.places


def parse_scalar(text: str) -> Any:
    """A value given on the command line, read as YAML would: numbers, true, lists, texts."""
    return read_yaml(text or '""', "<value>")[0]


def _advice(problem: str) -> str:
    if "\\t" in problem:
        return "indent with spaces, not tabs"
    if "mapping values are not allowed" in problem:
        return "quote texts that hold ': ', and check the indentation"
    if "undefined alias" in problem:
        return "an alias *name needs an anchor &name before it"
    return "check the brackets, quotes and indentation around this place"


@dataclass
class _Reader:
    file: str
    places: dict[Path, Where] = field(default_factory=dict)
    parts: int = 0
    open: set[int] = field(default_factory=set)

    def read(self, node: Node, path: Path) -> Any:
        where = Where(self.file, node.start_mark.line + 1, node.start_mark.column + 1)
        self.places.setdefault(path, where)
        self.parts += 1
        if self.parts > _MAX_PARTS:
            raise PipelineError(
                f"the file unfolds to more than {_MAX_PARTS:,} parts", hint="remove nested aliases", where=where
            )
        if id(node) in self.open:
            raise PipelineError("an alias contains itself", where=where)
        self.open.add(id(node))
        try:
            if isinstance(node, ScalarNode):
                return self.scalar(node, where)
            if isinstance(node, SequenceNode):
                self.plain(node, "seq", where)
                return [self.read(child, (*path, i)) for i, child in enumerate(node.value)]
            if isinstance(node, MappingNode):
                self.plain(node, "map", where)
                return self.mapping(node, path)
        finally:
            self.open.discard(id(node))
        raise PipelineError(f"cannot read a {type(node).__name__}", where=where)

    def mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            where = Where(self.file, key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            tag = str(key_node.tag)
            if tag == f"{_TAG}merge":
                raise PipelineError("merge keys (<<) are not part of YAML 1.2", hint="write the keys out", where=where)
            if not isinstance(key_node, ScalarNode):
                raise PipelineError("a key must be a plain text", where=where)
            key = key_node.value
            if key in found:
                first = self.places[(*path, key)]
                raise PipelineError(
                    f"duplicate key '{key}', first on line {first.line}",
                    hint="rename or remove one of them",
                    where=where,
                )
            self.places[(*path, key)] = where
            found[key] = self.read(value_node, (*path, key))
        return found

    def plain(self, node: Node, kind: str, where: Where) -> None:
        if str(node.tag) != f"{_TAG}{kind}":
            raise PipelineError(f"the tag {node.tag} is not allowed", hint="a pipeline is plain data", where=where)

    def scalar(self, node: ScalarNode, where: Where) -> Any:
        text, tag = node.value, str(node.tag)
        match tag.removeprefix(_TAG):
            case "str":
                return text
            case "int":
                return int(text.replace("_", ""), 0) if not text.lstrip("+-").isdigit() else int(text)
            case "float":
                number = float(
                    text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan").replace(".NaN", "nan")
                )
                if not math.isfinite(number):
                    raise PipelineError(f"{text} is not a finite number", where=where)
                return number
            case "bool":
                return text.lower() == "true"
            case "null":
                return None
            case "timestamp":
                return text
        raise PipelineError(f"the tag {tag} is not allowed", hint="a pipeline is plain data", where=where)
