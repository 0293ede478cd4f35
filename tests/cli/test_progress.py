"""What is seen while a run goes on, on a terminal and in a log."""

import io

import numpy as np
import pytest
from rich.console import Console

from otframe import Pipeline, Registry
from otframe.run.progress import BarProgress, LineProgress, progress

TEXT = """\
otframe: 1
inputs: {a: "Image[]", b: "Image[]"}
nodes: {mix: {use: image.blend, in: {a: a, b: b}, with: {weight: 0.5}, join: key}}
outputs: {mix: mix, also: a, again: a, another_one: b, and_yet_another_one: b}
"""


@pytest.fixture
def watch():
    def call(*, terminal, failures=True):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=120, color_system=None)
        observer = progress(console, failures=failures)
        a = {key: np.zeros((4, 4, 3)) for key in ("x[red]", "y", "z")}
        b = {**a, "y": np.zeros((5, 5, 3))}
        pipeline = Pipeline.from_text(TEXT, Registry(points=[]))
        pipeline.run({"a": a, "b": b}, observers=[observer], on_error="skip")
        return observer, console.file.getvalue()

    return call


def test_lines_in_a_log(watch):
    observer, text = watch(terminal=False)
    assert isinstance(observer, LineProgress)
    lines = text.splitlines()
    assert lines[0].startswith("pass 1/1: ")
    assert lines[0].endswith("3 items")
    assert lines[1].startswith("failed: item 'y', node 'mix': images to blend")
    assert lines[2].startswith("pass 1/1: done, 3 items in ")
    assert len(lines) == 3


def test_failures_may_be_left_to_the_caller(watch):
    assert "failed" not in watch(terminal=False, failures=False)[1]


def test_bars_on_a_terminal(watch):
    observer, text = watch(terminal=True)
    assert isinstance(observer, BarProgress)
    assert "3/3" in text
    assert "more" in text
    assert "failed: item 'y'" in text


def test_a_long_call_has_a_line_of_its_own():
    console = Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None)
    bars = BarProgress(console)
    bars.progress("fit", "", 0.5, "before anything runs: nothing to show")
    from types import SimpleNamespace

    bars.run_started(SimpleNamespace(plan=SimpleNamespace(passes=[1])))
    bars.pass_started("fit", ("a",))
    bars.progress("fit", "a", 0.5, "epoch 3")
    bars._bars.refresh()
    bars.node_finished("fit", "a", 1.0)
    bars.item_finished("a")
    bars.run_failed(KeyboardInterrupt())
    assert "epoch 3" in console.file.getvalue()
