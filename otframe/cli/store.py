"""`otframe store`: what earlier runs left in a store, and removing it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["store"]


def store(
    folder: Annotated[Path, typer.Argument(help="An output folder, or the folder given as --store.")],
    older: Annotated[
        float | None, typer.Option("--remove-older", metavar="DAYS", help="Remove what was left longer ago.")
    ] = None,
) -> None:
    """List the values that earlier runs left: of which node, how many, how large. Nothing in it is needed."""
    from otframe.cli.text import columns
    from otframe.errors import DataError, InputError
    from otframe.registry import Registry
    from otframe.run.setup import own_store
    from otframe.store import Lock, Store

    place = folder.expanduser()
    place = own_store(place) if own_store(place).is_dir() else place
    kept = Store(place, Registry.installed())
    if not (place / "lock").is_file():
        raise InputError(f"{folder} is no store and has none", hint="give an output folder, or what --store was given")
    with Lock(place) as lock:
        if older is not None:
            if not lock.alone():
                raise DataError(f"{place} is in use by another run", hint="wait for it to end")
            limit = time.time() - 86400 * older
            removed = [path for path in kept.entries() if path.stat().st_mtime < limit]
            for path in removed:
                path.unlink(missing_ok=True)
            typer.echo(f"removed {len(removed)} values")
        sizes: dict[str, list[int]] = {}
        for path in kept.entries():
            try:
                node = kept.told(path).get("node", "")
            except DataError:
                node = "(damaged)"
            sizes.setdefault(node, []).append(path.stat().st_size)
    rows = [(node, str(len(found)), _bytes(sum(found))) for node, found in sorted(sizes.items())]
    columns(rows, head=("node", "values", "size") if rows else ())
    typer.echo(f"{sum(map(len, sizes.values()))} values, {_bytes(sum(map(sum, sizes.values())))} in {place}")


def _bytes(number: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if number < 1000:
            return f"{number:.3g} {unit}" if unit != "bytes" else f"{number:.0f} bytes"
        number /= 1000
    return f"{number:.3g} GB"
