"""A JSON Schema of pipeline files with everything that is installed: editors complete and check by it.

Put `# yaml-language-server: $schema=otframe.schema.json` in the first line of a pipeline, or name the file in the
editor's settings.
"""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from otframe.errors import OtframeError
from otframe.graph.parse import OPTIONS, VERSION
from otframe.interfaces import Component
from otframe.ports import signature, verbs
from otframe.registry import Registry

__all__ = ["pipeline_schema"]

_PARAM = {"type": "string", "pattern": r"^\$[A-Za-z_]\w*$", "description": "a parameter of the pipeline"}
_NAMES = {"pattern": r"^[A-Za-z_][A-Za-z0-9_]*$"}
_WIRING = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
        {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1},
    ]
}


def pipeline_schema(registry: Registry) -> dict[str, Any]:
    """The schema, draft 2020-12. Components that cannot be imported are left without parameters."""
    parameters: dict[str, dict[str, Any]] = {}
    for entry, _ in registry.entries():
        parameters[entry.name] = {"description": entry.summary, **_parameters(registry, entry.name)}
    types = [entry.name for entry, _ in registry.entries("value")]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "otframe pipeline",
        "type": "object",
        "required": ["otframe", "nodes", "outputs"],
        "additionalProperties": False,
        "properties": {
            "otframe": {"const": VERSION},
            "title": {"type": "string"},
            "description": {"type": "string"},
            "params": {"type": "object", "propertyNames": _NAMES},
            "matrix": {"type": "object", "additionalProperties": {"type": "array", "minItems": 1}},
            "inputs": {"type": "object", "propertyNames": _NAMES, "additionalProperties": {"$ref": "#/$defs/input"}},
            "nodes": {"type": "object", "propertyNames": _NAMES, "additionalProperties": {"$ref": "#/$defs/node"}},
            "outputs": {"type": "object", "propertyNames": _NAMES, "additionalProperties": {"$ref": "#/$defs/output"}},
        },
        "$defs": {
            "input": _input(types),
            "output": _output(),
            "options": _options(),
            "use": {"anyOf": [{"enum": sorted(parameters)}, {"type": "string"}]},
            "link": _link(parameters),
            "step": _step(parameters),
            "node": {
                "anyOf": [
                    {"type": "string"},
                    {"$ref": "#/$defs/link"},
                    {
                        "type": "object",
                        "required": ["steps"],
                        "properties": {
                            "in": {"anyOf": [_WIRING, {"type": "object", "additionalProperties": _WIRING}]},
                            "steps": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/step"}},
                            **_options()["properties"],
                        },
                        "additionalProperties": False,
                    },
                ]
            },
        },
    }


def _parameters(registry: Registry, name: str) -> dict[str, Any]:
    """The schema of a component's `with`: its own parameters and the plain ports of its verb."""
    try:
        cls = registry.load(name)
        if not (isinstance(cls, type) and issubclass(cls, Component)):
            return {"type": "object"}
        ports = [port for verb in verbs(cls)[:1] for port in signature(cls, verb).inputs]
    except OtframeError:
        return {"type": "object"}
    own = {} if _nested(cls) else cls.model_json_schema()
    if not own or "$defs" in own:  # references inside it would not be found from where it stands
        own = {"properties": {key: {} for key in cls.model_fields}}
    properties = {key: _or_param(value) for key, value in own.get("properties", {}).items()}
    for port in ports:
        if port.plain and port.name not in properties:
            properties[port.name] = _or_param(TypeAdapter(port.hint).json_schema())
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _nested(cls: type[Component]) -> bool:
    """Whether a parameter is itself a component, whose own schema says nothing about `{use, with}`."""
    return any(repr(field.annotation).count("otframe") for field in cls.model_fields.values())


def _or_param(schema: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {key: schema[key] for key in ("description", "default", "title") if key in schema}
    return {**kept, "anyOf": [schema, _PARAM]} if schema else {}


def _link(parameters: dict[str, dict[str, Any]]) -> dict[str, Any]:
    cases = [
        {"if": {"properties": {"use": {"const": name}}}, "then": {"properties": {"with": schema}}}
        for name, schema in sorted(parameters.items())
    ]
    return {
        "type": "object",
        "required": ["use"],
        "properties": {
            "use": {"$ref": "#/$defs/use"},
            "in": {"anyOf": [_WIRING, {"type": "object", "additionalProperties": _WIRING}]},
            "with": {"type": "object"},
            **_options()["properties"],
        },
        "additionalProperties": False,
        "allOf": cases,
    }


def _step(parameters: dict[str, dict[str, Any]]) -> dict[str, Any]:
    short = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": dict(sorted(parameters.items())),
        "not": {"required": ["use"]},
    }
    return {"anyOf": [{"enum": sorted(parameters)}, {"type": "string"}, short, {"$ref": "#/$defs/link"}]}


def _input(types: list[str]) -> dict[str, Any]:
    named = {"anyOf": [{"enum": [name + end for name in types for end in ("", "[]")]}, {"type": "string"}]}
    source = {"type": "object", "required": ["from"], "properties": {"from": {"type": "string"}}}
    properties = {
        "type": named,
        "default": {"anyOf": [{"type": "string"}, source]},
        "optional": {"type": "boolean"},
        "unless": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "doc": {"type": "string"},
    }
    full = {"type": "object", "required": ["type"], "properties": properties, "additionalProperties": False}
    return {"anyOf": [named, full]}


def _output() -> dict[str, Any]:
    properties = {name: {"type": "string"} for name in ("from", "to", "before", "doc")}
    full = {"type": "object", "required": ["from"], "properties": properties, "additionalProperties": False}
    return {"anyOf": [{"type": "string"}, full]}


def _options() -> dict[str, Any]:
    kinds: dict[Any, dict[str, Any]] = {bool: {"type": "boolean"}, str: {"type": "string"}}
    found = {k: {"enum": list(v)} if isinstance(v, tuple) else kinds[v] for k, v in OPTIONS.items()}
    return {"type": "object", "properties": found}
