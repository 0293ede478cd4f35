"""Drawings among the outputs: their files, and how a report finds and names them."""

import pytest
import torch

from otframe import Pipeline, Registry
from otframe.run.report import Report
from otframe.run.report.drawings import drawings
from otframe.values import Drawing, PointCloud, PointMap, SolveInfo

TEXT = """
otframe: 1
inputs: {found: PointMap, only: PointCloud, clouds: "PointCloud[]"}
nodes:
  seen: {use: transport.plot, in: {transport: found, source: clouds, target: clouds}, with: {arrows: 7}}
  told: {use: transport.measure, in: {transport: found, source: only, target: only}}
  one: {use: transport.plot, in: {transport: found, source: only, target: only}}
outputs: {seen: seen, one: one}
"""


@pytest.fixture
def core():
    return Registry(points=[])


@pytest.fixture
def given():
    points = torch.rand(9, 2, generator=torch.Generator().manual_seed(0)).double()
    clouds = {"a": PointCloud(points), "<b>": PointCloud(points + 1)}
    return {"found": PointMap(0.0, SolveInfo(), points, points.flip(1)), "only": PointCloud(points), "clouds": clouds}


def test_drawings_are_written_as_svg_and_shown(core, given, tmp_path):
    report = Report(tmp_path / "report.html", core)
    text = TEXT.replace("outputs: {seen: seen,", 'outputs: {seen: {from: seen, to: "seen/{index}.svg"},')
    Pipeline.from_text(text, core).run(given, out=tmp_path, observers=[report])
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.svg")) == [
        "one.svg",
        "seen/0.svg",
        "seen/1.svg",
    ]
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count("<figure>") == page.count('class="drawing"') == 3
    assert 'href="./seen/0.svg"' in page
    assert "&lt;b&gt;" in page
    assert "<b><b>" not in page
    (tmp_path / "one.svg").write_text("<svg/>")
    assert [figure.name.partition(",")[0] for figure in drawings(report, core)[0]] == ["seen", "seen"], (
        "no drawing any more"
    )


def test_drawings_in_memory_and_as_values_are_shown_too(core, given, tmp_path):
    report = Report(tmp_path / "a.html", core)
    result = Pipeline.from_text(TEXT, core).run(given, observers=[report])
    assert isinstance(result.values["one"], Drawing)
    assert {figure.name for figure in drawings(report, core)[0]} == {"seen, a", "seen, <b>", "one"}
    assert all(figure.path is None for figure in drawings(report, core)[0])
    text = TEXT.replace("one: one}", "one: {from: one, to: one.safetensors}}").replace("seen: seen, ", "")
    Pipeline.from_text(text, core).run(given, out=tmp_path, observers=[report])
    (figure,) = drawings(report, core)[0]
    assert figure.path == tmp_path / "one.safetensors"
    assert figure.drawing == result.values["one"]


def test_the_first_are_shown_and_the_rest_is_counted(core, given, tmp_path):
    report = Report(tmp_path / "report.html", core, items=1)
    Pipeline.from_text(TEXT, core).run(given, observers=[report])
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count("<figure>") == 1
    assert "2 more drawings are not shown here" in page


def test_a_page_without_drawings_says_nothing_of_them(core, given, tmp_path):
    text = TEXT.replace("outputs: {seen: seen, one: one}", "outputs: {told: told}")
    Pipeline.from_text(text, core).run(given, out=tmp_path, observers=[Report(tmp_path / "report.html", core)])
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "<figure>" not in page
    assert "svg.drawing" not in page
    assert "map error" in page
