"""`Journal`: an observer that remembers a run, for records and reports that are written when it ends."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from otframe import __version__
from otframe.errors import CancelledError, OtframeError
from otframe.run.measuring import Spent
from otframe.run.observer import Observer, RunInfo, RunResult, WrittenFile

__all__ = ["Journal", "Status", "versions"]

Status = Literal["running", "done", "partial", "failed", "cancelled"]


class Journal(Observer):
    """Remembers what a run told. Subclasses override `begun` and `ended`."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self.info: RunInfo | None = None
        self.result: RunResult | None = None
        self.status: Status = "running"
        self.start = self.end = datetime.now(UTC)
        self.passes: list[tuple[str, int]] = []
        self.seconds: dict[str, float] = {}
        self.measured: dict[str, Spent] = {}
        self.files: list[WrittenFile] = []
        self.failures: list[OtframeError] = []
        self.error: BaseException | None = None

    def begun(self) -> None:
        """The run has started."""

    def ended(self) -> None:
        """The run is over, well or not."""

    def run_started(self, info: RunInfo) -> None:
        """Begin anew."""
        self._forget()
        self.info = info
        self.begun()

    def pass_started(self, label: str, keys: tuple[str, ...]) -> None:
        """Remember what is walked, and how many items."""
        self.passes.append((label, len(keys)))

    def node_finished(self, node: str, key: str, seconds: float) -> None:
        """Add up the time."""
        self.seconds[node] = self.seconds.get(node, 0.0) + seconds

    def node_measured(self, node: str, spent: Spent) -> None:
        """Remember what a call took."""
        self.measured[node] = spent

    def item_failed(self, error: OtframeError) -> None:
        """Remember the failure."""
        self.failures.append(error)

    def output_written(self, file: WrittenFile) -> None:
        """Remember the file."""
        self.files.append(file)

    def run_finished(self, result: RunResult) -> None:
        """The run came to its end."""
        self.result = result
        self.failures = list(result.failures)
        self._over("partial" if result.failures else "done")

    def run_failed(self, error: BaseException) -> None:
        """The run was stopped by an error."""
        self.error = error
        stopped = isinstance(error, CancelledError | KeyboardInterrupt)
        self._over("cancelled" if stopped else "failed")

    @property
    def wall(self) -> float:
        """Seconds from start to end."""
        return (self.end - self.start).total_seconds()

    def _over(self, status: Status) -> None:
        self.end, self.status = datetime.now(UTC), status
        self.ended()


def versions() -> dict[str, str]:
    """The versions that decide a run's bits, apart from those of plugins."""
    found = {"otframe": __version__, "python": platform.python_version()}
    for name in ("torch", "numpy", "opencv-python", "OpenImageIO"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
