"""Drawings as files: safe, whole, in the colours of light and of dark."""

import xml.etree.ElementTree as ET

import pytest

from otframe.errors import DataError
from otframe.io import write
from otframe.io.drawing_file import read_drawing, svg
from otframe.registry import Registry
from otframe.values import Drawing, codec

HOSTILE = '"/><script>alert(1)</script>&'
DRAWING = Drawing(
    320.0,
    200.5,
    (("frame", 1.0, "M0 0h10v10z"), ("flow", 0.25, "M1.5-2L3,4 5z"), ("source", 0.5, "")),
    ((4.0, -2.5, "middle", "a < b & c"),),
    HOSTILE,
)


@pytest.fixture
def core():
    return Registry(points=[])


def test_a_drawing_comes_back_from_its_file(core, tmp_path):
    path = write(DRAWING, tmp_path / "a.svg", core).path
    assert read_drawing(path) == DRAWING
    assert codec.from_bytes(codec.to_bytes(DRAWING, core), core) == DRAWING


def test_the_file_is_one_picture_with_its_own_colours(core, tmp_path):
    text = write(DRAWING, tmp_path / "a.svg", core).path.read_text("utf-8")
    root = ET.fromstring(text)
    name = "{http://www.w3.org/2000/svg}"
    assert root.tag == f"{name}svg"
    assert (root.get("width"), root.get("height"), root.get("aria-label")) == ("320", "200.5", HOSTILE)
    assert [child.tag.removeprefix(name) for child in root] == ["style", "rect", *["path"] * 3, "text"]
    assert root[2].get("opacity") is None
    assert root[3].get("opacity") == "0.25"
    assert root[5].text == "a < b & c"
    assert "prefers-color-scheme: dark" in text
    assert "<script" not in text
    assert "url(" not in text


def test_in_a_page_it_has_no_style_of_its_own():
    assert "<style" not in svg(DRAWING)
    assert 'xmlns="' not in svg(DRAWING)


def test_another_svg_is_no_drawing(tmp_path):
    (tmp_path / "a.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    with pytest.raises(DataError, match="no drawing"):
        read_drawing(tmp_path / "a.svg")


def test_what_was_put_into_a_file_is_not_read(core, tmp_path):
    path = write(DRAWING, tmp_path / "a.svg", core).path
    path.write_text(path.read_text().replace("</svg>", '<script>alert(1)</script><path class="x" d="M0 0"/></svg>'))
    with pytest.raises(DataError, match="roles"):
        read_drawing(path)
    path.write_text(path.read_text().replace('<path class="x" d="M0 0"/>', ""))
    assert read_drawing(path) == DRAWING


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"width": 0.0}, "positive size"),
        ({"height": float("inf")}, "positive size"),
        ({"shapes": (("paint", 1.0, "M0 0"),)}, "roles"),
        ({"shapes": (("flow", 1.5, "M0 0"),)}, "roles"),
        ({"shapes": (("flow", 1.0, 'M0 0" onload="alert(1)'),)}, "roles"),
        ({"texts": ((0.0, 0.0, "left", "a"),)}, "one of start"),
        ({"texts": ((0.0, float("nan"), "start", "a"),)}, "one of start"),
    ],
)
def test_what_is_no_drawing_is_refused(change, match):
    with pytest.raises(DataError, match=match):
        Drawing(**{"width": 1.0, "height": 1.0, **change})
