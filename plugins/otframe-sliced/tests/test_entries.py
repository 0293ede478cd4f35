"""The entry module is light, and what it lists exists."""

from __future__ import annotations

import importlib
import subprocess
import sys

import otframe_sliced


def test_entries_point_at_components():
    for entry in otframe_sliced.otframe_components():
        module, _, name = entry.target.partition(":")
        component = getattr(importlib.import_module(module), name)
        assert component.__doc__
        assert component.references
        assert component.examples()


def test_importing_the_plugin_loads_nothing_heavy():
    code = "import sys, otframe_sliced; print({'torch', 'numpy', 'pydantic', 'ot'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
