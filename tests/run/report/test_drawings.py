"""Drawings in a report, as a person sees them: beside one another or below, in the colours of light and dark."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

from otframe import Pipeline
from otframe.run.report import Report

FILE = Path(__file__).parents[3] / "pipelines" / "compare_solvers.yaml"
SOLVERS = ["network", "sinkhorn_coarse", "sliced"]
VIEWS = {
    "desktop": {},
    "dark": {"dark": True},
    "phone": {"width": 390, "height": 844, "phone": True},
    "dark phone": {"width": 390, "height": 844, "phone": True, "dark": True},
}


@pytest.fixture(scope="module")
def folder(browser, tmp_path_factory):
    """A comparison of a few solvers on two squares: one at the upper left, one at the lower right."""
    white = np.ones((12, 12, 3), np.float32)
    given = {"source": white.copy(), "target": white.copy()}
    given["source"][1:5, 1:5] = given["target"][7:11, 6:11] = 0
    made = tmp_path_factory.mktemp("compared")
    options = {"params": {"side": 12}, "sweep": {"solver": SOLVERS}}
    Pipeline.from_yaml(FILE).run(given, out=made, observers=[Report(made / "report.html")], **options)
    return made


@pytest.mark.parametrize("view", VIEWS)
def test_a_page_with_drawings_works_by_itself(folder, visit, view):
    page = visit(folder / "report.html", **VIEWS[view])
    assert page.faults == []
    assert page.asked == [(folder / "report.html").as_uri()]
    assert page.run("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the window"
    boxes = page.run("""[...document.querySelectorAll(".figures svg")].map((svg) => {
      const box = svg.getBoundingClientRect();
      return [box.left + scrollX, box.top + scrollY, box.width, box.height];
    })""")
    assert len(boxes) == len(SOLVERS)
    assert all(width > 280 and 0.7 < height / width < 1.4 for _, _, width, height in boxes)
    lines = {round(top) for _, top, _, _ in boxes}
    assert len(lines) == (3 if "phone" in view else 1), "below one another on a phone, else side by side"


def test_each_says_what_it_is_of_and_leads_to_its_file(folder, visit):
    page = visit(folder / "report.html")
    told = page.run("[...document.querySelectorAll('figcaption')].map((line) => line.textContent)")
    assert [line.startswith(name) for line, name in zip(told, SOLVERS, strict=True)] == [True] * 3
    assert "sinkhorn.grid, blur 0.05" in told[1]
    links = page.run("[...document.querySelectorAll('.figures a')].map((a) => a.href)")
    for name, address in zip(SOLVERS, links, strict=True):
        assert Path(unquote(urlsplit(address).path)) == folder / "plans" / f"{name}.svg"
        assert visit(folder / "plans" / f"{name}.svg").faults == []


def colours(page):
    """The mean colour (blue, green, red) of the middles of both squares, and of an empty corner."""
    x, y, width, height = page.box(".figures svg")
    seen = page.picture((x, y, width, height)).astype(float)

    def around(selector):
        # the first path of the role is the faintest; all there is of it is one square here
        place = page.run(f"""(() => {{
          const box = document.querySelector(".figures svg {selector}").getBoundingClientRect();
          return [box.left - {x} + 2, box.top - {y} + 2];
        }})()""")
        left, top = (round(value) for value in place)
        return seen[top : top + 6, left : left + 6].reshape(-1, 3).mean(0)

    return around(".source"), around(".target"), seen[4:12, -40:-20].reshape(-1, 3).mean(0)


@pytest.mark.parametrize("view", VIEWS)
def test_source_target_and_ground_are_told_apart(folder, visit, view):
    source, target, ground = colours(visit(folder / "report.html", **VIEWS[view]))
    assert source[0] > source[2] + 30, "the source is blue"
    assert target[2] > target[0] + 30, "the target is orange"
    assert ground.mean() < 60 if "dark" in view else ground.mean() > 240
    assert min(np.abs(source - ground).max(), np.abs(target - ground).max()) > 40


def test_needles_go_from_one_square_to_the_other(folder, visit):
    page = visit(folder / "report.html")
    found = page.run("""[...document.querySelectorAll(".figures svg")].map((svg) => {
      const whole = (role) => [...svg.querySelectorAll("." + role)].map((path) => path.getBBox()).reduce((a, b) => {
        const x = Math.min(a.x, b.x), y = Math.min(a.y, b.y);
        const right = Math.max(a.x + a.width, b.x + b.width), bottom = Math.max(a.y + a.height, b.y + b.height);
        return {x, y, width: right - x, height: bottom - y};
      });
      const ends = (box) => [box.x, box.y, box.x + box.width, box.y + box.height];
      return ["source", "target", "flow"].map(whole).map(ends);
    })""")
    for source, target, flow in found:
        assert source[2] < target[0]
        assert source[3] < target[1]
        assert source[0] < flow[0] < source[2], "they begin in the source"
        assert target[0] < flow[2] < target[2], "they end in the target"
        assert target[1] < flow[3] < target[3]


def test_the_names_stay_where_the_table_is_moved(folder, visit):
    page = visit(folder / "report.html", **VIEWS["phone"])
    place = "document.querySelector('tbody td').getBoundingClientRect().left"
    other = "document.querySelector('tbody td:nth-child(2)').getBoundingClientRect().left"
    before = page.run(place), page.run(other)
    page.run("document.querySelector('.scroll').scrollLeft = 200")
    page.settle()
    assert page.run(place) == pytest.approx(before[0])
    assert page.run(other) == pytest.approx(before[1] - 200)


def test_times_and_memory_stand_in_the_table(folder, visit):
    page = visit(folder / "report.html")
    heads = page.run(
        "[...document.querySelectorAll('th')].map((head) => head.textContent.replace(/[^a-zA-Z (%)]/g, '').trim())"
    )
    assert heads[:2] == ["solver", "cost"]
    assert heads[-2:] == ["seconds", "peak MB"]
    cells = page.run(
        "[...document.querySelectorAll('tbody tr')].map((row) => row.cells[row.cells.length - 2].textContent)"
    )
    assert all(float(cell) > 0 for cell in cells)
    assert page.run("document.querySelector('table').getBoundingClientRect().right <= innerWidth"), (
        "all columns are seen"
    )
