"""Pipelines by name: those of the repository, and those of plugins."""

import pytest

from otframe.cli.find import find_pipeline, shipped, title_of
from otframe.errors import UnknownNameError
from otframe.plugin import Entry
from otframe.registry import Registry


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A registry with a plugin that ships one pipeline."""
    package = tmp_path / "some_plugin_with_pipelines"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "brighter.yaml").write_text("otframe: 1\ntitle: 'Brighter'\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry(points=[])
    entry = Entry("brighter", "some_plugin_with_pipelines:brighter.yaml", "pipeline", "brighter photographs")
    registry._tables["pipeline"]["brighter"] = (entry, "some")
    return registry


def test_names_of_core_and_plugins(plugin):
    names = shipped(plugin)
    assert {"restoration", "brighter"} <= set(names)
    assert all(path.is_file() for path in names.values())
    assert title_of(find_pipeline("brighter", plugin)) == "Brighter"


def test_a_file_comes_before_a_name(plugin, tmp_path):
    (tmp_path / "brighter").write_text("otframe: 1\n")
    assert find_pipeline("brighter", plugin).name == "brighter"


def test_near_names_are_told(plugin):
    with pytest.raises(UnknownNameError, match="did you mean 'brighter'"):
        find_pipeline("brihgter", plugin)
