"""`report.html`: self-contained, escaped, and true to what is on disk."""

import json
import re

import numpy as np
import pytest
import torch

from otframe import Image, Pipeline, Registry
from otframe.run.report import Report
from otframe.run.report.layout import layout
from otframe.run.report.order import crossings, order_layers
from otframe.run.report.page import fill, script_json
from otframe.run.report.pictures import panel_titles
from otframe.run.report.sketch import Box, Line, Sketch
from otframe.run.report.tables import best_rows, format_cell, is_setting
from otframe.run.report.thumbnails import thumbnail
from otframe.run.report.times import duration, time_chart
from otframe.values import Density, Table

TEXT = """\
otframe: 1
title: "Shown <b>& told</b>"
inputs: {photos: "Image[]"}
nodes:
  grey: {use: image.convert, in: photos, with: {space: gray}}
  coloured: {use: image.convert, in: grey, with: {space: srgb}}
  mixed: {use: image.blend, in: {a: photos, b: coloured}, with: {weight: 0.5}}
outputs:
  mixed: {from: mixed, to: "mixed/{stem}.png", before: coloured}
  coloured: {from: coloured, to: "coloured/{stem}.png"}
"""
HOSTILE = "<img src=x onerror=alert(1)>&'q'"


@pytest.fixture
def core():
    return Registry(points=[])


@pytest.fixture
def show(core, tmp_path):
    """Run over random images of the given names; the page and the viewers' data."""

    def call(*names, text=TEXT, items=24, out=True, **options):
        random = np.random.default_rng(0)
        photos = {name: random.random((12, 16, 3), np.float32) for name in names}
        report = Report(tmp_path / "out/report.html", core, items=items)
        folder = tmp_path / "out" if out else None
        Pipeline.from_text(text, core).run({"photos": photos}, out=folder, observers=[report], **options)
        page = (tmp_path / "out/report.html").read_text("utf-8")
        found = re.search(r'<script type="application/json" id="galleries">(.*?)</script>', page, re.DOTALL)
        return page, json.loads(found[1])

    return call


@pytest.mark.parametrize(("before", "galleries"), [("", [["out:a"], ["out:b"]]), (", before: a", [["out:a", "out:b"]])])
def test_single_pictures_are_compared_where_something_says_so(core, tmp_path, before, galleries):
    text = f"""\
otframe: 1
inputs: {{mass: Density}}
nodes:
  a: {{use: density.picture, in: mass}}
  b: {{use: density.picture, in: mass, with: {{gamma: 2.0}}}}
outputs:
  a: {{from: a, to: a.png}}
  b: {{from: b, to: b.png{before}}}
"""
    report = Report(tmp_path / "report.html", core)
    mass = Density(torch.rand(8, 9, generator=torch.Generator().manual_seed(0)) + 0.1)
    Pipeline.from_text(text, core).run({"mass": mass}, out=tmp_path / "out", observers=[report])
    page = (tmp_path / "report.html").read_text("utf-8")
    found = re.search(r'<script type="application/json" id="galleries">(.*?)</script>', page, re.DOTALL)
    assert [[panel["id"] for panel in gallery["panels"]] for gallery in json.loads(found[1])] == galleries
    assert ("<h2>a</h2>" in page) == (not before)


def test_page_asks_nothing_of_a_network(show):
    page, _ = show("a", "b")
    assert "http://" not in page
    assert "https://" not in page
    assert not re.search(r"<(link|iframe|object|embed)\b|@import|url\(", page)
    assert "default-src 'none'" in page
    assert "prefers-color-scheme: dark" in page


def test_pictures_stand_beside_what_they_declare(show):
    _, (gallery,) = show("a", "b")
    panels = {panel["id"]: panel for panel in gallery["panels"]}
    assert list(panels) == ["in:photos", "out:coloured", "out:mixed"]
    assert panels["out:mixed"]["before"] == "out:coloured"
    assert panels["out:coloured"]["before"] == "in:photos"
    assert gallery["after"] == "out:mixed"
    assert [item["key"] for item in gallery["items"]] == ["a", "b"]
    index, width, height, full_width, full_height = gallery["items"][0]["pictures"]["out:mixed"]
    assert (width, height, full_width, full_height) == (16, 12, 16, 12)
    assert gallery["sources"][index].startswith("data:image/")


def test_results_in_memory_are_shown_too(show):
    _, (gallery,) = show("a", out=False)
    assert "out:mixed" in gallery["items"][0]["pictures"]


def test_hostile_names_are_texts(show):
    page, (gallery,) = show(HOSTILE, "b", text=TEXT.replace("{stem}", "{index}"))
    assert "<img src=x" not in page
    assert "<b>& told" not in page
    assert "Shown &lt;b&gt;&amp; told&lt;/b&gt;" in page
    assert gallery["items"][0]["key"] == HOSTILE


def test_copies_of_a_sweep_are_called_by_their_setting(show):
    _, (gallery,) = show("a", text=TEXT.replace("0.5", "$w") + "params: {w: 0.5}\nmatrix: {w: [0.25, 1]}\n")
    names = [panel["name"] for panel in gallery["panels"]]
    assert names == ["photos", "coloured", "mixed w=0.25", "mixed w=1"]
    assert panel_titles({"a__0": "x/1/{stem}.png", "a__1": "x/2/{stem}.png", "b": None, "c__0": "{stem}.png"}) == {
        "a__0": "a 1",
        "a__1": "a 2",
        "b": "b",
        "c__0": "c__0",
    }


