"""Wrong pipelines, one a file in `wrong/`: each is refused with the place of the culprit and what to do about it.

The first lines of a file say what is expected: the error's class, line and column, a part of its message and of its
hint; `given` are the inputs that the caller binds, `params` the parameter values that it gives.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from otframe import errors
from otframe.errors import OtframeError, PipelineError, RequestError
from otframe.graph import compile_graph, parse_document, parse_scalar, read_document
from otframe.registry import Registry

FILES = sorted(Path(__file__).with_name("wrong").glob("*.yaml"))


def declared(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line.removeprefix("# ").partition(": ") for line in lines if line.startswith("# ")]
    return {key: value for key, _, value in comments}


def check(path: Path, registry: Registry, expected: dict[str, str]) -> None:
    given = expected["given"].split(", ") if "given" in expected else None
    compile_graph(read_document(path), registry, given=given, overrides=parse_scalar(expected.get("params", "{}")))


def test_there_are_many() -> None:
    assert len(FILES) >= 100


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_wrong_pipeline(path: Path, registry: Registry) -> None:
    expected = declared(path)
    name, _, place = expected["error"].partition(" at ")
    with pytest.raises(OtframeError) as caught:
        check(path, registry, expected)
    error = caught.value
    assert type(error) is getattr(errors, name), error
    assert isinstance(error, RequestError) or name == "PluginError"
    assert f"{path}:{place}: " in str(error)
    assert expected["message"] in error.message
    assert expected["hint"] in error.hint
    assert "line 1, column" not in str(error), "ruamel's own words for a place"


PARSED = [path for path in FILES if not declared(path)["error"].startswith("PipelineError")]


@pytest.mark.parametrize("path", PARSED, ids=lambda path: path.stem)
def test_is_wrong_from_python_too(path: Path, registry: Registry) -> None:
    """A document without places, as the builder makes it, is refused for the same reason."""
    expected = declared(path)
    document = parse_document(path.read_text(encoding="utf-8"), str(path))
    bare = type(document)(**{**vars(document), "places": {}, "file": ""})
    with pytest.raises(OtframeError) as caught:
        compile_graph(
            bare,
            registry,
            given=expected["given"].split(", ") if "given" in expected else None,
            overrides=parse_scalar(expected.get("params", "{}")),
        )
    assert expected["message"] in caught.value.message
    assert caught.value.where is None


NOT_TEXT = {
    "empty": (b"", "1:1", "the file is empty", "start it with `otframe: 1`"),
    "only comments": (b"# nothing\n\n", "1:1", "the file is empty", "start it with `otframe: 1`"),
    "not utf-8": (b"otframe: 1\ntitle: caf\xe9\n", "2:11", "not UTF-8: byte 0xe9", "save it as UTF-8"),
    "utf-16": ("otframe: 1\n".encode("utf-16"), "1:1", "not UTF-8", "save it as UTF-8"),
    "control character": (b"otframe: 1\ntitle: a\x07b\n", "2:9", "(character 0x7)", "plain UTF-8"),
    "too large": (b"otframe: 1\ntitle: " + b"x" * 200_000, "1:1", "at most 200,000 characters", "into files"),
    "far too large": (b"\xff" * 900_000, "1:1", "at most 200,000 characters", "into files"),
    "huge number": (b"otframe: 1\nparams: {n: " + b"9" * 5000 + b"}\n", "2:13", "is not a finite number", "write a"),
    "deep nesting": (b"otframe: 1\nparams: {n: " + b"[" * 3000 + b"]" * 3000, "2:61", "nested deeper than 50", "split"),
    "NUL": (b"otframe: 1\n\x00", "2:1", "(character 0x0)", "plain UTF-8"),
}


@pytest.mark.parametrize("case", NOT_TEXT)
def test_not_a_text(case: str, tmp_path: Path) -> None:
    data, place, message, hint = NOT_TEXT[case]
    path = tmp_path / "p.yaml"
    path.write_bytes(data)
    with pytest.raises(PipelineError) as caught:
        read_document(path)
    assert str(caught.value).startswith(f"{path}:{place}: ")
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="No such file") as caught:
        read_document(tmp_path / "absent.yaml")
    assert caught.value.hint == "check the path"
    with pytest.raises(PipelineError):
        read_document(tmp_path)


def test_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"\xef\xbb\xbfotframe: 1\nnodes: {a: toy.white}\noutputs: {o: a}\n")
    assert list(read_document(path).nodes) == ["a"]


def test_alias_bomb_is_refused_quickly() -> None:
    levels = "".join(f"  l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]\n" for i in range(1, 10))
    with pytest.raises(PipelineError, match="unfolds to more than"):
        parse_document("otframe: 1\nparams:\n  l0: &l0 [x, x]\n" + levels)


def test_whatever_is_mistyped_has_a_place_and_a_hint(compiled: Callable[..., Any]) -> None:
    """Words of the files above left out, exchanged and added at random: only typed errors that say where and what."""
    random = Random(0)
    files = [re.findall(r"\w+|\s+|.", path.read_text(encoding="utf-8")) for path in FILES]
    words = sorted({word for file in files for word in file if not word.isspace()})
    for _ in range(500):
        file = list(random.choice(files))
        for _ in range(random.randint(1, 3)):
            place = random.randrange(len(file))
            file[place : place + random.randint(0, 1)] = random.choices(words, k=random.randint(0, 1))
        error = problem(compiled, "".join(file).replace("otframe: 1\n", ""))
        if error is not None:
            assert error.hint, error
            assert error.where is not None, error
            assert error.where.line, error


def problem(compiled: Callable[..., Any], text: str) -> OtframeError | None:
    try:
        compiled(text)
    except OtframeError as error:
        return error
    return None


@pytest.mark.parametrize("broken", ["$", "{", "[1, 2", "a: b: c", "*", "'x"])
def test_every_prefix_fails_cleanly(broken: str, compiled: Callable[..., Any]) -> None:
    """Whatever a file ends with, only typed errors come out."""
    text = FILES[0].read_text(encoding="utf-8")
    for end in range(0, len(text), 37):
        with contextlib.suppress(RequestError):
            compiled(text[:end] + broken)
