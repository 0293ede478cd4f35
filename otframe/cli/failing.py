"""How a command fails: a message that helps, and the exit code."""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import typer

from otframe.errors import OtframeError

__all__ = ["guarded", "place", "set_traceback", "tell", "tell_all"]

INTERRUPTED = 130

_state = {"traceback": False}


def set_traceback(wanted: bool) -> None:
    """Whether tracebacks are shown; the environment variable OTFRAME_TRACEBACK does the same."""
    _state["traceback"] = wanted or bool(os.environ.get("OTFRAME_TRACEBACK"))


def guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with its errors told on stderr and turned into exit codes."""

    @functools.wraps(command)
    def call(*args: Any, **named: Any) -> Any:
        try:
            return command(*args, **named)
        except OtframeError as error:
            _trace()
            tell(error)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            typer.secho("interrupted", fg="red", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # the reader, such as `head`, has gone: what is left is not wanted
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except Exception as error:
            if isinstance(error, typer.Exit) or type(error).__module__.split(".")[0] in ("typer", "click"):
                raise
            _trace()
            typer.secho(f"error: {type(error).__name__}: {error}", fg="red", err=True)
            if not _state["traceback"]:
                again = f"`otframe --traceback {sys.argv[1] if len(sys.argv) > 1 else ''} ...`"
                typer.echo(f"  this is a defect; {again} shows where it happened", err=True)
            raise typer.Exit(1) from None

    return call


def tell(error: OtframeError) -> None:
    """An error on stderr: place in the file first, the message in red, the hint under it."""
    typer.secho(f"{_where(error)}{place(error)}{error.message}", fg="red", err=True)
    for line in error.hint.splitlines():
        typer.echo(f"  {line.strip()}", err=True)


def tell_all(errors: Sequence[OtframeError]) -> None:
    """The items that failed, at the end of a run that went on without them."""
    count = "1 item" if len(errors) == 1 else f"{len(errors)} items"
    typer.secho(f"{count} failed:", fg="red", err=True)
    for error in errors:
        typer.echo(f"  {place(error)}{error.message}", err=True)
        for line in error.hint.splitlines():
            typer.secho(f"    {line.strip()}", dim=True, err=True)


def place(error: OtframeError) -> str:
    """Node, port and item of an error as the beginning of a sentence."""
    parts = (("item", error.key), ("node", error.node), ("port", error.port))
    told = ", ".join(f"{what} '{name}'" for what, name in parts if name)
    return f"{told}: " if told else ""


def _where(error: OtframeError) -> str:
    return f"{error.where}: " if error.where else ""


def _trace() -> None:
    if _state["traceback"]:
        traceback.print_exc()
