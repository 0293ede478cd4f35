"""`otframe show`: one component: its verbs, ports, parameters, references and documentation."""

from __future__ import annotations

import inspect
import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from otframe.ports import Port

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


def _verb(cls: Any, verb: str) -> None:
    from otframe.cli.text import columns, heading
    from otframe.ports import describe, signature

    found = signature(cls, verb)
    gives = describe(found.output)
    if found.fields:
        gives = ", ".join(f"{name}: {describe(hint)}" for name, hint in found.fields.items())
    typer.echo()
    told = (inspect.getdoc(getattr(cls, verb)) or "").splitlines()
    heading(verb if verb != "__call__" else "call", told[0] if told else "")
    rows = [(port.name, _port(port), _need(port)) for port in found.inputs]
    columns([*rows, ("gives", gives)], dim=(2,))
    if found.takes_ctx:
        typer.echo("  also gets the run's context: seed, device, progress")


def _port(port: Port) -> str:
    from otframe.ports import describe

    text = describe(port.hint)
    forms = {"sequence": f"list of {text}", "mapping": f"labelled {text}", "stream": f"whole stream of {text}"}
    return forms.get(port.gather, text)


def _need(port: Port) -> str:
    if port.required:
        return "may be filled by `with`" if port.plain else ""
    return "optional" if port.default is None else f"default {port.default!r}"


def _parameters(cls: Any) -> None:
    from otframe.cli.text import columns, heading, paragraph

    typer.echo()
    heading("parameters", "" if cls.model_fields else "none")
    for name, field in cls.model_fields.items():
        limits = ", ".join(_limit(limit) for limit in field.metadata if _limit(limit))
        kind = _kind(field.annotation) + (f" ({limits})" if limits else "")
        default = "required" if field.is_required() else f"default {_default(field)}"
        columns([(name, kind, default)], dim=(2,))
        paragraph(textwrap.fill(" ".join((field.description or "").split()), 106), indent=6)


def _kind(annotation: Any) -> str:
    from otframe.ports import describe

    return "None" if annotation is type(None) else describe(annotation).replace("NoneType", "None")


def _limit(limit: Any) -> str:
    """A constraint as people write it."""
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "multiple_of": "a multiple of"}
    told = [f"{sign} {getattr(limit, name)}" for name, sign in signs.items() if getattr(limit, name, None) is not None]
    low, high = getattr(limit, "min_length", None), getattr(limit, "max_length", None)
    told += [f"at least {low} long"] if low is not None else []
    told += [f"at most {high} long"] if high is not None else []
    pattern = getattr(limit, "pattern", None)
    return ", ".join([*told, f"matches {pattern}"] if pattern else told)


def _default(field: Any) -> str:
    from otframe.interfaces import Component

    value = field.get_default(call_default_factory=True)
    if isinstance(value, Component):
        return repr(value)
    if isinstance(value, list) and value and isinstance(value[0], Component):
        return "[" + ", ".join(repr(item) for item in value) + "]"
    return repr(value)
