"""`report.html` of the shipped pipelines, as a person uses it: in a browser, by mouse, keys and finger."""

from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from otframe import Pipeline
from otframe.io import open_source
from otframe.registry import Registry
from otframe.run.report import Report

PIPELINES = Path(__file__).parents[3] / "pipelines"
VIEWS = {
    "desktop": {},
    "dark": {"dark": True},
    "phone": {"width": 390, "height": 844, "phone": True},
    "dark phone": {"width": 390, "height": 844, "phone": True, "dark": True},
}
SPLIT = """(() => {
  const stage = document.querySelector(".stage"), box = stage.getBoundingClientRect();
  const edge = stage.querySelector(".edge").getBoundingClientRect();
  const clips = [".left", ".right"].map((side) => getComputedStyle(stage.querySelector(".layer" + side)).clipPath);
  return {clips, edge: (edge.left + edge.width / 2 - box.left) / box.width, value: +stage.querySelector("input").value};
})()"""


@pytest.fixture(scope="module", params=["restoration", "tradeoff", "measure"])
def made(request, browser, tmp_path_factory):
    """A pipeline's report on small photographs, with the checked graph."""
    pytest.importorskip("skimage", reason="the sample photographs come with scikit-image: pip install otframe[samples]")
    text = (PIPELINES / f"{request.param}.yaml").read_text("utf-8")
    pipeline = Pipeline.from_text(text)
    source = open_source("sample:photos/test", Registry.installed())
    photos = {key: source.load(key).numpy()[:192, :192] for key in source.keys()[:4]}
    given = {name: photos for name in ("clean", "truth") if name in pipeline.document.inputs}
    folder = tmp_path_factory.mktemp(request.param)
    pipeline.run(given, out=folder, observers=[Report(folder / "report.html")])
    return folder / "report.html", pipeline.check(given)


def moved(page, change, *, start, end):
    """Do something to the slider; it must have gone from one part of the width to another, and the picture with it."""
    box = page.box(".stage")
    before, seen = page.run(SPLIT), page.picture(box)
    change(box)
    after, now = page.run(SPLIT), page.picture(box)
    for found, wanted in ((before, start), (after, end)):
        assert found["edge"] == pytest.approx(wanted, abs=0.02)
        assert found["value"] == pytest.approx(100 * wanted, abs=2)
    assert before["clips"][0] != after["clips"][0]
    assert before["clips"][1] != after["clips"][1]
    # what the edge went over is another picture now; beyond it nothing changed, but for the rounding of an enlarged
    # picture that is drawn anew. The grip and the tags cover some pixels
    differ = (np.abs(seen.astype(int) - now) > 4).any(axis=2)[: int(0.85 * len(seen))]
    width, (low, high) = differ.shape[1], sorted((start, end))
    grip = 30
    rest = [differ[:, : max(0, int(low * width) - grip)], differ[:, int(high * width) + grip :]]
    assert differ[:, int(low * width) + grip : int(high * width) - grip].mean() > 0.1
    assert np.concatenate(rest, axis=1).mean() < 0.002


def test_the_slider_follows_the_mouse(made, visit):
    page = visit(made[0])

    def drag(a, b):
        return lambda box: page.drag(*([box[0] + x * box[2], box[1] + 0.4 * box[3]] for x in (a, b)))

    moved(page, drag(0.5, 0.8), start=0.5, end=0.8)
    moved(page, drag(0.8, 0.2), start=0.8, end=0.2)


def test_the_slider_follows_the_keys(made, visit):
    page = visit(made[0])
    page.run("document.querySelector('.stage input').focus({preventScroll: true})")
    moved(page, lambda box: [page.press("ArrowLeft") for _ in range(20)], start=0.5, end=0.3)
    moved(page, lambda box: page.press("End"), start=0.3, end=1)


def test_the_slider_follows_a_finger(made, visit):
    page = visit(made[0], **VIEWS["phone"])
    moved(
        page,
        lambda box: page.swipe(*([box[0] + x * box[2], box[1] + 0.4 * box[3]] for x in (0.5, 0.85))),
        start=0.5,
        end=0.85,
    )


def test_a_finger_looks_around_in_an_enlarged_picture(made, visit):
    page = visit(made[0], **VIEWS["phone"])
    page.run("document.querySelector('.caption .pick button:nth-child(3)').click()")
    box = page.box(".stage")
    seen, before = page.picture(box), page.run(SPLIT)
    page.swipe(*([box[0] + x * box[2], box[1] + y * box[3]] for x, y in ((0.2, 0.3), (0.25, 0.7))))
    assert page.run(SPLIT) == before
    assert (seen != page.picture(box)).any(axis=2).mean() > 0.3


