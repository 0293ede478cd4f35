"""`otframe check`: names, types and arrows, without reading an image or loading a weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from otframe.cli.run import open_pipeline

if TYPE_CHECKING:
    from otframe.graph import Document, Graph

__all__ = ["ARROWS", "check"]

ARROWS = {
    "input": "• input",
    "model": "◆ model",
    "once": "→ once",
    "map": "⇉ map",
    "each": "∑ each",
    "reduce": "∑ reduce",
}
"""How each arrow is drawn."""


def check(
    pipeline: Annotated[
        str, typer.Argument(help="A pipeline file, the name of one that is shipped, or an operator's .otf file.")
    ],
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter.")] = None,
) -> None:
    """Check a pipeline and print its nodes with component, arrow, type and origin."""
    from otframe.cli.arguments import parameters
    from otframe.cli.find import find_pipeline
    from otframe.registry import Registry
    from otframe.run import Operator
    from otframe.run.paths import check_names

    registry = Registry.installed()
    made = open_pipeline(find_pipeline(pipeline, registry), registry)
    params = parameters(set_ or [])
    graph = made.check(None, params)
    check_names(graph, registry)
    inputs = made.document.inputs
    fitted = made.constants if isinstance(made, Operator) else {}
    everything = made.check(list(inputs), params)
    least = [name for name, spec in inputs.items() if not (spec.optional or spec.default or spec.default_from)]
    _print(made.document, graph, set(fitted))
    for title, other in {
        "with every input given": everything,
        "with only what must be given": _least(made, least, params),
    }.items():
        left = {} if other is None else {name: why for name, why in other.absent.items() if name not in inputs}
        for name, why in left.items():
            typer.echo(f"{title}, '{name}' is left out: {why}")
    typer.secho("ok", fg="green")


def _least(made: Any, given: list[str], params: dict[str, Any]) -> Graph | None:
    """The graph of a run that is given as little as possible; None where no output can be made of that."""
    from otframe.errors import InputError

    try:
        checked: Graph = made.check(given, params)
    except InputError:
        return None
    return checked


def _print(doc: Document, graph: Graph, fitted: set[str]) -> None:
    from otframe.cli.text import columns, heading

    heading(doc.title)
    if doc.inputs:
        typer.echo()
        heading("inputs")
        held = [(name, spec.type, "part of the operator", "") for name, spec in doc.inputs.items() if name in fitted]
        columns([(name, *_input(doc, name)) for name in doc.inputs if name not in fitted] + held, dim=(2, 3))
    typer.echo()
    heading("nodes")
    unused = set(graph.unused())
    rows = []
    for name, node in graph.nodes.items():
        if node.arrow != "input":
            origin = ", ".join(sorted(node.origins or graph.item_origins(node)))
            faint = "(no output depends on it)" if name in unused else ""
            rows.append((name, node.use, ARROWS[node.arrow], node.describe(), origin, faint))
    columns(rows, head=("node", "component", "arrow", "type", "origin", ""))
    for alias, node_id in graph.aliases.items():
        typer.echo(f"  {alias} is {node_id}")
    typer.echo()
    heading("outputs")
    columns([(o.name, f"from {o.source}", _type(o), f"to {o.to}" if o.to else "") for o in graph.outputs], dim=(3,))
    if graph.absent:
        typer.echo()
        heading("left out")
        columns(graph.absent.items())
    typer.echo()


def _type(output: Any) -> str:
    from otframe.ports import describe

    return describe(output.type) + ("[]" if output.origins else "")


def _input(doc: Document, name: str) -> tuple[str, str, str]:
    spec = doc.inputs[name]
    if spec.default_from:
        default = f"default: the value of {spec.default_from}"
    elif spec.default:
        default = f"default: {spec.default}"
    else:
        default = "optional" if spec.optional else "must be given"
    others = [spec.unless] if isinstance(spec.unless, str) else list(spec.unless)
    covered = f", unless {' or '.join(others)} is given" if any(others) else ""
    return spec.type, default + covered, spec.doc
