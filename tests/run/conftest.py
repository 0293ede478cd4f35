"""A registry of toy components, and a shorthand to run a pipeline's text with it."""

import importlib.util
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from otframe import Pipeline
from otframe.registry import Registry


@pytest.fixture(scope="session")
def toys():
    name = "otframe_run_toys"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("toys.py"))
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    sys.modules[name].LOG.clear()
    return sys.modules[name]


@pytest.fixture
def registry(toys):
    toys.LOG.clear()
    toys.PEAK[0] = 0
    toys.Doubler.loads.clear()
    found = Registry(points=[EntryPoint("toys", "otframe_run_toys", "otframe")])
    assert not found.failures()
    return found


@pytest.fixture
def run(registry):
    """Run `nodes` and `outputs` (YAML) over inputs given from Python."""

    def call(text, *, inputs=None, **options):
        return Pipeline.from_text("otframe: 1\n" + text, registry).run(inputs or {}, **options)

    return call


@pytest.fixture
def images():
    """Images whose mean tells which one they are."""

    def make(*names, side=4):
        return {name: np.full((side, side, 3), (i + 1) / 10, np.float32) for i, name in enumerate(names)}

    return make
