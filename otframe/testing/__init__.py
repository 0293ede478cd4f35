"""The kit for authors of plugins: conformance checks, samples, closed forms, hypothesis strategies, pytest fixtures.

Importing this package needs neither pytest nor hypothesis and loads nothing heavy; what uses them says so where they
are missing (`pip install "otframe[test]"`).

>>> from otframe.testing import conformance
>>> test_conforms = conformance("otframe-gaussian")  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_EXPORTS = {
    "Case": "otframe.testing.suite",
    "OpenRegistry": "otframe.testing.registries",
    "Sample": "otframe.testing.samples",
    "Violation": "otframe.testing.violation",
    "cases": "otframe.testing.suite",
    "conformance": "otframe.testing.suite",
}

__all__ = [*_EXPORTS]

if TYPE_CHECKING:
    from otframe.testing.registries import OpenRegistry as OpenRegistry
    from otframe.testing.samples import Sample as Sample
    from otframe.testing.suite import Case as Case
    from otframe.testing.suite import cases as cases
    from otframe.testing.suite import conformance as conformance
    from otframe.testing.violation import Violation as Violation


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(importlib.import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'otframe.testing' has no attribute '{name}'")
