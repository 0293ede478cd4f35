"""What a link uses: a component and its verb, a model as a value, or a verb of a model that comes by wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_origin

from otframe.errors import OtframeError, PluginError, UnknownNameError, Where, WiringError
from otframe.graph.graph import Node, Ref
from otframe.graph.wiring import type_of
from otframe.interfaces import Component, Model, Solver, Transform
from otframe.ports import describe, verbs
from otframe.registry import Registry, nearest, suggest

__all__ = ["Target", "component_target", "verb_target"]


@dataclass(frozen=True)
class Target:
    """A component's class and verb; no verb for a model as a value; `model` for node.verb."""

    use: str
    cls: type[Component]
    verb: str
    model: Ref | None = None


def component_target(use: str, registry: Registry, where: Where | None, *, called: bool) -> Target:
    """The component that a name means; a model is a value unless it is `called`, in a step or with wires."""
    try:
        cls = registry.load(use)
    except OtframeError as error:
        raise error.at(where=where) from error.__cause__
    if not (isinstance(cls, type) and issubclass(cls, Solver | Transform | Model)):
        raise PluginError(
            f"'{use}' is no solver, transform, accumulator or model",
            hint="tell the plugin's authors: a component derives from one of these",
            where=where,
        )
    found = verbs(cls)
    if issubclass(cls, Model) and not called:
        return Target(use, cls, "")
    if len(found) != 1:
        raise WiringError(
            f"'{use}' is a model with the verbs {', '.join(found) or 'none'}; say which",
            hint=f"make it a node of its own, `m: {{use: {use}}}`, and use `m.{found[0] if found else 'verb'}`",
            where=where,
        )
    return Target(use, cls, found[0])


def verb_target(use: str, ref: Ref, registry: Registry, nodes: dict[str, Node], where: Where | None) -> Target:
    """The verb of a model that some node gives."""
    owner, _, verb = use.partition(".")
    try:
        type_ = type_of(ref, nodes)
    except WiringError as error:
        raise error.at(where=where) from None
    cls = get_origin(type_) or type_
    if not (isinstance(cls, type) and issubclass(cls, Model)):
        near = nearest(use, (entry.name for entry, _ in registry.entries()))
        raise WiringError(
            f"'{owner}' gives {describe(type_)}; only a node that gives a model can be used as node.verb",
            hint=f"did you mean {near}?" if near else "`otframe list` shows the installed components",
            where=where,
        )
    if verb not in verbs(cls):
        raise UnknownNameError(
            f"model '{owner}' ({nodes[ref.node].use}) has no verb '{verb}'",
            hint=suggest(verb, verbs(cls), "its verbs"),
            where=where,
        )
    return Target(use, cls, verb, ref)
