"""`otframe fit`: compute what some inputs decide, and keep it as an operator in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from otframe.cli.options import Device, Executor, OnError, OnErrorOption, Quiet, Settings, Store, Workers
from otframe.cli.run import open_pipeline

__all__ = ["fit"]


def fit(
    pipeline: Annotated[str, typer.Argument(help="A pipeline file, or the name of one that is shipped.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OP.otf", help="The operator's file.")],
    in_: Annotated[
        list[str] | None,
        typer.Option("--in", "-i", metavar="NAME=PATH", help="Bind an input that is to be fitted."),
    ] = None,
    set_: Settings = None,
    executor: Executor = "serial",
    workers: Workers = None,
    device: Device = "cpu",
    seed: Annotated[int, typer.Option(help="Seed of all randomness: the same seed, the same bits.")] = 0,
    on_error: OnErrorOption = OnError.stop,
    store: Store = None,
    quiet: Quiet = False,
) -> None:
    """Fit a pipeline on some of its inputs and keep what is left to apply in one file."""
    from otframe.cli.arguments import bindings, parameters
    from otframe.cli.find import find_pipeline
    from otframe.cli.places import file_place
    from otframe.errors import ParameterError
    from otframe.registry import Registry

    file = file_place(out)
    if out.suffix != ".otf":
        raise ParameterError(f"an operator's file ends in .otf, got '{out}'", hint=f"-o {out.with_suffix('.otf')}")
    inputs, params = bindings(in_ or []), parameters(set_ or [])
    registry = Registry.installed()
    source = open_pipeline(find_pipeline(pipeline, registry), registry)
    registry.find(executor, "executor")
    if workers is not None and workers < 1:
        raise ParameterError(f"workers is at least 1, got {workers}")

    from rich.console import Console

    from otframe.run.progress import progress

    observers = [] if quiet else [progress(Console(stderr=True), failures=on_error is OnError.skip)]
    operator = source.fit(
        inputs,
        params=params,
        seed=seed,
        device=device,
        executor=executor,
        workers=workers,
        on_error=on_error.value,
        observers=observers,
        store=None if store is None else store.expanduser(),
    )
    operator.save(file)
    if not quiet:
        typer.echo(f"fitted: {', '.join(operator.constants)}")
        typer.echo(f"still to be given: {', '.join(operator.open)}")
        typer.secho(f"otframe apply {out} --in {next(iter(operator.open), 'name')}=FOLDER", bold=True)
