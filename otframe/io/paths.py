"""`safe_path`: where an output goes, rendered from a template, and never outside the output folder."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

from otframe.errors import OutputError, ParameterError
from otframe.registry import nearest

__all__ = ["safe_path"]

_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FORMAT = re.compile(r"0?[0-9]{0,2}d?")


def safe_path(out_dir: str | Path, template: str, **fields: str | int | float) -> Path:
    """The path of an output inside `out_dir`.

    Parameters
    ----------
    out_dir : str or Path
        The output folder; it need not exist.
    template : str
        Relative, with `/` between folders; `{stem}`, `{key}`, `{index:04d}`, ... are filled in from `fields`.
    **fields : str, int or float
        One name each; texts may not hold separators.

    Raises
    ------
    ParameterError
        The template is empty, absolute, climbs out, or has an unknown placeholder.
    OutputError
        A field cannot be part of a file name, or a link leads out of the folder.
    """
    _check_template(template)
    relative = _render(template, fields)
    parts = relative.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise ParameterError(
            f"'{template}' gives '{relative}', which is not a path inside the output folder",
            hint="write a relative path such as 'images/{stem}.png'",
        )
    root = Path(out_dir).resolve()
    path = Path(out_dir).joinpath(*parts)
    try:
        inside = path.resolve().is_relative_to(root)
    except (OSError, RuntimeError) as error:  # a loop of links
        raise OutputError(f"{path} cannot be followed: {error}") from error
    if not inside:
        raise OutputError(
            f"{path} leads out of {root} by a symbolic link", hint="remove the link or give another --out"
        )
    return path


def _check_template(template: str) -> None:
    reason = ""
    if not template.strip():
        reason = "is empty"
    elif _CONTROL.search(template):
        reason = "has control characters"
    elif template.startswith(("/", "~")) or _DRIVE.match(template):
        reason = "is not relative"
    elif "\\" in template:
        reason = "has a backslash; folders are separated by '/'"
    if reason:
        raise ParameterError(f"the output path {template!r} {reason}", hint="outputs stay inside the output folder")


def _render(template: str, fields: dict[str, str | int | float]) -> str:
    try:
        pieces = list(Formatter().parse(template))
    except ValueError as error:
        raise ParameterError(f"the output path '{template}' cannot be read: {error}") from error
    rendered = []
    for text, name, layout, conversion in pieces:
        rendered.append(text)
        if name is None:
            continue
        if name not in fields:
            near = nearest(name, fields)
            raise ParameterError(
                f"the output path '{template}' has an unknown placeholder '{{{name}}}'",
                hint=(f"did you mean {near}? " if near else "") + f"allowed: {', '.join(sorted(fields))}",
            )
        value = fields[name]
        if conversion or (layout and (not isinstance(value, int) or not _FORMAT.fullmatch(layout))):
            raise ParameterError(
                f"the output path '{template}' formats '{name}' in a way that is not allowed",
                hint="numbers may be padded, as in '{index:04d}'",
            )
        rendered.append(format(value, layout or "") if layout else _plain(str(value), name))
    return "".join(rendered)


def _plain(text: str, name: str) -> str:
    """A field's text, where it can be part of one file name."""
    if not text or text in (".", "..") or "/" in text or "\\" in text or _CONTROL.search(text) or _DRIVE.match(text):
        raise OutputError(
            f"{name} {text!r} cannot be part of a file name",
            hint="keys have no separators, drives or control characters",
            key=text if name in ("key", "stem") and text.isprintable() else "",
        )
    return text
