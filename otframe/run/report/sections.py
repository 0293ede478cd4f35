"""The parts of the page as HTML. Every text that comes from outside goes through `escape`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from otframe.errors import OtframeError
from otframe.run.journal import Journal, versions
from otframe.run.report.drawings import Figure, figures
from otframe.run.report.pictures import Gallery
from otframe.run.report.tables import best_rows, format_cell, is_setting
from otframe.run.report.times import duration
from otframe.values import Table

__all__ = ["STATUS", "drawn", "facts", "failures", "lead", "pictures", "section", "tables", "written"]

STATUS = {
    "running": "running",
    "done": "complete",
    "partial": "complete, some items failed",
    "failed": "failed",
    "cancelled": "stopped",
}
_LEGEND = (("source", "source"), ("target", "target"), ("flow", "where the mass goes"))
_ROWS = 200
_FILES = 400
_WIDE = 8
"""Columns of a table from which on it is set narrower."""


def section(title: str, body: str, *, note: str = "") -> str:
    """A section with its heading."""
    told = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{told}{body}</section>"


def lead(journal: Journal) -> str:
    """The line under the title."""
    info = journal.info
    assert info is not None
    counts = [f"{'1 item' if len(keys) == 1 else f'{len(keys)} items'} in {name}" for name, keys in info.keys.items()]
    parts = [*counts, duration(journal.wall), f"seed {info.seed}", info.device, f"{journal.start:%Y-%m-%d %H:%M} UTC"]
    return "".join(f"<span>{escape(part)}</span>" for part in parts)


def failures(journal: Journal) -> str:
    """What failed, before anything else is shown."""
    errors: list[BaseException] = list(journal.failures)
    if journal.error is not None and journal.error not in errors:
        errors.append(journal.error)
    if not errors:
        return ""
    rows = "".join(f"<li>{_failure(error)}</li>" for error in errors)
    title = "What failed" if len(errors) == 1 else f"What failed ({len(errors)})"
    return f'<section class="failures"><h2>{title}</h2><ul>{rows}</ul></section>'


def _failure(error: BaseException) -> str:
    if not isinstance(error, OtframeError):
        return f"<p>{escape(type(error).__name__)}: {escape(str(error))}</p>"
    place = [f"item <code>{escape(error.key)}</code>"] if error.key else []
    place += [f"node <code>{escape(error.node)}</code>"] if error.node else []
    head = f'<p class="place">{", ".join(place)}</p>' if place else ""
    hint = f'<p class="hint">{escape(error.hint)}</p>' if error.hint else ""
    return f"{head}<p>{escape(error.message)}</p>{hint}"


def pictures(shown: Sequence[Gallery]) -> str:
    """A place for each viewer; the script fills it."""
    found = []
    for number, gallery in enumerate(shown):
        title = f"Pictures of {gallery.title}" if gallery.title else gallery.alone or "Single pictures"
        title = "Pictures" if len(shown) == 1 else title
        note = f"{gallery.left_out} more items are not shown here; all of them are on disk." if gallery.left_out else ""
        found.append(section(title, f'<div class="viewer" data-gallery="{number}"></div>', note=note))
    script = "<noscript><p>The pictures on this page need JavaScript; the files are listed below.</p></noscript>"
    return "".join(found) + (script if found else "")


def tables(found: Iterable[tuple[str, Table]]) -> str:
    """The tables, the best of each column marked."""
    return "".join(section(table.title or name, _table(table)) for name, table in found)


def drawn(found: Sequence[Figure], more: int, folder: Path) -> str:
    """The drawings, with what their colours stand for, and how many more there are."""
    if not found:
        return ""
    used = {role for figure in found for role, _, _ in figure.drawing.shapes}
    words = [(role, word) for role, word in _LEGEND if role in used]
    legend = "".join(f'<li class="{role}">{word}</li>' for role, word in words)
    body = f'<ul class="legend drawn">{legend}</ul>' if words else ""
    note = f"{more} more drawings are not shown here." if more else ""
    return section("Drawings" if len(found) > 1 else "Drawing", body + figures(found, folder), note=note)


def _table(table: Table) -> str:
    best = [best_rows(table, column) for column in range(len(table.columns))]
    arrows = {"higher": '&nbsp;<span class="way" title="higher is better">↑</span>'}
    arrows["lower"] = '&nbsp;<span class="way" title="lower is better">↓</span>'
    ways = [arrows.get(way, "") for way in (*table.better, *[""] * len(table.columns))]
    head = "".join(f"<th>{escape(name)}{way}</th>" for name, way in zip(table.columns, ways, strict=False))
    rows = []
    for number, row in enumerate(table.rows[:_ROWS]):
        cells = []
        for column, cell in enumerate(row):
            text = escape(format_cell(cell, setting=is_setting(table, column)))
            kind = "number" if isinstance(cell, int | float) else "text"
            inner = f'<strong title="best">{text}</strong>' if number in best[column] else text
            cells.append(f'<td class="{kind}">{inner}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    more = len(table.rows) - _ROWS
    note = f'<p class="note">{more} more rows are in the file.</p>' if more > 0 else ""
    wide = ' class="wide"' if len(table.columns) > _WIDE else ""
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f'<div class="scroll"><table{wide}>{body}</table></div>{note}'


def written(journal: Journal, folder: Path) -> str:
    """The files, as links that work while the page lies where it was written."""
    if not journal.files:
        return ""
    rows = []
    for file in journal.files[:_FILES]:
        path = file.path.resolve()
        inside = path.is_relative_to(folder.resolve())
        text = path.relative_to(folder.resolve()).as_posix() if inside else str(path)
        link = f'<a href="./{quote(text, errors="surrogateescape")}">{escape(text)}</a>' if inside else escape(text)
        notes = f' <span class="note">{escape("; ".join(file.notes))}</span>' if file.notes else ""
        rows.append(f"<li>{link}{notes}</li>")
    more = len(journal.files) - _FILES
    rest = f'<p class="note">{more} more files.</p>' if more > 0 else ""
    count = "1 file" if len(journal.files) == 1 else f"{len(journal.files)} files"
    body = f'<details><summary>{count}</summary><ul class="files">{"".join(rows)}</ul>{rest}</details>'
    return section("Files", body)


def facts(journal: Journal) -> str:
    """Everything needed to do it again."""
    info = journal.info
    assert info is not None
    groups = [
        ("Settings", {"seed": info.seed, "device": info.device, "executor": info.executor}),
        ("Parameters", {name: _short(value) for name, value in info.graph.params.items()}),
        ("Inputs", {name: _source(journal, name) for name in info.sources}),
        ("Versions", versions()),
        ("Plugins", {name: version for name, version in info.plugins.items() if name != "otframe"}),
        ("Left out", dict(info.graph.absent)),
    ]
    return "".join(f"<div><h3>{title}</h3>{_pairs(values)}</div>" for title, values in groups if values)


def _source(journal: Journal, name: str) -> str:
    assert journal.info is not None
    source = journal.info.sources[name]
    keys = source.keys()
    if not keys:
        return "empty"
    first = source.where(keys[0])
    return first if len(keys) == 1 else f"{len(keys)} items, {first} and on"


def _pairs(values: object) -> str:
    assert isinstance(values, dict)
    rows = (f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>" for name, value in values.items())
    return f"<dl>{''.join(rows)}</dl>"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 120 else text[:119] + "…"
