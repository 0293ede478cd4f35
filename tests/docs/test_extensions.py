"""The extensions of the documentation build on what is public."""

import ast
from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parents[2] / "docs" / "_ext").glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_private_is_imported(path):
    found = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ImportFrom)]
    names = [f"{node.module}.{alias.name}" for node in found for alias in node.names if node.module != "__future__"]
    assert not [name for name in names if any(part.startswith("_") for part in name.split("."))]
