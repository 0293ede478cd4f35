"""Reading YAML 1.2 into plain data that remembers the line and column of every part.

Only plain data is made: no tags, no merge keys, no duplicate keys. Aliases are expanded within a budget, so that a few
lines cannot unfold into gigabytes.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from otframe.errors import PipelineError, Where
from otframe.graph.document import Path

__all__ = ["parse_scalar", "read_text", "read_yaml"]

_MAX_SIZE = 200_000
_MAX_DEPTH = 50
_MAX_PARTS = 10_000
_TAG = "tag:yaml.org,2002:"
_KEYS = ("str", "int", "float", "bool", "null", "timestamp")


def read_yaml(text: str, file: str = "<text>") -> tuple[Any, dict[Path, Where]]:
    """Plain data and the place of each part; `PipelineError` with the place of what is wrong."""
    if len(text) > _MAX_SIZE:
        raise _too_large(file)
    yaml = YAML(typ="rt", pure=True)
    yaml.composer.warn_double_anchors = False
    try:
        _check_shape(text, file)
        root = yaml.compose(text)
    except MarkedYAMLError as error:
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise PipelineError(f"not valid YAML: {what}", hint=_advice(what), where=_culprit(error, file)) from error
    except ReaderError as error:
        raise PipelineError(
            f"not valid YAML: {error.reason} (character {ord(text[error.position]):#x})",
            hint="save the file as plain UTF-8 text",
            where=_place(text, error.position, file),
        ) from error
    except (YAMLError, ValueError) as error:
        raise PipelineError(f"not valid YAML: {error}", hint="write YAML 1.2", where=Where(file, 1, 1)) from error
    if root is None:
        raise PipelineError("the file is empty", hint="start it with `otframe: 1`", where=Where(file, 1, 1))
    reader = _Reader(file)
    return reader.read(root, ()), reader.places


def read_text(path: str | os.PathLike[str]) -> str:
    """The text of a pipeline file; `PipelineError` where it cannot be read, is too large, or is not UTF-8."""
    file = os.fspath(path)
    try:
        with open(file, "rb") as stream:
            data = stream.read(4 * _MAX_SIZE + 1)
    except OSError as error:
        raise PipelineError(
            f"cannot read the pipeline file: {error.strerror or error}", hint="check the path", where=Where(file)
        ) from error
    if len(data) > 4 * _MAX_SIZE:
        raise _too_large(file)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8-sig")
        raise PipelineError(
            f"the file is not UTF-8: byte {data[error.start]:#04x}",
            hint=_meant(data),
            where=_place(good, len(good), file),
        ) from error


def _meant(data: bytes) -> str:
    """What to do with a file that is no text."""
    if data[8:10] == b'{"':  # the header of safetensors
        return "it holds values, not a pipeline: an operator's file ends in .otf"
    if data.startswith((b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"RIFF", b"v/1\x01")):
        return "it is an image: name a pipeline file, and give images by --in NAME=PATH"
    return "save it as UTF-8"


def parse_scalar(text: str) -> Any:
    """A value given on the command line, read as YAML would: numbers, true, lists, texts."""
    if not text.strip() or text.lstrip().startswith("#"):
        return text
    return read_yaml(text, "<value>")[0]


def _check_shape(text: str, file: str) -> None:
    """Refuse what would take long to read, before it is read: deep nesting and very many parts."""
    depth = 0
    for count, event in enumerate(YAML(typ="rt", pure=True).parse(text)):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > _MAX_DEPTH or count > 2 * _MAX_PARTS:
            what = f"is nested deeper than {_MAX_DEPTH}" if depth > _MAX_DEPTH else f"has over {_MAX_PARTS:,} parts"
            mark = event.start_mark
            raise PipelineError(
                f"the file {what}", hint="split the pipeline", where=Where(file, mark.line + 1, mark.column + 1)
            )


def _too_large(file: str) -> PipelineError:
    return PipelineError(
        f"the file is too large: a pipeline has at most {_MAX_SIZE:,} characters",
        hint="data belongs into files that the pipeline names",
        where=Where(file, 1, 1),
    )


def _place(text: str, position: int, file: str) -> Where:
    before = text[:position]
    return Where(file, before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)


def _culprit(error: MarkedYAMLError, file: str) -> Where:
    """Where to look: at what was opened and never closed, otherwise at what was not expected."""
    opened = any(word in (error.context or "") for word in ("flow", "quoted"))
    mark = (error.context_mark if opened else None) or error.problem_mark or error.context_mark
    return Where(file, mark.line + 1, mark.column + 1) if mark else Where(file, 1, 1)


def _advice(problem: str) -> str:
    if "\\t" in problem:
        return "indent with spaces, not tabs"
    if "mapping values are not allowed" in problem:
        return "quote texts that hold ': ', and check the indentation"
    if "undefined alias" in problem:
        return "an alias *name needs an anchor &name before it; a text that starts with * is quoted"
    if "flow" in problem:
        return "close the bracket that is opened here, and put commas between its parts"
    if "quoted" in problem:
        return "close the quote that is opened here"
    if "single document" in problem:
        return "one file holds one pipeline: remove the `---`"
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
            raise PipelineError("an alias contains itself", hint="write the parts out", where=where)
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
                raise PipelineError("a key must be a plain text", hint="write `name: value`", where=where)
            if not tag.startswith(_TAG) or tag.removeprefix(_TAG) not in _KEYS:
                raise self.foreign(tag, where)
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
            raise self.foreign(str(node.tag), where)

    def foreign(self, tag: str, where: Where) -> PipelineError:
        tag = tag.replace(_TAG, "!!")
        return PipelineError(
            f"the tag {tag} is not allowed", hint="a pipeline is plain data: remove the tag", where=where
        )

    def scalar(self, node: ScalarNode, where: Where) -> Any:
        text, tag = node.value, str(node.tag)
        if node.style == ">":
            text = text.replace("\a", "")  # where ruamel notes the folds of a text in the file
        match tag.removeprefix(_TAG):
            case "str" | "timestamp":
                return text
            case "int" | "float" as kind:
                try:
                    return _number(text, kind)
                except (ValueError, OverflowError):
                    raise PipelineError(
                        f"{text[:40]} is not a finite number",
                        hint="write a finite number, or quote a text",
                        where=where,
                    ) from None
            case "bool":
                return text.lower() in ("true", "yes", "on", "y")
            case "null":
                return None
        raise self.foreign(tag, where)


def _number(text: str, kind: str) -> int | float:
    digits = text.replace("_", "")
    if kind == "int":
        return int(digits) if digits.lstrip("+-").isdigit() else int(digits, 0)
    number = float(digits.lower().replace(".inf", "inf").replace(".nan", "nan"))
    if not math.isfinite(number):
        raise ValueError(text)
    return number
