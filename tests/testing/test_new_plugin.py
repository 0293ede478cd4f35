"""`otframe new-plugin`: what it makes installs, is listed, and passes its own tests."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from otframe.cli.main import app
from otframe.errors import ParameterError
from otframe.templates import plugin_names, render

LIST = "import sys; sys.argv[1:] = ['list']; from otframe.cli.main import main; main()"


def run(*arguments, cwd, **environment):
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def command(*arguments):
    with pytest.raises(SystemExit) as ended:
        app(["new-plugin", *map(str, arguments)])
    return ended.value.code or 0


def test_a_new_plugin_installs_and_passes_its_own_tests(tmp_path, capsys):
    assert command("texture-mix", "--dir", tmp_path) == 0
    assert "otframe_texture_mix/contrast.py" in capsys.readouterr().out
    plugin, site = tmp_path / "otframe-texture-mix", tmp_path / "site"
    options = ("-q", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index")
    run("-m", "pip", "install", *options, "--target", site, plugin, cwd=tmp_path)

    told = run("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=plugin, PYTHONPATH=str(site))
    assert "passed" in told
    assert "skipped" not in told

    listed = run("-c", LIST, cwd=tmp_path, PYTHONPATH=str(site))
    assert "texture_mix.contrast" in listed
    assert "texture_mix.transport" in listed


@pytest.mark.parametrize("name", ["Texture", "texture_mix", "-a", "a-", "a--b", "1a", "", "../x", "otframe", "a b"])
def test_names_that_cannot_be(name):
    with pytest.raises(ParameterError, match="cannot name a plugin"):
        plugin_names(name)


def test_the_prefix_is_not_doubled():
    assert plugin_names("otframe-texture-mix") == plugin_names("texture-mix")
    assert plugin_names("texture-mix").title == "Texture mix"


def test_nothing_is_overwritten(tmp_path, capsys):
    (tmp_path / "otframe-mine").mkdir()
    assert command("mine", "--dir", tmp_path) == 2
    assert "exists already" in capsys.readouterr().err
    assert list((tmp_path / "otframe-mine").iterdir()) == []


def test_the_name_of_an_installed_plugin_is_refused(tmp_path, registry, monkeypatch, capsys):
    registry.add("mine.scale", type("Scale", (), {}), kind="transform", plugin="mine")
    assert command("mine", "--dir", tmp_path) == 2
    assert "is installed already" in capsys.readouterr().err


def test_no_placeholder_is_left(tmp_path):
    for path in render(plugin_names("a1"), tmp_path / "x"):
        text = path.read_text()
        assert "$" not in text
        assert "__package__" not in f"{path}{text}"
        assert all(len(line) <= 120 for line in text.splitlines())
