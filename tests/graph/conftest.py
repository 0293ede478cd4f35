"""The registry of the graph's tests: the core and the plugin `toys`, whatever else is installed."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from otframe.graph import Graph, compile_graph, parse_document
from otframe.registry import Registry

_TOYS = "otframe_test_toys"


def _load_toys() -> None:
    if _TOYS not in sys.modules:
        spec = importlib.util.spec_from_file_location(_TOYS, Path(__file__).with_name("toys.py"))
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[_TOYS] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)


@pytest.fixture(scope="session")
def registry() -> Registry:
    _load_toys()
    registry = Registry(allow=["toys"], points=[EntryPoint("toys", _TOYS, "otframe")])
    assert not registry.failures()
    return registry


@pytest.fixture(scope="session")
def toys(registry: Registry) -> Any:
    return sys.modules[_TOYS]


@pytest.fixture(scope="session")
def compiled(registry: Registry) -> Callable[..., Graph]:
    """Compile a pipeline's text, without its first line `otframe: 1`."""

    def compiled(text: str, **options: Any) -> Graph:
        return compile_graph(parse_document("otframe: 1\n" + text), registry, **options)

    return compiled
