"""`otframe show`: one component: its verbs, ports, parameters, references and documentation."""

from __future__ import annotations

import inspect
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from otframe.ports import Port
    from otframe.registry import Registry

__all__ = ["show"]


def show(
    component: Annotated[
        str, typer.Argument(help="A component's name, as `otframe list` shows it, or an operator's .otf file.")
    ],
) -> None:
    """Tell all about a component, or about an operator's file."""
    if component.endswith(".otf"):
        from otframe.cli.show_operator import show_operator

        show_operator(component)
        return
    from otframe.cli.text import heading, paragraph
    from otframe.errors import PluginError
    from otframe.interfaces import Component
    from otframe.ports import verbs
    from otframe.registry import Registry

    registry = Registry.installed()
    _is_another_thing(component, registry)
    entry = registry.find(component)
    cls = registry.load(component)
    if not (isinstance(cls, type) and issubclass(cls, Component)):
        raise PluginError(f"'{component}' is not a component but {cls!r}")
    plugin = next(plugin for found, plugin in registry.entries() if found.name == component)
    heading(component, f"{entry.kind} of {plugin}")
    paragraph(inspect.getdoc(cls) or entry.summary)
    for verb in verbs(cls):
        try:
            _verb(cls, verb)
        except PluginError as error:  # it names the class, which may be called the same elsewhere
            whose = f"this is a defect of plugin '{plugin}', which offers '{component}'"
            error.hint = "\n".join(filter(None, (error.hint, whose)))
            raise
    _parameters(cls)
    if cls.references:
        typer.echo()
        heading("references", "keys into docs/references.bib")
        paragraph(", ".join(cls.references))


def _is_another_thing(name: str, registry: Registry) -> None:
    """Say what a name is that is no component's."""
    from otframe.cli.find import shipped
    from otframe.errors import UnknownNameError

    if registry.has(name):
        return
    for table in ("value", "reader", "writer", "executor", "sample"):
        if registry.has(name, table):
            raise UnknownNameError(
                f"'{name}' is no component, but one of the {table}s", hint=f"`otframe list --table {table}` shows it"
            )
    if name in shipped(registry) or Path(name).suffix in (".yaml", ".yml"):
        raise UnknownNameError(f"'{name}' is no component, but a pipeline", hint=f"`otframe check {name}` shows it")
    if Path(name).exists():
        hint = "give a component's name, or the file of an operator, which ends in .otf"
        raise UnknownNameError(f"'{name}' is a file or a folder, not a component", hint=hint)


def _verb(cls: Any, verb: str) -> None:
    from otframe.cli.text import columns, heading
    from otframe.graph.telling import port_type
    from otframe.ports import describe, signature

    found = signature(cls, verb)
    gives = describe(found.output)
    if found.fields:
        gives = ", ".join(f"{name}: {describe(hint)}" for name, hint in found.fields.items())
    typer.echo()
    told = (inspect.getdoc(getattr(cls, verb)) or "").splitlines()
    heading(verb if verb != "__call__" else "call", told[0] if told else "")
    rows = [(port.name, port_type(port), _need(port)) for port in found.inputs]
    columns([*rows, ("gives", gives)], dim=(2,))
    if found.takes_ctx:
        typer.echo("  also gets the run's context: seed, device, progress")


def _need(port: Port) -> str:
    if port.required:
        return "may be filled by `with`" if port.plain else ""
    return "optional" if port.default is None else f"default {port.default!r}"


def _parameters(cls: Any) -> None:
    from otframe.cli.text import columns, heading, paragraph
    from otframe.graph.telling import parameter_default, parameter_limits, parameter_type

    typer.echo()
    heading("parameters", "" if cls.model_fields else "none")
    for name, field in cls.model_fields.items():
        limits = parameter_limits(field)
        kind = parameter_type(field.annotation) + (f" ({limits})" if limits else "")
        default = "required" if field.is_required() else f"default {parameter_default(field)}"
        columns([(name, kind, default)], dim=(2,))
        paragraph(textwrap.fill(" ".join((field.description or "").split()), 106), indent=6)
