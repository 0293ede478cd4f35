"""Options that several commands take, each described once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Device", "Executor", "OnError", "OnErrorOption", "Quiet", "Settings", "Store", "Workers"]


class OnError(StrEnum):
    """What to do where an item fails."""

    stop = "stop"
    skip = "skip"


Settings = Annotated[
    list[str] | None, typer.Option("--set", "-s", metavar="NAME=VALUE", help="Set a parameter of the pipeline.")
]
Executor = Annotated[str, typer.Option(help="How items are computed; `otframe list -t executor`.")]
Workers = Annotated[int | None, typer.Option(help="Items computed at once.  [default: the number of processors]")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps, ...")]
OnErrorOption = Annotated[OnError, typer.Option(help="Stop at the first item that fails, or leave it out and list it.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Store = Annotated[
    Path | None,
    typer.Option("--store", metavar="DIR", help="Where fitted values, and what is marked `keep: disk`, outlive a run."),
]
