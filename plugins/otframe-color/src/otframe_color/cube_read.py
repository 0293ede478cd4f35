"""`.cube` files as colour tables: Adobe's form and Resolve's, strictly."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np
import torch

from otframe.errors import DataError
from otframe.io.source import FileSource
from otframe_color.lut import Fidelity, Interpolation, Lut
from otframe_color.spaces import Coding

__all__ = ["CubeFile", "read_cube"]

_PIECE = 1 << 14
_LONGEST = 4096
_LIMITS = {"LUT_1D_SIZE": 65536, "LUT_3D_SIZE": 256}
_RANGES = {"DOMAIN_MIN": 3, "DOMAIN_MAX": 3, "LUT_1D_INPUT_RANGE": 2, "LUT_3D_INPUT_RANGE": 2}
_KNOWN = ("TITLE", *_LIMITS, *_RANGES)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_ROW = re.compile(rf"({_NUMBER.pattern})(\s+({_NUMBER.pattern})){{2}}".replace("(", "(?:"), re.ASCII)


class CubeFile(FileSource):
    """A colour table of a `.cube` file."""

    value_type = Lut

    def load(self, key: str) -> Lut:
        """The table, by `read_cube`."""
        try:
            return read_cube(self.path)
        except DataError as error:
            raise error.at(key=key) from error.__cause__


def read_cube(path: str | Path) -> Lut:
    """The table of a `.cube` file.

    Read are three-dimensional tables, with a shaper before them or without, and one-dimensional ones, which become a
    shaper before a table of two nodes: exactly the same map. Comments, blank lines, any line ends, tabs, a byte order
    mark, keywords in any case and numbers with exponents are taken. `# otframe: linear trilinear` and `# fidelity`, as
    the writer makes them, are understood; without them the table is for display-coded colours, by tetrahedra.

    Raises
    ------
    DataError
        With the line: cut short or too long, a line of other than three finite numbers, a keyword that is unknown,
        twice, or without its numbers, sizes that are too large (before anything is allocated), an empty range.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            reader = _Reader(file, path)
            return _lut(reader.header(), reader)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


@dataclass
class _Header:
    """What stands before the numbers."""

    words: dict[str, list[float]] = field(default_factory=dict)
    title: str = ""
    coded: Coding = "srgb"
    interpolation: Interpolation = "tetrahedral"
    fidelity: Fidelity | None = None

    def size(self, name: str) -> int:
        return int(self.words.get(name, [0])[0])


