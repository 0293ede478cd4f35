"""`Violation`: what a check raises, and how it names what is at fault."""

from __future__ import annotations

import importlib
from typing import Any

from otframe.errors import PluginError

__all__ = ["Violation", "need"]


class Violation(AssertionError):  # noqa: N818 - no error of the kit: what it found
    """A component breaks a rule. The message names the component, what it did, and where."""


def need(module: str) -> Any:
    """A library of the extra `test`; `PluginError` says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise PluginError(
            f"otframe.testing needs {module} here, which cannot be imported: {error}",
            hint='pip install "otframe[test]"',
        ) from error