def test_few_items_are_embedded_and_the_rest_is_counted(show):
    page, (gallery,) = show(*"abcde", items=2)
    assert len(gallery["items"]) == 2
    assert "3 more items are not shown here" in page


def test_failures_come_first(core, tmp_path):
    text = """\
otframe: 1
inputs: {a: "Image[]", b: "Image[]"}
nodes: {mix: {use: image.blend, in: {a: a, b: b}, with: {weight: 0.5}, join: key}}
outputs: {mix: mix}
"""
    a = {key: np.zeros((4, 4, 3)) for key in "xy"}
    b = {**a, "y": np.zeros((5, 5, 3))}
    report = Report(tmp_path / "report.html", core)
    Pipeline.from_text(text, core).run({"a": a, "b": b}, out=tmp_path, observers=[report], on_error="skip")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.index("What failed") < page.index("Pictures")
    assert "images to blend must have the same size" in page
    assert "item <code>y</code>, node <code>mix</code>" in page


def test_graph_is_drawn(show):
    page, _ = show("a")
    drawing = re.search(r'<svg class="graph".*?</svg>', page, re.DOTALL)[0]
    for name in ("photos", "grey", "coloured", "mixed", "image.blend"):
        assert f">{name}</text>" in drawing
    assert "grey: Image[]" in drawing


def test_template_values_are_not_templates():
    assert fill("{{ a }}{{ b }}", {"a": "{{ b }}", "b": "x"}) == "{{ b }}x"


def test_script_data_cannot_close_its_element():
    text = script_json(["</script><!--", "a&b"])
    assert "<" not in text
    assert json.loads(text) == ["</script><!--", "a&b"]


# --- the parts ------------------------------------------------------------------------------------------------


def _chain(count):
    boxes = tuple(Box(f"n{i}", f"node{i}", "some.thing", "transform") for i in range(count))
    lines = [Line(f"n{i}", f"n{i + 1}", stream=True) for i in range(count - 1)]
    lines += [Line("n0", f"n{i}") for i in range(2, count, 3)]
    return Sketch(boxes, tuple(lines))


def test_boxes_do_not_overlap_and_read_downwards():
    made = layout(_chain(24))
    placed = {box.box.id: box for box in made.boxes}
    for i, a in enumerate(made.boxes):
        for b in made.boxes[:i]:
            apart = abs(a.x - b.x) >= (a.width + b.width) / 2 or abs(a.y - b.y) >= (a.height + b.height) / 2
            assert apart, (a, b)
    for route in made.routes:
        assert placed[route.line.start].y < placed[route.line.end].y
        assert all(0 <= x <= made.width and 0 <= y <= made.height for x, y in route.points)


def test_layout_of_nothing():
    assert layout(Sketch((), ())).boxes == ()


def test_order_removes_a_crossing():
    links = [("a", "y"), ("b", "x")]
    rows = [["a", "b"], ["x", "y"]]
    assert crossings(rows, links) == 1
    assert crossings(order_layers(rows, links), links) == 0


def test_best_rows():
    rows = (("one", 1.0, 5), ("two", 2.0, 5), ("three", 2.0, None))
    table = Table(("name", "up", "same"), rows, better=("", "higher", "lower"))
    assert best_rows(table, 0) == frozenset()
    assert best_rows(table, 1) == {1, 2}
    assert best_rows(table, 2) == frozenset()


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, "–"),
        (31.2567, "31.26"),
        (0.98765, "0.9877"),
        (0.0, "0.0000"),
        (1e-7, "1e-07"),
        (12345.6, "12346"),
        (0.0481613, "0.04816"),
        (-0.0106318, "-0.01063"),
        (0.00096, "0.00096"),
        (3, "3"),
    ],
)
def test_format_cell(cell, text):
    assert format_cell(cell) == text


def test_settings_are_told_as_they_were_given():
    table = Table(("alpha", "PSNR"), ((0.25, 26.0), (-0.5, 25.5)), better=("", "higher"))
    assert [is_setting(table, column) for column in (0, 1)] == [True, False]
    assert not is_setting(Table(("measured",), ((0.25,),)), 0), "nothing is known of the columns"
    assert [format_cell(row[0], setting=True) for row in table.rows] == ["0.25", "-0.5"]
    assert format_cell(0.1 + 0.2, setting=True) == "0.3"
    long = Table(("cost", "PSNR"), ((0.0481613, 26.0), (None, 25.5)), better=("", "higher"))
    assert not is_setting(long, 0), "nobody chooses such numbers"


def test_thumbnails_are_small_and_keep_alpha():
    large = thumbnail(Image.from_numpy(np.full((40, 2000, 4), 0.5, np.float32)), longest=500)
    assert (large.width, large.height, large.full_width) == (500, 10, 2000)
    assert large.uri.startswith("data:image/webp")
    assert thumbnail(Image.from_numpy(np.full((5, 5), 2.0, np.float32))).uri.startswith("data:image/png")


def test_times():
    assert [duration(s) for s in (0.0001, 0.25, 5.04, 65, 7320)] == [
        "< 1 ms",
        "250 ms",
        "5.0 s",
        "1 min 05 s",
        "2 h 02 min",
    ]
    chart = time_chart({f"n{i}<": float(i) for i in range(30)})
    assert chart.count("<li") == 15
    assert "16 others" in chart
    assert "n29&lt;" in chart
