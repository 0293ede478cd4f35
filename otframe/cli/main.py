"""`otframe`: the commands, one module each."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable
from typing import Annotated

import typer

from otframe.cli.check import check
from otframe.cli.command import Command
from otframe.cli.failing import guarded, set_traceback
from otframe.cli.fit import fit
from otframe.cli.graph import graph
from otframe.cli.listing import list_
from otframe.cli.new_plugin import new_plugin
from otframe.cli.plugins import plugins
from otframe.cli.run import run
from otframe.cli.schema import schema
from otframe.cli.show import show
from otframe.cli.store import store

__all__ = ["app", "main"]

app = typer.Typer(
    name="otframe",
    help="Optimal transport on images: run, check and draw pipelines, and see what is installed.",
    epilog="Exit codes: 0 done; 1 an item or node failed; 2 the request is wrong.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

_COMMANDS: dict[str, Callable[..., None]] = {
    "run": run,
    "fit": fit,
    "apply": run,
    "check": check,
    "graph": graph,
    "list": list_,
    "show": show,
    "plugins": plugins,
    "store": store,
    "schema": schema,
    "new-plugin": new_plugin,
}
for _name, _command in _COMMANDS.items():
    app.command(_name, cls=Command)(guarded(_command))


def _version(asked: bool) -> None:
    if asked:
        from otframe import __version__

        typer.echo(f"otframe {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show the whole traceback of an error, before the command's name.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    set_traceback(traceback)


def main() -> None:
    """Entry point of the script `otframe`."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):  # a host may have put something else there
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"  # without a line of our source
    app()
