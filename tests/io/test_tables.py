from __future__ import annotations

import json
import math

import pytest

from otframe.errors import DataError
from otframe.io import open_source, write, write_table_pair
from otframe.values import Table

TABLE = Table(
    ("image", "psnr", "n", "note"),
    (("a,b", 0.1 + 0.2, 3, None), ('q"|\n', math.inf, -1, "x"), ("é", 1e-300, 10**15, "-")),
    "Restoration",
    ("", "higher", "", ""),
)


def test_json_is_exact(tmp_path, registry):
    path = write(TABLE, tmp_path / "t.json", registry).path
    assert open_source(path, registry, Table).load("t") == TABLE
    json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda name: pytest.fail(name))


def test_csv_keeps_cells(tmp_path, registry):
    path = write(TABLE, tmp_path / "t.csv", registry).path
    again = open_source(path, registry, Table).load("t")
    assert (again.columns, again.rows) == (TABLE.columns, TABLE.rows)


def test_markdown(tmp_path, registry):
    lines = write(TABLE, tmp_path / "t.md", registry).path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "**Restoration**"
    assert lines[2:5] == ["| image | psnr | n | note |", "| --- | --- | --- | --- |", "| a,b | 0.3 | 3 |  |"]
    assert all(line.startswith("| ") for line in lines[2:])


def test_pair(tmp_path, registry):
    csv, exact = write_table_pair(TABLE, tmp_path / "t.md", registry)
    assert (csv.path.name, exact.path.name) == ("t.csv", "t.json")
    assert csv.path.exists()
    assert exact.path.exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", ""),
        ("t.csv", "a,b\n1\n"),
        ("t.csv", 'a\n"x'),
        ("t.json", ""),
        ("t.json", "[]"),
        ("t.json", "{}"),
        ("t.json", '{"columns": ["a"]}'),
        ("t.json", '{"columns": ["a"], "rows": [3]}'),
        ("t.json", '{"columns": ["a"], "rows": [[{}]]}'),
        ("t.json", '{"columns": ["a"], "rows": [[1, 2]]}'),
        ("t.json", "[" * 200_000),
    ],
)
def test_not_tables(tmp_path, registry, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match="is not a table"):
        open_source(tmp_path / name, registry, Table).load("t")


def test_not_text(tmp_path, registry):
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="is not a table"):
        open_source(tmp_path / "t.csv", registry, Table).load("t")
