"""Tables as CSV (for spreadsheets), JSON (exact) and Markdown (to be read)."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from pathlib import Path
from typing import Any

from otframe.errors import DataError
from otframe.io.source import FileSource
from otframe.io.write import Written, write
from otframe.io.writer import writes
from otframe.registry import Registry
from otframe.values import Table

__all__ = ["TableFile", "write_csv", "write_json", "write_markdown", "write_table_pair"]

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBERS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class TableFile(FileSource):
    """A table of a `.csv` or `.json` file. CSV cells that look like numbers are numbers, empty ones None."""

    value_type = Table

    def load(self, key: str) -> Table:
        """The table; `DataError` where the text is none."""
        try:
            text = self.path.read_text(encoding="utf-8-sig")
            return _from_json(text) if self.path.suffix.lower() == ".json" else _from_csv(text)
        except DataError as error:
            raise DataError(f"{self.path} is not a table: {error.message}", key=key) from error
        except (OSError, ValueError, TypeError, KeyError, csv.Error, RecursionError) as error:
            raise DataError(f"{self.path} is not a table: {error}", key=key) from error


@writes(Table)
def write_csv(table: Table, path: Path, registry: Registry) -> tuple[str, ...]:
    """Write columns and rows; the title and directions are left out."""
    buffer = io.StringIO()
    lines = csv.writer(buffer, lineterminator="\n")
    lines.writerow(table.columns)
    lines.writerows([_text(cell) for cell in row] for row in table.rows)
    path.write_text(buffer.getvalue(), encoding="utf-8", newline="")
    return ()


@writes(Table)
def write_json(table: Table, path: Path, registry: Registry) -> tuple[str, ...]:
    """Write the whole table; NaN and infinities are the texts 'nan', 'inf', '-inf', as JSON has none."""
    rows = [[str(c) if isinstance(c, float) and not math.isfinite(c) else c for c in row] for row in table.rows]
    data = {"title": table.title, "columns": list(table.columns), "better": list(table.better), "rows": rows}
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return ()


@writes(Table)
def write_markdown(table: Table, path: Path, registry: Registry) -> tuple[str, ...]:
    """Write a Markdown table, numbers with five digits."""
    rows = [["" if c is None else f"{c:.5g}" if isinstance(c, float) else str(c) for c in row] for row in table.rows]
    lines = [f"**{table.title}**", ""] if table.title else []
    lines += [_line(table.columns), _line(["---"] * len(table.columns)), *(_line(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return ()


def write_table_pair(table: Table, path: str | Path, registry: Registry | None = None) -> tuple[Written, Written]:
    """Write a table as CSV and JSON beside each other, whatever the path's suffix."""
    path = Path(path)
    return write(table, path.with_suffix(".csv"), registry), write(table, path.with_suffix(".json"), registry)


def _line(cells: Any) -> str:
    return "| " + " | ".join(str(c).replace("|", "\\|").replace("\n", " ") for c in cells) + " |"


def _text(cell: float | int | str | None) -> str:
    return "" if cell is None else repr(cell) if isinstance(cell, float) else str(cell)


def _from_csv(text: str) -> Table:
    lines = [line for line in csv.reader(io.StringIO(text), strict=True) if line]
    if not lines:
        raise DataError("it is empty")
    return Table(tuple(lines[0]), tuple(tuple(_cell(cell) for cell in line) for line in lines[1:]))


def _cell(text: str) -> float | int | str | None:
    if not text:
        return None
    if _INTEGER.fullmatch(text):
        return int(text)
    try:
        return float(text) if "_" not in text else text
    except ValueError:
        return text


def _from_json(text: str) -> Table:
    data = json.loads(text)
    if not isinstance(data, dict) or not isinstance(data.get("columns"), list):
        raise DataError("wanted an object with 'columns' and 'rows'")
    rows = []
    for row in data["rows"]:
        if not isinstance(row, list) or not all(c is None or isinstance(c, (str, int, float)) for c in row):
            raise DataError(f"a row is a list of numbers, texts and nulls, got {row!r:.80}")
        rows.append(tuple(_NUMBERS.get(c, c) if isinstance(c, str) else c for c in row))
    return Table(
        tuple(map(str, data["columns"])),
        tuple(rows),
        str(data.get("title", "")),
        tuple(map(str, data.get("better", ()))),
    )
