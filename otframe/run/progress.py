"""What is seen while a run goes on: bars on a terminal, a few plain lines in a log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from otframe.errors import OtframeError
from otframe.run.observer import Observer, RunInfo, RunResult

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["BarProgress", "LineProgress", "progress"]


def progress(console: Console, *, failures: bool = True) -> Observer:
    """The observer that suits a console: bars where it is a terminal, lines otherwise.

    Failed items are told as they happen, unless `failures` is false because the caller tells of them.
    """
    return (BarProgress if console.is_terminal else LineProgress)(console, failures=failures)


class BarProgress(Observer):
    """One bar for each pass: what it is for, how many items, the time left, the item that was finished last."""

    def __init__(self, console: Console, *, failures: bool = True) -> None:
        self.console, self.failures = console, failures
        self._bars: Progress | None = None
        self._bar: TaskID | None = None
        self._long: TaskID | None = None
        self._passes, self._number = 0, 0

    def run_started(self, info: RunInfo) -> None:
        """Show the bars' place."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._passes, self._number = len(info.plan.passes), 0
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("[dim]{task.fields[item]}"),
            console=self.console,
        )
        self._bars.start()

    def pass_started(self, label: str, keys: tuple[str, ...]) -> None:
        """Add the pass's bar."""
        if self._bars is not None:
            self._number += 1
            text = f"[dim]{self._number}/{self._passes}[/] {escape(_short(label))}"
            self._bar = self._bars.add_task(text, total=len(keys), item="")

    def progress(self, node: str, key: str, fraction: float, note: str) -> None:
        """Show how far a long call is, on a line that goes when it is done."""
        if self._bars is None:
            return
        text = f"[dim]  {escape(node)}"
        item = escape(" ".join(part for part in (key, note) if part))
        if self._long is None:
            self._long = self._bars.add_task(text, total=100, item=item)
        self._bars.update(self._long, completed=int(100 * fraction), description=text, item=item)

    def node_finished(self, node: str, key: str, seconds: float) -> None:
        """Take a long call's line away."""
        if self._bars is not None and self._long is not None:
            self._bars.remove_task(self._long)
            self._long = None

    def item_finished(self, key: str) -> None:
        """Move the bar on."""
        if self._bars is not None and self._bar is not None:
            self._bars.update(self._bar, advance=1, item=escape(key))

    def item_failed(self, error: OtframeError) -> None:
        """Say what failed, above the bars."""
        if self.failures:
            _tell_failure(self.console, error)

    def run_finished(self, result: RunResult) -> None:
        """Leave the bars as they are."""
        self._stop()

    def run_failed(self, error: BaseException) -> None:
        """Leave the bars as they are."""
        self._stop()

    def _stop(self) -> None:
        if self._bars is not None:
            if self._bar is not None:
                for task in self._bars.tasks:
                    self._bars.update(task.id, item="")
            self._bars.stop()
            self._bars = None


class LineProgress(Observer):
    """For logs: a line where a pass starts and ends, and one for each failure."""

    def __init__(self, console: Console, *, failures: bool = True) -> None:
        self.console, self.failures = console, failures
        self._left, self._count = 0, 0
        self._passes, self._number = 0, 0
        self._start = 0.0

    def run_started(self, info: RunInfo) -> None:
        """Remember how many passes there are."""
        self._passes, self._number = len(info.plan.passes), 0

    def pass_started(self, label: str, keys: tuple[str, ...]) -> None:
        """Say what the pass is for."""
        self._number += 1
        self._left, self._count = len(keys), len(keys)
        self._start = time.perf_counter()
        self._line(f"pass {self._number}/{self._passes}: {label}, {_count(len(keys))}")

    def item_finished(self, key: str) -> None:
        """Say when the last item is done."""
        self._left -= 1
        if self._left == 0:
            spent = time.perf_counter() - self._start
            self._line(f"pass {self._number}/{self._passes}: done, {_count(self._count)} in {spent:.1f} s")

    def item_failed(self, error: OtframeError) -> None:
        """Say what failed."""
        if self.failures:
            _tell_failure(self.console, error)

    def _line(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


def _tell_failure(console: Console, error: OtframeError) -> None:
    place = ", ".join(f"{what} '{name}'" for what, name in (("item", error.key), ("node", error.node)) if name)
    console.print(f"failed: {place}: {error.message}", style="red", markup=False, highlight=False, soft_wrap=True)


def _count(number: int) -> str:
    return "1 item" if number == 1 else f"{number} items"


def _short(label: str, most: int = 36) -> str:
    """As many of a label's names as there is room for, and how many more there are."""
    names = label.split(", ")
    kept = names[:1]
    while len(kept) < len(names) and len(", ".join([*kept, names[len(kept)]])) <= most:
        kept.append(names[len(kept)])
    more = len(names) - len(kept)
    return ", ".join(kept) + (f" and {more} more" if more else "")
