"""otframe: optimal transport on images, as a framework of plugins.

Importing this package loads neither torch nor OpenCV: names are imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from otframe.version import __version__

_EXPORTS = {
    "Component": "otframe.interfaces",
    "Solver": "otframe.interfaces",
    "Transform": "otframe.interfaces",
    "Accumulator": "otframe.interfaces",
    "Model": "otframe.interfaces",
    "Context": "otframe.interfaces",
    "Image": "otframe.values",
    "OtframeError": "otframe.errors",
    "Pipeline": "otframe.run",
    "Registry": "otframe.registry",
    "component": "otframe.graph",
    "load": "otframe.run",
}

__all__ = ["__version__", *_EXPORTS]

if TYPE_CHECKING:
    from otframe.errors import OtframeError as OtframeError
    from otframe.graph import component as component
    from otframe.interfaces import Accumulator as Accumulator
    from otframe.interfaces import Component as Component
    from otframe.interfaces import Context as Context
    from otframe.interfaces import Model as Model
    from otframe.interfaces import Solver as Solver
    from otframe.interfaces import Transform as Transform
    from otframe.registry import Registry as Registry
    from otframe.run import Pipeline as Pipeline
    from otframe.run import load as load
    from otframe.values import Image as Image


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(importlib.import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'otframe' has no attribute '{name}'")
