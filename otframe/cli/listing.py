"""`otframe list`: what is installed."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["list_"]

_TABLES = ("component", "value", "reader", "writer", "executor", "pipeline", "sample")


def list_(
    kind: Annotated[
        str, typer.Option("--kind", "-k", help="Only components of this kind: solver, transform, accumulator, model.")
    ] = "",
    table: Annotated[str, typer.Option("--table", "-t", help=f"What to list: {', '.join(_TABLES)}.")] = "component",
) -> None:
    """List the installed components, by plugin."""
    from otframe.cli.find import core_pipelines, title_of
    from otframe.cli.text import columns, heading
    from otframe.errors import UnknownNameError
    from otframe.registry import Registry, nearest

    wanted = table.removesuffix("s")
    if wanted not in _TABLES:
        near = nearest(wanted, _TABLES)
        hint = f"did you mean {near}?" if near else f"there are: {', '.join(_TABLES)}"
        raise UnknownNameError(f"there is no table '{table}'", hint=hint)
    registry = Registry.installed()
    kinds = sorted({entry.kind for entry, _ in registry.entries(wanted)})
    if kind and kind not in kinds:
        raise UnknownNameError(f"no {wanted} is a '{kind}'", hint=f"there are: {', '.join(kinds) or 'none'}")
    groups: dict[str, list[tuple[str, str, str]]] = {}
    for entry, plugin in registry.entries(wanted):
        if not kind or entry.kind == kind:
            groups.setdefault(plugin, []).append((entry.name, entry.kind, entry.summary))
    if wanted == "pipeline" and kind in ("", "pipeline"):
        core = [(path.stem, "pipeline", title_of(path)) for path in core_pipelines()]
        if core:
            groups["otframe"] = core + groups.get("otframe", [])
    widest = max((len(row[0]) for rows in groups.values() for row in rows), default=0)
    widest_kind = max((len(row[1]) for rows in groups.values() for row in rows), default=0)
    for number, plugin in enumerate(sorted(groups, key=lambda name: (name != "otframe", name))):
        if number:
            typer.echo()
        heading(plugin)
        rows = [(name.ljust(widest), what.ljust(widest_kind), told) for name, what, told in groups[plugin]]
        columns(rows if wanted == "component" else [(name, told) for name, _, told in rows], dim=(1,))
    if not groups:
        typer.echo(f"nothing: no installed plugin offers a {wanted}")
    broken = registry.failures()
    if broken:
        typer.echo()
        names = ", ".join(plugin.name for plugin in broken)
        typer.secho(f"not loaded: {names} (`otframe plugins` tells why)", fg="red")
