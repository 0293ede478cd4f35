"""`otframe graph`: the pipeline's graph as Mermaid text or as a drawing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from otframe.cli.run import open_pipeline

__all__ = ["graph"]

_FORMATS = ("mermaid", "svg")
_PICTURES = (".svg", ".png", ".jpg", ".jpeg", ".webp", ".gif", ".pdf")
_HELP = {
    "mermaid": "a drawing is an SVG file, as in -o graph.svg; Mermaid is text, as in -o graph.mmd",
    "svg": "a drawing's name ends in .svg, as in -o graph.svg",
}


def graph(
    pipeline: Annotated[
        str, typer.Argument(help="A pipeline file, the name of one that is shipped, or an operator's .otf file.")
    ],
    format_: Annotated[
        str, typer.Option("--format", "-f", help="mermaid or svg; by the output's suffix where it is not given.")
    ] = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter.")] = None,
) -> None:
    """Draw a pipeline: Mermaid text on stdout, or an SVG file."""
    from otframe.cli.arguments import parameters
    from otframe.cli.find import find_pipeline
    from otframe.cli.places import file_place
    from otframe.errors import ParameterError
    from otframe.registry import Registry

    format_ = format_ or ("svg" if output is not None and output.suffix.lower() == ".svg" else "mermaid")
    if format_ not in _FORMATS:
        raise ParameterError(f"there is no format '{format_}'", hint=f"formats: {', '.join(_FORMATS)}")
    file = None if output is None else file_place(output)
    suffix = file.suffix.lower() if file is not None else ""
    if suffix in _PICTURES and (format_, suffix) != ("svg", ".svg"):
        raise ParameterError(f"'{output}' cannot hold {format_}", hint=_HELP[format_])
    registry = Registry.installed()
    made = open_pipeline(find_pipeline(pipeline, registry), registry).check(None, parameters(set_ or []))
    if format_ == "svg":
        from otframe.run.report.draw import draw
        from otframe.run.report.layout import layout
        from otframe.run.report.sketch import sketch

        text = draw(layout(sketch(made)), title=made.title, standalone=True) + "\n"
    else:
        from otframe.cli.mermaid import mermaid

        text = mermaid(made)
    if file is None:
        typer.echo(text, nl=False)
    else:
        from otframe.io.write import atomic

        with atomic(file) as temporary:
            temporary.write_text(text, encoding="utf-8")
        typer.echo(f"written to {output}")
