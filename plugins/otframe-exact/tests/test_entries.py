"""The entry module is light, and what it lists exists."""

from __future__ import annotations

import importlib
import subprocess
import sys

import otframe_exact


def test_entries_point_at_components():
    for entry in otframe_exact.otframe_components():
        module, _, name = entry.target.partition(":")
        component = getattr(importlib.import_module(module), name)
        assert component.__doc__
        assert component.references
        for example in component.examples():
            assert component.model_validate(example.model_dump()) == example


def test_importing_the_plugin_loads_nothing_heavy():
    code = "import sys, otframe_exact; print(*(name in sys.modules for name in ('torch', 'ot', 'scipy')))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False"] * 3
