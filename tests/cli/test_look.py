"""Commands that look at pipelines and at what is installed."""

from importlib.metadata import EntryPoint

import pytest

from otframe.registry import Registry


@pytest.fixture
def broken(monkeypatch):
    points = [EntryPoint("broken", "no_such_module_anywhere", "otframe")]
    monkeypatch.setattr("otframe.registry._installed", Registry(points=points))


def test_check_prints_nodes_inputs_and_what_is_left_out(otframe, pipeline):
    done = otframe("check", pipeline)
    assert done.code == 0, done.err
    lines = {line.split()[0]: line for line in done.out.splitlines() if line.split()}
    assert "must be given" in lines["photos"]
    assert "default: others" in lines["others"]
    assert "image.blend" in lines["mixed"] or "from mixed" in lines["mixed"]
    assert "⇉ map" in lines["patches/1"]
    assert "PatchSet[Image][]" in lines["patches/1"]
    assert "no output depends on it" in lines["aside"]
    assert "with only what must be given, 'more' is left out: input 'extra' was not given" in done.out
    assert done.out.rstrip().endswith("ok")


def test_check_tells_the_place_of_a_mistake(otframe, pipeline):
    pipeline.write_text(pipeline.read_text().replace("weight: $share", "weihgt: $share"))
    done = otframe("check", pipeline)
    assert done.code == 2
    assert done.err.startswith(f"{pipeline}:10:")
    assert "weihgt" in done.err


def test_graph_as_mermaid_and_svg(otframe, pipeline, tmp_path):
    drawn = otframe("graph", pipeline)
    assert drawn.out.startswith("flowchart TD\n")
    assert "==>" in drawn.out
    assert "image.blend" in drawn.out
    assert otframe("graph", pipeline, "-o", tmp_path / "g.svg").code == 0
    text = (tmp_path / "g.svg").read_text()
    assert text.startswith("<svg")
    assert "mixed" in text
    assert otframe("graph", pipeline, "--format", "png").code == 2


def test_list(otframe):
    done = otframe("list")
    assert "image.blend" in done.out
    assert "(1 - weight) a + weight b" in done.out
    assert "Image" in otframe("list", "--table", "value").out
    assert "serial" in otframe("list", "-t", "executors").out
    assert otframe("list", "--kind", "transform").code == 0
    wrong = otframe("list", "--table", "excutor")
    assert wrong.code == 2
    assert "did you mean 'executor'?" in wrong.err
    assert otframe("list", "--kind", "transfrom").code == 2


def test_list_and_plugins_tell_of_broken_plugins(otframe, broken):
    assert "not loaded: broken" in otframe("list").out
    told = otframe("plugins").out
    assert "failed" in told
    assert "no_such_module_anywhere" in told
    assert "pip install" in told


def test_show(otframe):
    done = otframe("show", "patch.unfold")
    assert done.code == 0, done.err
    assert "PatchSet" in done.out
    assert "size" in done.out
    assert "default" in done.out
    unknown = otframe("show", "patch.unfodl")
    assert unknown.code == 2
    assert "did you mean 'patch.unfold'" in unknown.err


def test_shipped_pipelines_have_names(otframe):
    assert "restoration" in otframe("list", "--table", "pipeline").out


def test_version_and_usage(otframe):
    assert otframe("--version").out.startswith("otframe ")
    assert otframe("no-such-command").code == 2
