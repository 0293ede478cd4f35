"""Values to safetensors and back, generic over their dataclass fields. No pickle, no import paths.

Tensors go into the file's tensor table under the path of their field (`law.mean`); all else goes into one JSON text of
its metadata. A type is written by its public name and found again by it, so a file can make nothing but values.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open

from otframe.errors import DataError, OtframeError, UnknownNameError
from otframe.values.base import Value

__all__ = ["VERSION", "Names", "decode", "encode", "from_bytes", "load", "save", "to_bytes", "type_of"]

VERSION = 1
"""Version of the encoding; newer ones are refused."""

_KEY = "otframe"


class Names(Protocol):
    """What the codec needs of a registry: value types by name and names of value types."""

    def load(self, name: str, table: str = "component") -> Any:
        """The type of a name."""

    def name_of(self, target: type) -> str:
        """The public name of a type, with a colon where it has none."""


def encode(value: Value, registry: Names) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors by field path, on the CPU, and a header of plain JSON values.

    Raises `DataError` for types that are not registered and for contents that are not values, tensors or plain data.
    """
    tensors: dict[str, torch.Tensor] = {}
    body = _put(value, "", tensors, registry)
    if "$value" not in body:
        raise DataError(f"wanted a value, got {type(value).__name__}")
    return tensors, {"version": VERSION, "value": body}


def decode(tensors: Mapping[str, torch.Tensor], header: Mapping[str, Any], registry: Names) -> Value:
    """The value of what `encode` gave."""
    try:
        value = _make(_body(header), tensors, registry)
    except OtframeError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, RuntimeError) as error:
        raise DataError(f"the value is damaged: {type(error).__name__}: {error}") from error
    if not isinstance(value, Value):
        raise DataError("the value is damaged: it names no type")
    return value


def to_bytes(value: Value, registry: Names) -> bytes:
    """One safetensors file as bytes; equal values give equal bytes."""
    tensors, header = encode(value, registry)
    data: bytes = safetensors.torch.save(tensors, {_KEY: _json(header)})
    return data


def from_bytes(data: bytes, registry: Names) -> Value:
    """The value of bytes that `to_bytes` gave."""
    try:
        end = 8 + int.from_bytes(data[:8], "little")
        if len(data) < 8 or end > len(data):
            raise DataError("the value is cut short")
        header = json.loads(data[8:end]).get("__metadata__", {})
        tensors = safetensors.torch.load(data)
    except (SafetensorError, ValueError, AttributeError, RecursionError) as error:
        raise DataError(f"the value is damaged: {error}") from error
    return decode(tensors, _header(header, "the value"), registry)


def save(value: Value, path: str | Path, registry: Names) -> None:
    """Write a value's file; `otframe.io.write` makes it atomic."""
    Path(path).write_bytes(to_bytes(value, registry))


def load(path: str | Path, registry: Names) -> Value:
    """Read a value's file; `DataError` with the path where it is damaged or no value of otframe's."""
    try:
        with safe_open(str(path), "pt") as file:
            header = _header(file.metadata() or {}, str(path))
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    try:
        return decode(tensors, header, registry)
    except DataError as error:
        raise DataError(f"{path}: {error.message}", hint=error.hint) from error


def type_of(path: str | Path, registry: Names) -> type[Value]:
    """The type that a file holds, from its header alone."""
    try:
        with safe_open(str(path), "pt") as file:
            header = _header(file.metadata() or {}, str(path))
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    body = _body(header)
    return _type(body.get("$value") if isinstance(body, Mapping) else None, registry)


