"""What a plugin as a whole must do: a light entry module, and values that are documented and can be stored."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from otframe.errors import OtframeError
from otframe.registry import Plugin, Registry
from otframe.testing.samples import samples
from otframe.testing.snapshot import difference, snapshot
from otframe.testing.violation import Violation
from otframe.values import Value, codec

__all__ = ["HEAVY", "PLUGIN_CHECKS", "entry_light", "values"]

HEAVY = ("torch", "numpy", "scipy", "cv2", "OpenImageIO", "pydantic", "PIL", "matplotlib", "skimage", "sklearn")
"""What listing the installed components must not import."""


def entry_light(plugin: Plugin, registry: Registry) -> None:
    """Importing the plugin's entry module and asking its hooks loads nothing heavy."""
    modules = sorted({entry.target.partition(":")[0].partition(".")[0] for entry in plugin.entries})
    module = "otframe.builtin" if plugin.name == "otframe" else _entry_module(plugin, modules)
    code = (
        f"import json, sys, importlib\nsys.path[:0] = {[p for p in sys.path if p]!r}\n"
        f"m = importlib.import_module({module!r})\n"
        "[list(getattr(m, name)()) for name in dir(m) if hasattr(getattr(m, name), 'otframe_impl')]\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1]
        raise Violation(f"plugin '{plugin.name}': its entry module {module} fails: {last}")
    heavy = json.loads(done.stdout.strip().splitlines()[-1])
    if heavy:
        raise Violation(
            f"plugin '{plugin.name}': importing its entry module {module} loads {', '.join(heavy)}; "
            "name the classes in entries, and import them nowhere else"
        )


def _entry_module(plugin: Plugin, modules: list[str]) -> str:
    from importlib.metadata import entry_points

    found = [point for point in entry_points(group="otframe") if point.name == plugin.name]
    return found[0].module if found else modules[0] if modules else plugin.name


def values(plugin: Plugin, registry: Registry) -> None:
    """Value types are frozen dataclasses whose docstring tells the shapes; samples of them survive storing."""
    own = [entry.name for entry in plugin.entries if entry.kind == "value"]
    known = samples(registry)
    for name in own:
        try:
            cls = registry.load(name, "value")
        except OtframeError as error:
            raise Violation(f"value '{name}': {error.message}") from error
        if not (isinstance(cls, type) and issubclass(cls, Value) and dataclasses.is_dataclass(cls)):
            raise Violation(f"value '{name}': {cls!r} is no dataclass derived from otframe.values.Value")
        if not cls.__dataclass_params__.frozen:
            raise Violation(f"value '{name}': write @dataclass(frozen=True): what is on a wire is never changed")
        _documented(name, cls)
        for sample in known:
            if (getattr(sample.hint, "__origin__", None) or sample.hint) is cls:
                _stored(name, sample.make(0), registry)


def _documented(name: str, cls: type[Any]) -> None:
    text = "\n".join(base.__doc__ or "" for base in cls.__mro__ if dataclasses.is_dataclass(base))
    if not cls.__dict__.get("__doc__") or cls.__doc__.startswith(f"{cls.__name__}("):  # type: ignore[union-attr]
        raise Violation(f"value '{name}': its class has no docstring")
    hints = inspect.get_annotations(cls)
    for field in dataclasses.fields(cls):
        if "Tensor" not in str(hints.get(field.name, field.type)):
            continue
        if not re.search(rf"\b{field.name}\b", text) or not re.search(r"\([a-zA-Z0-9]+,[^()]*\)", text):
            raise Violation(f"value '{name}': its docstring does not tell '{field.name}' and its shape, such as (n, d)")


def _stored(name: str, value: Any, registry: Registry) -> None:
    try:
        back = codec.from_bytes(codec.to_bytes(value, registry), registry)
    except OtframeError as error:
        raise Violation(f"value '{name}' cannot be stored: {error.message}") from error
    told = difference(snapshot(value), snapshot(back))
    if told:
        raise Violation(f"value '{name}' comes back changed from storing: {told}")


PLUGIN_CHECKS: dict[str, Callable[[Plugin, Registry], None]] = {"entry_light": entry_light, "values": values}