def test_pictures_and_items_are_chosen(made, visit):
    page = visit(made[0])
    box = page.box(".stage")
    tags = "[...document.querySelectorAll('.stage .tag')].map((tag) => tag.textContent)"
    left, right = page.run(tags)
    names = "[...document.querySelectorAll('.pick[data-side=left] button')]"
    page.run(f"{names}.find((button) => button.textContent === '{right}').click()")
    assert page.run(tags) == [right, left], "a picture is never beside itself"
    first, seen = page.run("document.querySelector('.caption b').textContent"), page.picture(box)
    page.run("document.querySelector('.strip button:nth-child(2)').click()")
    page.settle()
    assert page.run("document.querySelector('.caption b').textContent") != first
    page.run("document.querySelector('.stage input').focus({preventScroll: true})")
    page.press("ArrowUp")
    assert page.run("document.querySelector('.caption b').textContent") == first
    assert (page.picture(page.box(".stage")) == seen).mean() > 0.99


@pytest.mark.parametrize("view", VIEWS)
def test_a_page_works_by_itself(made, visit, view):
    path, _ = made
    page = visit(path, **VIEWS[view])
    page.run("document.querySelector('details').open = true")
    page.run("[...document.images].forEach((image) => { image.loading = 'eager'; })")
    assert page.run("document.images.length") > 4
    assert page.run("Promise.all([...document.images].map((image) => image.decode())).then(() => 'all')") == "all"
    assert page.run("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the window"
    assert page.run("[...document.querySelectorAll('td')].length") > 4
    assert page.faults == []
    assert page.asked[0] == path.as_uri()
    assert {urlsplit(address).scheme for address in page.asked[1:]} <= {"data", "blob"}


def test_light_and_dark_differ(made, visit):
    light, dark = (visit(made[0], **VIEWS[view]).picture().mean() for view in ("desktop", "dark"))
    assert light > 140 > 110 > dark


@pytest.mark.parametrize("view", ["desktop", "phone"])
def test_every_node_has_a_box_that_is_seen(made, visit, view):
    path, graph = made
    page = visit(path, **VIEWS[view])
    boxes = page.run("""(() => [...document.querySelectorAll("svg.graph .box")].map((box) => {
      box.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
      const {x, y, width, height} = box.querySelector(".shape").getBoundingClientRect();
      const top = document.elementFromPoint(x + width / 2, y + 4), name = box.querySelector(".name");
      const text = name.getBoundingClientRect();
      const inside = text.left >= x && text.right <= x + width && text.height >= 6;
      return {name: name.textContent, width, height, seen: box.contains(top), inside};
    }))()""")
    expected = [*graph.nodes, *(output.name for output in graph.outputs)]
    assert sorted(box["name"] for box in boxes) == sorted(expected)
    assert [
        box for box in boxes if box["width"] < 40 or box["height"] < 20 or not (box["seen"] and box["inside"])
    ] == []
    shown = (
        "[...document.querySelectorAll('.legend li')].filter((line) => line.offsetHeight).map((line) => line.className)"
    )
    used = "[...new Set([...document.querySelectorAll('svg.graph .box')].map((box) => box.classList[1]))]"
    kinds = [name for name in page.run(shown) if not name.startswith("wire-")]
    assert sorted(kinds) == sorted(page.run(used)), "the legend tells of what there is"
    wires = page.run("[...document.querySelectorAll('svg.graph .wire')].map((wire) => wire.getTotalLength())")
    assert len(wires) >= len(graph.nodes) - len(graph.sources)
    assert min(wires) > 10


# --- that the tests above can fail ----------------------------------------------------------------------------


def test_faults_and_requests_are_seen(visit, tmp_path):
    page = tmp_path / "faulty.html"
    page.write_text("""<!doctype html><img src="http://127.0.0.1:9/picture.png"><script>
      console.error("one", 2);
      new WebSocket("ws://127.0.0.1:9/socket");
      fetch("https://127.0.0.1:9/fetched").catch(() => 0);
      undefinedFunction();
    </script>""")
    opened = visit(page)
    assert {"http://127.0.0.1:9/picture.png", "ws://127.0.0.1:9/socket", "https://127.0.0.1:9/fetched"} <= set(
        opened.asked
    )
    told = "\n".join(opened.faults)
    assert "one 2" in told
    assert "undefinedFunction is not defined" in told


def test_what_the_policy_forbids_is_a_fault(made, visit, tmp_path):
    text = made[0].read_text("utf-8").replace("</main>", '<img src="http://127.0.0.1:9/x.png"></main>')
    (tmp_path / "leaky.html").write_text(text)
    assert any("Content Security Policy" in fault for fault in visit(tmp_path / "leaky.html").faults)
