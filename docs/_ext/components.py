"""The page of installed components, `components.md`: written before each build from the registry and the docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from otframe.graph.telling import parameter_default, parameter_limits, parameter_type, port_type
from otframe.ports import describe, signature, verbs
from otframe.registry import Registry

__all__ = ["markdown", "page", "setup"]

_INTRO = """\
# Components

What the core and its plugins offer, as `otframe list` and `otframe show NAME` tell it. This page is made of the
components themselves: the hints of their verbs are the ports, their fields the parameters.

A port is filled by `in`, a parameter by `with`; [the pipeline file](pipeline-file.md) tells how. A stream wired to a
port that takes one item maps over it; an accumulator's `lift` takes the items of a stream one after the other, and one
value comes of all.
"""
_CITATION = re.compile(r"\[([a-z]+\d{4}[a-z]*)\]_")
_MATH = re.compile(r"^\.\. math:: *(.+(?:\n[ \t]+\S.*)*)", re.MULTILINE)
_SECTION = re.compile(r"^(Parameters|Returns|Raises|Yields|Notes)\n-+\n", re.MULTILINE)


def setup(app: Any) -> dict[str, bool]:
    """Write the page before the sources are read."""
    app.connect("builder-inited", lambda app: write(Path(app.srcdir) / "components.md", page(Registry.installed())))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write(path: Path, text: str) -> None:
    """Write a file if that changes it: Sphinx reads again what is newer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def page(registry: Registry) -> str:
    """All components, grouped by plugin, the core's first."""
    parts = [_INTRO]
    by_plugin: dict[str, list[str]] = {}
    for entry, plugin in registry.entries():
        by_plugin.setdefault(plugin, []).append(entry.name)
    plugins = [found for found in registry.plugins if found.name in by_plugin and not found.failure]
    for plugin in plugins:
        names = by_plugin[plugin.name]
        parts.append(f"## {plugin.distribution}" + (" (core)" if plugin.name == "otframe" else ""))
        rows = [(f"[`{name}`](#{_anchor(name)})", (entry := registry.find(name)).kind, entry.summary) for name in names]
        parts.append(_table(("component", "kind", "what it does"), rows))
        parts += [component(registry, name) for name in names]
    return "\n\n".join(parts) + "\n"


def component(registry: Registry, name: str) -> str:
    """One component: its documentation, what each verb takes and gives, parameters, references."""
    entry, cls = registry.find(name), registry.load(name)
    text = markdown(_SECTION.split(inspect.getdoc(cls) or entry.summary)[0])
    parts = [f"({_anchor(name)})=\n### `{name}`", f"*{entry.kind}*: {entry.summary}.", text]
    parts += [_verb(cls, verb) for verb in verbs(cls)]
    fields = list(_fields(cls))
    parts.append(_table(("parameter", "takes", "default", ""), fields) if fields else "It has no parameters.")
    if cls.references:
        parts.append("References: " + ", ".join(f"{{cite:p}}`{key}`" for key in cls.references))
    return "\n\n".join(parts)


def markdown(text: str) -> str:
    """A docstring's markup as Markdown: citations, formulas, roles."""
    text = _MATH.sub(lambda m: "```{math}\n" + inspect.cleandoc(m[1]) + "\n```", text.strip())
    text = re.sub(r":(?:math):`([^`]+)`", r"{math}`\1`", text)
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text)
    return _CITATION.sub(r"{cite:p}`\1`", text)


def _verb(cls: Any, verb: str) -> str:
    found = signature(cls, verb)
    told = inspect.getdoc(getattr(cls, verb)) or ""
    notes = _port_notes(told)
    gives = describe(found.output)
    if found.fields:
        gives = ", ".join(f"{name}: {describe(hint)}" for name, hint in found.fields.items())
    rows = [(f"`{port.name}`", f"`{port_type(port)}`", _need(port, notes.get(port.name, ""))) for port in found.inputs]
    rows.append(("*gives*", f"`{gives}`", _returned(told)))
    name = "call" if verb == "__call__" else verb
    summary = markdown(_SECTION.split(told)[0]).replace("\n\n", " ").replace("\n", " ")
    context = " It gets the run's context: seed, device, progress." if found.takes_ctx else ""
    return f"**{name}**: {summary}{context}\n\n" + _table(("port", "type", ""), rows)


def _need(port: Any, note: str) -> str:
    if port.required:
        need = "May be filled by `with`." if port.plain else ""
    else:
        need = "Optional." if port.default is None else f"Default `{port.default!r}`."
    return f"{note} {need}".strip()


def _port_notes(told: str) -> dict[str, str]:
    """What a docstring's section `Parameters` says of each port."""
    parts = _SECTION.split(told)
    text = parts[parts.index("Parameters") + 1] if "Parameters" in parts else ""
    notes = {}
    for match in re.finditer(r"^(\w[\w, ]*) : .*\n((?:[ \t]+.*\n?)+)", text, re.MULTILINE):
        for name in match[1].split(","):
            notes[name.strip()] = " ".join(markdown(match[2]).split())
    return notes


def _returned(told: str) -> str:
    parts = _SECTION.split(told)
    text = parts[parts.index("Returns") + 1] if "Returns" in parts else ""
    return " ".join(markdown("\n".join(text.splitlines()[1:])).split())


def _fields(cls: Any) -> Iterator[tuple[str, str, str, str]]:
    for name, field in cls.model_fields.items():
        limits = parameter_limits(field)
        kind = f"`{parameter_type(field.annotation)}`" + (f" {limits}" if limits else "")
        default = "required" if field.is_required() else f"`{parameter_default(field)}`"
        yield f"`{name}`", kind, default, markdown(" ".join((field.description or "").split()))


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    if not head[-1] and not any(line[-1] for line in rows):  # nobody has a remark
        head, rows = head[:-1], [line[:-1] for line in rows]
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def _anchor(name: str) -> str:
    return "component-" + name.replace(".", "-").replace("_", "-")
