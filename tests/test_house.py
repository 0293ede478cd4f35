"""The rules of the house that no linter knows."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from otframe.interfaces import Component
from otframe.ports import signature, verbs
from otframe.registry import Registry

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for folder in ("otframe", "plugins", "tests", "docs")
    for path in (ROOT / folder).rglob("*.py")
    if not {".venv", "build", "_build"} & set(path.parts)
)
PLUGINS = sorted(path for path in (ROOT / "plugins").iterdir() if (path / "pyproject.toml").is_file())
CITED = re.findall(r"^@\w+\{([^,]+),", (ROOT / "docs" / "references.bib").read_text(), re.MULTILINE)
KEYS = set(CITED)
COMPONENTS = [entry.name for entry, plugin in Registry.installed().entries()]


def imports(path):
    """The modules that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_files_are_small(path):
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_plugins_import_only_the_core_and_never_one_another(plugin):
    own = plugin.name.replace("-", "_")
    for path in (plugin / "src").rglob("*.py"):
        for module in imports(path):
            top = module.partition(".")[0]
            assert not (top.startswith("otframe_") and top != own), f"{name(path)} imports {module}"
            assert top != "torchvision", f"{name(path)} imports {module}"
            assert not any(part.startswith("_") for part in module.split(".")[1:]), f"{name(path)} imports {module}"


@pytest.mark.parametrize("path", sorted((ROOT / "otframe").rglob("*.py")), ids=name)
def test_the_core_imports_no_plugin_and_no_torchvision(path):
    for module in imports(path):
        assert not module.startswith("otframe_"), f"{name(path)} imports {module}"
        assert module.partition(".")[0] != "torchvision"


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_entry_modules_load_nothing_heavy(plugin):
    module = plugin.name.replace("-", "_")
    heavy = "{'torch', 'cv2', 'numpy', 'scipy', 'pydantic', 'OpenImageIO'}"
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_plugins_declare_ranges_and_leave_opencv_to_the_core(plugin):
    text = (plugin / "pyproject.toml").read_text()
    assert re.search(r'"otframe>=[\d.]+,<[\d.]+"', text)
    dependencies = re.findall(r'"([A-Za-z][\w.-]*(?:\[[^\]]*\])?\s*[<>=!~][^"]*)"', text)
    assert not [d for d in dependencies if "==" in d]
    assert not [d for d in dependencies if d.startswith("opencv")]
    assert (plugin / "README.md").read_text().strip()


@pytest.mark.parametrize("component", COMPONENTS)
def test_components_are_typed_documented_and_cite_known_works(component):
    cls = Registry.installed().load(component)
    assert issubclass(cls, Component)
    assert cls.__doc__
    assert verbs(cls)
    for verb in verbs(cls):
        assert signature(cls, verb).output is not None
    assert not set(cls.references) - KEYS, "add the work to docs/references.bib"
    for field_name, field in cls.model_fields.items():
        assert field.description, f"parameter '{field_name}' has no docstring"


def test_no_work_has_the_key_of_another():
    assert sorted(CITED) == sorted(KEYS)


def test_cited_keys_in_prose_exist():
    """Keys written in docstrings as `name2001word` or in the references of components."""
    for path in sorted((ROOT / "otframe").rglob("*.py")) + sorted((ROOT / "plugins").rglob("src/**/*.py")):
        for key in re.findall(r"[`\"]([a-z]+(?:19|20)\d\d[a-z]+)[`\"]", path.read_text()):
            assert key in KEYS, f"{name(path)} cites {key}"