class _Reader:
    """Lines of a file, counted."""

    def __init__(self, file: TextIO, path: Path) -> None:
        self._file, self.path, self.line = file, path, 0
        self._pending = ""

    def fail(self, told: str, hint: str = "") -> DataError:
        return DataError(f"{self.path}:{self.line}: {told}", hint=hint)

    def header(self) -> _Header:
        """Everything up to the first line of numbers."""
        head = _Header()
        while text := self._next():
            if text.startswith("#"):
                _comment(text[1:].strip(), head)
            elif text[0].isdigit() or text[0] in "+-.":
                self._pending = text
                break
            else:
                self._keyword(text, head)
        if not any(head.size(name) for name in _LIMITS):
            raise self.fail("wanted LUT_3D_SIZE or LUT_1D_SIZE before the numbers, and there is none")
        self._consistent(head.words)
        return head

    def rows(self, count: int, name: str) -> np.ndarray:
        """The next lines of three numbers, shape `(count, 3)`."""
        pieces = []
        for begin in range(0, count, _PIECE):
            lines = list(itertools.islice(self._data(), min(_PIECE, count - begin)))
            if begin + len(lines) < count and len(lines) < _PIECE:
                raise self.fail(f"cut short: {name} wants {count} lines of numbers, got {begin + len(lines)}")
            made = np.array([line.split() for line in lines], dtype=np.float64)
            if not np.isfinite(made).all() or np.abs(made).max() > 3e38:
                raise self.fail("a number among the lines before is too large")
            pieces.append(made.astype(np.float32))
        return np.concatenate(pieces)

    def end(self) -> None:
        """Refuse what stands behind the last wanted number."""
        for text in self._data():
            raise self.fail(f"more lines of numbers than the sizes tell, such as '{text:.60}'")

    def _data(self) -> Iterator[str]:
        while text := self._next():
            if _ROW.fullmatch(text):
                yield text
            elif not text.startswith("#"):
                raise self.fail(f"wanted three numbers, got '{text:.60}'")

    def _next(self) -> str:
        """The next line that is not blank; empty at the end."""
        if self._pending:
            text, self._pending = self._pending, ""
            return text
        while raw := self._file.readline(_LONGEST):
            self.line += 1
            if len(raw) == _LONGEST:
                raise self.fail("a line is longer than 4000 characters: this is no .cube file")
            if "\0" in raw:
                raise self.fail("the file is not text")
            if text := raw.strip():
                return text
        return ""

    def _keyword(self, text: str, head: _Header) -> None:
        name, _, rest = re.sub(r"\s+", " ", text).partition(" ")
        name = name.upper()
        if name not in _KNOWN:
            raise self.fail(f"unknown keyword '{name:.40}'", hint=f"known: {', '.join(_KNOWN)}")
        if name == "TITLE":
            head.title = rest.strip('"')[:200]
            return
        if name in head.words:
            raise self.fail(f"{name} stands twice")
        if name in _LIMITS:
            if not re.fullmatch(r"\d{1,9}", rest, re.ASCII) or not 2 <= int(rest) <= _LIMITS[name]:
                raise self.fail(f"{name} is a whole number from 2 to {_LIMITS[name]}, got '{rest:.40}'")
            head.words[name] = [int(rest)]
            return
        parts = rest.split()
        if len(parts) != _RANGES[name] or not all(_NUMBER.fullmatch(part) for part in parts):
            raise self.fail(f"{name} has {_RANGES[name]} numbers, got '{rest:.40}'")
        head.words[name] = [float(part) for part in parts]

    def _consistent(self, words: dict[str, list[float]]) -> None:
        both = all(name in words for name in _LIMITS)
        if both and ("DOMAIN_MIN" in words or "DOMAIN_MAX" in words):
            raise self.fail("DOMAIN_MIN and DOMAIN_MAX go with one table; with two each has its LUT_..._INPUT_RANGE")
        for name in ("1D", "3D"):
            if f"LUT_{name}_INPUT_RANGE" in words and f"LUT_{name}_SIZE" not in words:
                raise self.fail(f"LUT_{name}_INPUT_RANGE without LUT_{name}_SIZE")
            if f"LUT_{name}_INPUT_RANGE" in words and ("DOMAIN_MIN" in words or "DOMAIN_MAX" in words):
                raise self.fail(f"the domain stands twice, as LUT_{name}_INPUT_RANGE and as DOMAIN_MIN or DOMAIN_MAX")


def _comment(text: str, head: _Header) -> None:
    """What our writer says in comments."""
    name, _, rest = text.partition(" ")
    if name == "otframe:":
        words = rest.split()
        head.coded = "linear" if "linear" in words else head.coded
        head.interpolation = "trilinear" if "trilinear" in words else head.interpolation
    elif name == "fidelity":
        head.fidelity = Fidelity.parse(rest) or head.fidelity
    elif name == "title" and not head.title:
        head.title = rest[:200]


def _lut(head: _Header, reader: _Reader) -> Lut:
    many, size = head.size("LUT_1D_SIZE"), head.size("LUT_3D_SIZE")
    low, high = _domain(head.words, "1D" if many else "3D", reader)
    curve = reader.rows(many, "LUT_1D_SIZE") if many else None
    if size:
        table = reader.rows(size**3, "LUT_3D_SIZE").reshape(size, size, size, 3).transpose(2, 1, 0, 3)
        below, above = _domain(head.words, "3D", reader) if many else (np.zeros(3), np.ones(3))
    else:
        assert curve is not None
        below, above = curve.min(0).astype(np.float64), curve.max(0).astype(np.float64)
        table = np.stack(np.meshgrid(*zip(below, above, strict=True), indexing="ij"), -1)
        above = np.where(above > below, above, below + 1)
    reader.end()
    shaper = None if curve is None else torch.from_numpy(((curve - below) / (above - below)).T.astype(np.float32))
    return Lut(
        torch.from_numpy(np.ascontiguousarray(table, np.float32)),
        torch.from_numpy(low.astype(np.float32)),
        torch.from_numpy(high.astype(np.float32)),
        shaper if shaper is None else shaper.contiguous(),
        head.coded,
        head.interpolation,
        head.title,
        head.fidelity,
    )


def _domain(words: dict[str, list[float]], name: str, reader: _Reader) -> tuple[np.ndarray, np.ndarray]:
    both = words.get(f"LUT_{name}_INPUT_RANGE", [0.0, 1.0])
    low = np.array(words.get("DOMAIN_MIN", [both[0]] * 3))
    high = np.array(words.get("DOMAIN_MAX", [both[1]] * 3))
    if not (np.abs([low, high]) < 1e30).all() or not (low.astype(np.float32) < high.astype(np.float32)).all():
        raise reader.fail(f"the range of the {name} table is empty or endless: from {low} to {high}")
    return low, high
