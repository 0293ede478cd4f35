"""`otframe show OP.otf`: what an operator was made of and what it takes."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import typer

__all__ = ["show_operator"]


def show_operator(path: str) -> None:
    """Print an operator's versions, fitted values, inputs, parameters and the pipeline that is left."""
    from otframe.cli.text import columns, heading
    from otframe.errors import InputError
    from otframe.registry import Registry
    from otframe.run import load
    from otframe.values import codec

    registry = Registry.installed()
    if not Path(path).is_file():
        told = f"'{path}' is a folder, wanted a file" if Path(path).is_dir() else f"there is no file '{path}'"
        raise InputError(told, hint="`otframe fit` makes operators")
    operator = load(path, registry)
    stored: Any = codec.load(path, registry)
    heading(operator.document.title, f"operator, seed {operator.seed}")
    made = [("otframe", stored.otframe), *(dist for dist in stored.plugins.values())]
    typer.echo(f"made by {', '.join(f'{name} {version}' for name, version in made)}")
    typer.echo()
    heading("fitted", "")
    columns([(name, type(value).__name__, _told(value)) for name, value in operator.constants.items()], dim=(2,))
    typer.echo()
    heading("takes", "")
    document = operator.document
    columns([(name, document.inputs[name].type, document.inputs[name].doc) for name in operator.open], dim=(2,))
    if document.params:
        typer.echo()
        heading("parameters", "")
        columns([(name, repr(value)) for name, value in document.params.items()])
    typer.echo()
    heading("pipeline", "")
    typer.echo(operator.to_yaml().rstrip())


def _told(value: Any) -> str:
    """A value's fields: shapes of tensors, numbers as they are."""
    if not is_dataclass(value):
        return repr(value)
    parts = []
    for field in fields(value):
        item = getattr(value, field.name)
        if hasattr(item, "shape"):
            parts.append(f"{field.name} {' x '.join(str(side) for side in item.shape)}")
        elif isinstance(item, float | int):
            parts.append(f"{field.name} {item:g}")
    return ", ".join(parts)
