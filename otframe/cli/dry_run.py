"""What `otframe run --dry-run` prints: hit, stale or new for each node and output."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from otframe.cli.text import columns, heading

if TYPE_CHECKING:
    from otframe.run.preview import Preview, State

__all__ = ["print_preview"]

_SHOWN = 100
"""Letters of a reason."""


def print_preview(preview: Preview, title: str) -> None:
    """Print what a run would do."""
    heading(title)
    for name, states in (("nodes", preview.nodes), ("outputs", preview.outputs)):
        typer.echo()
        heading(name)
        columns([_row(state) for state in states], head=(name[:-1], "state", "to do", "why"), dim=(3,))
    typer.echo()
    typer.echo(f"{_to_do(preview.nodes)} of {len(preview.nodes)} nodes to compute, nothing was started")


def _row(state: State) -> tuple[str, str, str, str]:
    left = state.items - state.there
    many = f"{left} of {state.items}" if state.items > 1 else ""
    why = state.why if len(state.why) <= _SHOWN else f"{state.why[: _SHOWN - 3]}..."
    return state.name, state.word, many, why


def _to_do(states: Iterable[State]) -> int:
    return sum(state.word != "hit" for state in states)
