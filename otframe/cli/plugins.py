"""`otframe plugins`: which plugins are there, and why one is not."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from otframe.registry import Plugin

__all__ = ["plugins"]


def plugins() -> None:
    """List the plugins with their versions, what they offer, and what is wrong with those that could not be loaded."""
    from otframe.cli.text import columns
    from otframe.registry import Registry

    registry = Registry.installed()
    rows = []
    for plugin in registry.plugins:
        status = "failed" if plugin.failure else "noted" if plugin.notes else "ok"
        rows.append((plugin.name, plugin.distribution, plugin.version or "-", status, _offers(plugin)))
    columns(rows, head=("plugin", "distribution", "version", "status", "offers"), indent=0)
    for plugin in registry.failures():
        typer.echo()
        typer.secho(f"{plugin.name} could not be loaded: {plugin.failure}", fg="red")
        typer.echo(f"  {_advice(plugin)}")
    for plugin in registry.plugins:
        if plugin.notes:
            typer.echo()
            typer.secho(f"{plugin.name} should not do this when it is loaded:", fg="yellow")
            for note in plugin.notes:
                typer.echo(f"  {note}")
            typer.echo(f"  tell the authors of {plugin.distribution}: its entry module should only name what it offers")


def _offers(plugin: Plugin) -> str:
    if plugin.failure:
        return "-"
    counts = Counter(entry.kind for entry in plugin.entries)
    return ", ".join(f"{n} {kind if n == 1 else kind + 's'}" for kind, n in counts.items()) or "nothing"


def _advice(plugin: Plugin) -> str:
    failure = plugin.failure
    if "two plugins are called" in failure or "already offered" in failure:
        return "names must be unique: uninstall one of the two, or leave one out with OTFRAME_PLUGINS=name,name"
    if "entry_points.txt" in failure:
        return f"reinstall it: pip install --force-reinstall {plugin.distribution}"
    if failure.startswith(("ModuleNotFoundError", "ImportError")):
        return f"install what it needs: pip install --upgrade {plugin.distribution}"
    return f"this is a defect of {plugin.distribution}; everything else works without it"