def _put(item: Any, path: str, tensors: dict[str, torch.Tensor], registry: Names) -> Any:
    """The JSON form of anything that a field may hold; tensors are put aside."""
    if isinstance(item, Value):
        name = registry.name_of(type(item))
        if ":" in name or not dataclasses.is_dataclass(item):
            raise DataError(f"{type(item).__name__} cannot be stored: it is not a registered value type")
        stored = [f.name for f in dataclasses.fields(item) if f.init]
        fields = {n: _put(getattr(item, n), f"{path}.{n}" if path else n, tensors, registry) for n in stored}
        return {"$value": name, "fields": fields}
    if isinstance(item, torch.Tensor):
        return _put_tensor(item, path, tensors)
    if item is None or isinstance(item, (bool, int, str)):
        return item
    if isinstance(item, float):
        return item if math.isfinite(item) else {"$float": repr(item)}
    if isinstance(item, bytes):
        return {"$bytes": base64.b64encode(item).decode("ascii")}
    if isinstance(item, (tuple, list)):
        items = [_put(part, f"{path}.{k}", tensors, registry) for k, part in enumerate(item)]
        return {"$tuple": items} if isinstance(item, tuple) else items
    if isinstance(item, Mapping) and all(isinstance(key, str) for key in item):
        return {"$map": {key: _put(part, f"{path}.{key}", tensors, registry) for key, part in item.items()}}
    raise DataError(f"'{path}' holds {type(item).__name__}, which cannot be stored", hint="tensors and plain data can")


def _put_tensor(item: torch.Tensor, path: str, tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
    item = item.detach().cpu()
    if item.layout is not torch.strided:
        sparse = torch.Tensor.to_sparse(item).coalesce()
        tensors[f"{path}.indices"], tensors[f"{path}.values"] = sparse.indices().clone(), sparse.values().clone()
        return {"$sparse": path, "size": list(item.shape)}
    # a copy of its own: views share storage, which the format refuses
    tensors[path] = item.clone(memory_format=torch.contiguous_format)
    return {"$tensor": path}


def _make(body: Any, tensors: Mapping[str, torch.Tensor], registry: Names) -> Any:
    if isinstance(body, list):
        return [_make(part, tensors, registry) for part in body]
    if not isinstance(body, Mapping):
        return body
    if "$value" in body:
        return _make_value(body, tensors, registry)
    if "$tensor" in body:
        return tensors[body["$tensor"]]
    if "$sparse" in body:
        indices, values = tensors[body["$sparse"] + ".indices"], tensors[body["$sparse"] + ".values"]
        return torch.sparse_coo_tensor(indices, values, body["size"], check_invariants=True).coalesce()
    if "$float" in body:
        return float(body["$float"])
    if "$bytes" in body:
        try:
            return base64.b64decode(body["$bytes"], validate=True)
        except binascii.Error as error:
            raise DataError(f"the value is damaged: {error}") from error
    if "$tuple" in body:
        return tuple(_make(part, tensors, registry) for part in body["$tuple"])
    return MappingProxyType({key: _make(part, tensors, registry) for key, part in body["$map"].items()})


def _make_value(body: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], registry: Names) -> Value:
    cls = _type(body["$value"], registry)
    known = {f.name for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]
    extra = sorted(set(body["fields"]) - known)
    if extra:
        raise DataError(
            f"{body['$value']} has no {', '.join(extra)}", hint="the file is of another version of the plugin"
        )
    return cls(**{name: _make(part, tensors, registry) for name, part in body["fields"].items()})


def _type(name: Any, registry: Names) -> type[Value]:
    if not isinstance(name, str):
        raise DataError("the value is damaged: it names no type")
    try:
        cls = registry.load(name, "value")
    except UnknownNameError as error:
        raise DataError(f"it holds a '{name}', which no installed plugin offers", hint=error.hint) from error
    if not (isinstance(cls, type) and issubclass(cls, Value) and dataclasses.is_dataclass(cls)):
        raise DataError(f"'{name}' is no value type")
    return cls


def _header(metadata: Mapping[str, str], where: str) -> dict[str, Any]:
    if not isinstance(metadata, Mapping) or _KEY not in metadata:
        raise DataError(f"{where} is not a value of otframe's", hint="weights of a network are given to a model")
    try:
        header = json.loads(metadata[_KEY])
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is damaged: {error}") from error
    if not isinstance(header, dict):
        raise DataError(f"{where} is damaged: its header is no object")
    return header


def _body(header: Mapping[str, Any]) -> Any:
    if header.get("version") != VERSION:
        raise DataError(
            f"the value has encoding version {header.get('version')!r}, this otframe reads {VERSION}",
            hint="install the otframe that wrote it, or a newer one",
        )
    return header.get("value")


def _json(header: Mapping[str, Any]) -> str:
    return json.dumps(header, sort_keys=True, separators=(",", ":"), allow_nan=False)
