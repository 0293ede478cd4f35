"""The page: a template filled with escaped texts. Nothing in it asks anything of a network."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from otframe.io.drawing_file import drawing_style
from otframe.run.journal import Journal
from otframe.run.report import sections
from otframe.run.report.draw import draw
from otframe.run.report.drawings import Figure
from otframe.run.report.layout import layout
from otframe.run.report.pictures import Gallery
from otframe.run.report.sketch import sketch
from otframe.run.report.times import time_chart
from otframe.values import Table

__all__ = ["fill", "page", "viewer_data"]

_SLOT = re.compile(r"\{\{ (\w+) \}\}")


def page(
    journal: Journal,
    shown: Sequence[Gallery],
    found: Sequence[tuple[str, Table]],
    drawn: Sequence[Figure],
    more: int,
    folder: Path,
) -> str:
    """The whole page as text; `more` drawings are not on it. Links to files are relative to `folder`."""
    info = journal.info
    assert info is not None
    return fill(
        _part("page.html"),
        {
            "title": escape(info.graph.title),
            "style": _part("page.css") + _part("graph.css") + (drawing_style() if drawn else ""),
            "script": _part("page.js"),
            "status": journal.status,
            "status_text": sections.STATUS[journal.status],
            "lead": sections.lead(journal),
            "failures": sections.failures(journal),
            "pictures": sections.pictures(shown),
            "viewer_data": script_json([viewer_data(gallery) for gallery in shown]),
            "tables": sections.tables(found),
            "drawings": sections.drawn(drawn, more, folder),
            "graph": draw(layout(sketch(info.graph)), title=info.graph.title),
            "times": sections.section("Time by node", time_chart(journal.seconds)) if journal.seconds else "",
            "files": sections.written(journal, folder),
            "facts": sections.facts(journal),
        },
    )


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with each `{{ name }}` replaced; what is put in is not looked at again."""
    return _SLOT.sub(lambda match: values[match[1]], template)


def viewer_data(gallery: Gallery) -> dict[str, object]:
    """What the viewer's script needs of a gallery. Each picture is embedded once."""
    sources: dict[str, int] = {}
    items: list[dict[str, Any]] = []
    for key, made in gallery.items.items():
        pictures = {
            panel: [sources.setdefault(t.uri, len(sources)), t.width, t.height, t.full_width, t.full_height]
            for panel, t in made.items()
        }
        items.append({"key": key, "pictures": pictures})
    panels = [{"id": p.id, "name": p.name, "role": p.role, "before": p.before} for p in gallery.panels]
    used = {panel for item in items for panel in item["pictures"]}
    return {
        "panels": [panel for panel in panels if panel["id"] in used],
        "after": gallery.after,
        "items": items,
        "sources": list(sources),
    }


def script_json(data: object) -> str:
    """JSON that may stand inside a script element: no tag can be closed or opened by it."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")
