"""The outputs of a pipeline: what they come from, and their file names' templates."""

from __future__ import annotations

from string import Formatter

from otframe.errors import ParameterError, UnknownNameError, WiringError
from otframe.graph.document import Path
from otframe.graph.graph import Node, Output, Ref
from otframe.graph.scope import Absent, Scope
from otframe.registry import suggest

__all__ = ["make_output"]

_KEYED = ("stem", "key", "index")
_TEMPLATE = (*_KEYED, "suffix")


def make_output(scope: Scope, name: str) -> Output | Absent:
    """Check one output of the document; absent where what it comes from is."""
    doc = scope.names.doc
    spec, path = doc.outputs[name], ("outputs", name)
    at = (*path, "from") if (*path, "from") in doc.places else path
    ref = scope.ref(spec.source, at)
    if isinstance(ref, Absent):
        return ref
    node = scope.nodes[ref.node]
    if node.arrow == "model":
        raise WiringError(
            f"output '{name}' is a model, not a value",
            hint="name a node that uses one of its verbs",
            where=doc.where(*at),
        )
    before: Ref | None = None
    if spec.before:
        shown = scope.ref(spec.before, (*path, "before"))
        if isinstance(shown, Ref):
            scope.type_of(shown, (*path, "before"))
            before = shown
    to = None if spec.to is None else _template(scope, spec.to, (*path, "to"), node)
    return Output(name, ref, to, before, scope.type_of(ref, at), node.origins, doc.where(*path))


def _template(scope: Scope, text: str, path: Path, node: Node) -> str:
    """A file name's template, parameters filled in."""
    text = scope.names.params.text(text, path)
    where = scope.names.doc.where(*path)
    try:
        names = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
    except ValueError as error:
        raise ParameterError(
            f"'{text}' is no file name: {error}", hint="write {stem}, or {{ for a brace", where=where
        ) from None
    for name in names:
        if name not in _TEMPLATE:
            raise UnknownNameError(
                f"a file name has no '{{{name}}}'", hint=suggest(name, _TEMPLATE, "it may have"), where=where
            )
    if node.streams and not set(names) & set(_KEYED):
        raise ParameterError(
            f"the output is a stream, but its files would all be called '{text}'",
            hint="write {stem} into `to`, as in '{stem}.png'",
            where=where,
        )
    return text
