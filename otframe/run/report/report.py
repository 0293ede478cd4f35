"""`Report`: the observer that writes `report.html` when a run ends."""

from __future__ import annotations

from pathlib import Path

from otframe.io.write import atomic
from otframe.registry import Registry
from otframe.run.journal import Journal
from otframe.run.report.drawings import drawings
from otframe.run.report.page import page
from otframe.run.report.pictures import galleries
from otframe.run.report.tables import tables

__all__ = ["Report"]


class Report(Journal):
    """Writes the page when the run ends, well or not: what is on disk, and the inputs as their sources give them.

    Parameters
    ----------
    path : str or Path
        The page, usually `report.html` in the output folder.
    registry : Registry, optional
        Reads the written files; everything installed, where absent.
    items : int
        How many items are shown at most.
    """

    def __init__(self, path: str | Path, registry: Registry | None = None, *, items: int = 24) -> None:
        super().__init__()
        self.path = Path(path)
        self.registry = registry or Registry.installed()
        self.items = items

    def ended(self) -> None:
        """Write the page."""
        if self.info is None:
            return
        shown = galleries(self, self.registry, limit=self.items)
        drawn, more = drawings(self, self.registry, most=self.items)
        text = page(self, shown, tables(self, self.registry), drawn, more, self.path.parent)
        with atomic(self.path) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="replace")
