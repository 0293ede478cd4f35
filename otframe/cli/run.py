"""`otframe run`: run a pipeline on files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from otframe.cli.options import Device, Executor, OnError, OnErrorOption, Quiet, Settings, Store, Workers
from otframe.errors import ModelError, OtframeError, OutputError, ParameterError

if TYPE_CHECKING:
    from otframe.registry import Registry
    from otframe.run import Observer, Pipeline
    from otframe.run.journal import Journal

__all__ = ["open_pipeline", "run"]


def run(
    pipeline: Annotated[
        str, typer.Argument(help="A pipeline file, the name of one that is shipped, or an operator's .otf file.")
    ],
    in_: Annotated[
        list[str] | None,
        typer.Option("--in", "-i", metavar="NAME=PATH", help="Bind an input: a file, folder, pattern or scheme:name."),
    ] = None,
    set_: Settings = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option("--sweep", metavar="NAME=A,B", help="Values of a parameter; what does not vary runs once."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for results.  [default: out/<name of the pipeline file>]")
    ] = None,
    executor: Executor = "serial",
    workers: Workers = None,
    device: Device = "cpu",
    seed: Annotated[
        int | None, typer.Option(help="Seed of all randomness: the same seed, the same bits.  [default: 0]")
    ] = None,
    on_error: OnErrorOption = OnError.stop,
    resume: Annotated[
        bool, typer.Option("--resume", help="Leave files that are there as this run would write them; make the rest.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Compute nothing: say for each node and output what is there already.")
    ] = False,
    store: Store = None,
    no_store: Annotated[
        bool, typer.Option("--no-store", help="Take nothing from earlier runs, and leave nothing to later ones.")
    ] = False,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write report.html beside the results.")] = True,
    quiet: Quiet = False,
) -> None:
    """Run a pipeline, or apply an operator. Results, `run.json` and `report.html` go to the output folder."""
    from otframe.cli.arguments import axes, bindings, parameters
    from otframe.cli.failing import tell_all
    from otframe.cli.find import find_pipeline
    from otframe.registry import Registry

    inputs, params, swept = bindings(in_ or []), parameters(set_ or []), axes(sweep or [])
    registry = Registry.installed()
    file = find_pipeline(pipeline, registry)
    folder = out.expanduser() if out is not None else Path("out") / file.stem
    if no_store and (resume or store is not None):
        raise ParameterError(f"--no-store and {'--resume' if resume else '--store'} exclude each other")

    from otframe.run.journal import Journal
    from otframe.run.setup import own_store

    place = None if no_store else store.expanduser() if store is not None else own_store(folder)
    pipe = open_pipeline(file, registry)
    what: dict[str, Any] = {"out": folder, "params": params, "sweep": swept, "seed": seed, "device": device}
    what |= {"store": place, "resume": resume}
    if dry_run:
        from otframe.cli.dry_run import print_preview

        print_preview(pipe.preview(inputs, **what, on_error=on_error.value), pipe.document.title)
        return
    journal = Journal()
    try:
        result = pipe.run(
            inputs,
            **what,
            executor=executor,
            workers=workers,
            on_error=on_error.value,
            observers=[journal, *_observers(folder, registry, report, quiet, on_error)],
        )
    except OtframeError as error:
        # weights that are missing and full disks fail for all items
        one = error.key and error.exit_code == 1 and not isinstance(error, ModelError | OutputError)
        if one and on_error is OnError.stop:
            error.hint = "\n".join(filter(None, (error.hint, "`--on-error skip` goes on without it")))
        raise
    if not quiet:
        _summary(journal, registry, folder, report)
    if result.failures:
        tell_all(result.failures)
        raise typer.Exit(1)


def open_pipeline(file: Path, registry: Registry) -> Pipeline:
    """The pipeline of a file, or the operator of one that ends in `.otf`."""
    from otframe.run import Pipeline, load

    return load(file, registry) if file.suffix == ".otf" else Pipeline.from_yaml(file, registry)


def _observers(folder: Path, registry: Registry, report: bool, quiet: bool, on_error: OnError) -> list[Observer]:
    from rich.console import Console

    from otframe.run.progress import progress
    from otframe.run.record import RunRecord

    found: list[Observer] = [RunRecord(folder / "run.json", registry)]
    if report:
        from otframe.run.report import Report

        found.append(Report(folder / "report.html", registry))
    return found if quiet else [*found, progress(Console(stderr=True), failures=on_error is OnError.skip)]


def _summary(journal: Journal, registry: Registry, folder: Path, report: bool) -> None:
    """The tables, then where everything is."""
    from otframe.cli.tables import print_table
    from otframe.cli.text import columns
    from otframe.run.report.tables import tables
    from otframe.run.report.times import duration

    for name, table in tables(journal, registry):
        typer.echo()
        print_table(table, table.title or name)
    by_output: dict[str, list[Path]] = {}
    for file in journal.files:
        by_output.setdefault(file.output, []).append(file.path)
    rows = [(name, _count(len(paths)), _place(paths)) for name, paths in by_output.items()]
    rows += [("report", "", _short(folder / "report.html"))] if report else []
    typer.echo()
    columns([*rows, ("record", "", _short(folder / "run.json"))], dim=(1,))
    noted = [file for file in journal.files if file.notes]
    if noted:
        more = f" (and notes on {_count(len(noted) - 1)}, in run.json)" if len(noted) > 1 else ""
        typer.secho(f"  note: {_short(noted[0].path)}: {'; '.join(noted[0].notes)}{more}", dim=True)
    for note in journal.result.notes if journal.result else ():
        typer.secho(f"  note: {note}", dim=True)
    _found(journal)
    typer.secho(f"done in {duration(journal.wall)}", fg="yellow" if journal.failures else "green")


def _found(journal: Journal) -> None:
    """What an earlier run had left."""
    files = sum(file.found for file in journal.files)
    values = sorted(journal.info.found) if journal.info is not None else []
    told = [_count(files)] if files else []
    told += [", ".join(values)] if values else []
    if told:
        typer.secho(f"  left by an earlier run: {'; '.join(told)}", dim=True)


def _count(number: int) -> str:
    return "1 file" if number == 1 else f"{number} files"


def _place(paths: list[Path]) -> str:
    """The file, or the folder that holds them all."""
    from os.path import commonpath

    if len(paths) == 1:
        return _short(paths[0])
    return _short(Path(commonpath([path.parent for path in paths]))) + "/"


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
