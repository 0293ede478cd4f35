"""`otframe schema`: a JSON Schema of pipeline files, for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["schema"]


def schema(
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A file to write; printed where absent.")] = None,
) -> None:
    """Print a JSON Schema of pipeline files with everything that is installed, for completion in editors."""
    import json

    from otframe.cli.places import file_place
    from otframe.graph.schema import pipeline_schema
    from otframe.registry import Registry

    file = None if out is None else file_place(out)
    text = json.dumps(pipeline_schema(Registry.installed()), indent=1)
    if file is None:
        typer.echo(text)
        return
    from otframe.io.write import atomic

    with atomic(file) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    typer.echo(f"{out}: begin a pipeline with  # yaml-language-server: $schema={out}")
