"""What the benchmarks share: where the data is, what is told of the machine, and markdown tables."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

__all__ = ["finish", "header", "median_of", "parser", "require", "table"]

REPOSITORY = Path(__file__).resolve().parents[2]


def parser(doc: str) -> argparse.ArgumentParser:
    """A parser with the options of all benchmarks."""
    made = argparse.ArgumentParser(description=doc.partition("\n")[0])
    default = Path(os.environ.get("OTFRAME_DATA") or REPOSITORY.parent / "shared" / "data")
    made.add_argument(
        "--data", type=Path, default=default, help="photographs and weights; OTFRAME_DATA where not given"
    )
    made.add_argument("--out", type=Path, help="a folder for the numbers as JSON, and pictures")
    made.add_argument("--threads", type=int, default=1, help="threads of torch")
    made.add_argument("--quick", action="store_true", help="a small part, to see that it runs: no figures to quote")
    return made


def require(data: Path, *parts: str) -> None:
    """End the program with success and a line that says why, where something of the data is absent."""
    missing = [part for part in parts if not (data / part).exists()]
    if missing:
        print(f"skipped: {data} has no {', '.join(missing)} (name the folder by --data or OTFRAME_DATA)")
        sys.exit(0)


def header(title: str, threads: int) -> str:
    """The title with the command, the date, the machine in words and the versions."""
    torch.set_num_threads(threads)
    command = shlex.join(["python", f"tests/benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    names = ("otframe", "torch", "numpy", "opencv-python")
    machine = f"{platform.system()} on {platform.machine()}, {os.cpu_count()} CPU threads, {threads} used"
    return "\n".join(
        (
            f"## {title}",
            "",
            f"- command: `{command}`",
            f"- date: {datetime.date.today():%Y-%m-%d}",
            f"- machine: {machine}; load average at the start {os.getloadavg()[0]:.1f}",
            f"- versions: Python {platform.python_version()}, {', '.join(f'{n} {version(n)}' for n in names)}",
            "",
        )
    )


def median_of(call: Callable[[], Any], runs: int) -> tuple[float, Any]:
    """Median seconds and the last result."""
    spent = []
    for _ in range(runs):
        start = time.perf_counter()
        made = call()
        spent.append(time.perf_counter() - start)
    return statistics.median(spent), made


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A markdown table; numbers are given as texts already where their digits matter."""
    lines = [f"| {' | '.join(columns)} |", f"| --- |{' ---: |' * (len(columns) - 1)}"]
    lines += [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    return "\n".join((*lines, ""))


def finish(out: Path | None, name: str, numbers: Any) -> None:
    """Write the numbers as JSON into the folder, where there is one."""
    if out is None:
        return
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.json"
    path.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    print(f"written: {path.name}")
