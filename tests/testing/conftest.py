"""The components that the kit is tested with: wrong in one way each, and right in unusual ways."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def wrong():
    return load("wrong")


@pytest.fixture(scope="session")
def right():
    return load("right")


def load(file):
    name = f"otframe_{file}_components"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{file}.py"))
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]
