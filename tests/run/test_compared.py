"""A matrix over nodes: what each of them took is measured, and told beside its row, in no table that is written."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest

from otframe import Pipeline
from otframe.run import measuring
from otframe.run.compared import compared, compared_in
from otframe.run.journal import Journal
from otframe.run.measuring import Spent, measured
from otframe.run.record import RunRecord
from otframe.run.report import Report
from otframe.run.report.tables import tables, with_spent
from otframe.values import Table

TEXT = """
otframe: 1
params: {which: weak, factor: 3.0}
matrix: {which: [weak, strong, other]}
inputs: {photo: Image}
nodes:
  weak:   {use: toy.gain, in: photo, with: {factor: 2.0}}
  strong: {use: toy.gain, in: photo, with: {factor: $factor}}
  other:  {use: toy.gain, in: photo, with: {factor: 5.0}}
  count:  {use: toy.count, in: {image: $which}}
outputs: {table: {from: count, to: t.csv}}
"""


@pytest.fixture
def photo():
    return {"photo": np.full((4, 4, 3), 0.5, np.float32)}


@pytest.fixture
def linux():
    """Where the system tells how much memory a process has had."""
    if measured(lambda: None)[1].peak is None:
        pytest.skip("the system does not tell the memory of a process")


def test_nodes_that_a_matrix_names_are_compared(registry):
    graph = Pipeline.from_text(TEXT, registry).check(["photo"])
    assert compared_in(graph, "table") == (("which",), {(name,): name for name in ("weak", "strong", "other")})
    assert compared(graph) == {"weak", "strong", "other"}
    same = Pipeline.from_text(TEXT.replace("5.0", "2.0"), registry).check(["photo"])
    assert compared_in(same, "table")[1]["other",] == "weak", "what is the same is computed once"


def test_nodes_that_another_axis_varies_are_measured_in_each_setting(registry, photo, tmp_path):
    text = TEXT.replace("which: [weak, strong, other]", "which: [weak, strong], factor: [3.0, 4.0]")
    graph = Pipeline.from_text(text, registry).check(["photo"])
    settings = [(which, factor) for which in ("weak", "strong") for factor in ("3.0", "4.0")]
    axes, nodes = compared_in(graph, "table")
    assert (axes, list(nodes)) == (("which", "factor"), settings)
    # `strong` depends on the factor: it is computed twice, and not four times; `weak` does not
    assert nodes["weak", "3.0"] == nodes["weak", "4.0"] == "weak"
    assert len({nodes["strong", "3.0"], nodes["strong", "4.0"]}) == 2
    journal = Journal()
    result = Pipeline.from_text(text, registry).run(photo, out=tmp_path, observers=[journal])
    assert set(result.measured) == set(nodes.values())
    ((_, table),) = tables(journal, registry)
    assert table.columns == ("which", "factor", "what", "number", "seconds", "peak MB")
    assert [row[4] for row in table.rows] == [result.measured[nodes[setting]].seconds for setting in settings]


def test_numbers_and_other_texts_are_not_nodes(registry):
    text = TEXT.replace("which: [weak, strong, other]", "factor: [1.0, 2.0]").replace("image: $which", "image: strong")
    graph = Pipeline.from_text(text, registry).check(["photo"])
    assert compared_in(graph, "table") is None
    assert compared(graph) == frozenset()
    assert compared_in(graph, "no such output") is None


def test_they_are_measured_and_told(registry, photo, tmp_path):
    journal, report = Journal(), Report(tmp_path / "report.html", registry)
    record = RunRecord(tmp_path / "run.json", registry)
    result = Pipeline.from_text(TEXT, registry).run(photo, out=tmp_path, observers=[journal, report, record])
    assert set(result.measured) == set(journal.measured) == {"weak", "strong", "other"}
    ((name, table),) = tables(journal, registry)
    assert name == "table"
    assert table.columns == ("which", "what", "number", "seconds", "peak MB")
    assert [row[3] for row in table.rows] == [result.measured[row[0]].seconds for row in table.rows]
    told = json.loads((tmp_path / "run.json").read_text())["measured"]
    assert told["weak"].keys() == {"seconds", "peak_bytes"}
    assert "peak MB" in (tmp_path / "report.html").read_text()
    with (tmp_path / "t.csv").open() as file:
        assert next(csv.reader(file)) == ["which", "what", "number"], "values are the same in every run"


def test_nothing_else_is_measured(registry, photo, toys):
    plain = Pipeline.from_text(TEXT.replace("matrix: {which: [weak, strong, other]}", ""), registry)
    assert plain.run(photo).measured == {}
    assert toys.LOG.count(("gain", 2.0)) == 1


def test_a_short_call_is_made_twice_and_a_long_one_once(registry, photo, toys, monkeypatch):
    pipeline = Pipeline.from_text(TEXT, registry)
    pipeline.run(photo)
    assert toys.LOG.count(("gain", 2.0)) == 2
    toys.LOG.clear()
    monkeypatch.setattr(measuring, "_PATIENCE", -1.0)
    pipeline.run(photo)
    assert toys.LOG.count(("gain", 2.0)) == 1


@pytest.mark.parametrize("taken", [(3.0, 0.5), (0.5, 3.0)])
def test_of_two_calls_the_shorter_counts(taken, monkeypatch):
    times = iter([0.0, taken[0], 10.0, 10.0 + taken[1]])
    monkeypatch.setattr(measuring, "time", SimpleNamespace(perf_counter=lambda: next(times)))
    made, spent = measured(lambda: "made")
    assert (made, spent.seconds) == ("made", 0.5)


def test_the_peak_is_what_a_call_held_for_a_while(linux):
    before, spent = np.ones(30_000_000, np.uint8), []
    for size in (60_000_000, 20_000_000):  # the second has less, though the process has had more
        made, told = measured(lambda size=size: int(np.ones(size, np.uint8).sum()))
        assert made == size
        spent.append(told.peak)
    assert 59e6 < spent[0] < 90e6
    assert 19e6 < spent[1] < 50e6
    del before


def test_where_the_system_does_not_tell_there_is_no_peak(tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "_RESET", tmp_path / "no" / "such" / "file")
    assert measured(lambda: None)[1].peak is None


def test_cells_without_a_measure_are_empty():
    table = Table(("solver", "cost"), (("a", 1.0), ("b", 2.0), ("c", 3.0)), "Costs", ("", "lower"))
    axis = (("solver",), {("a",): "node", ("b",): "other", ("c",): "third"})
    told = with_spent(table, axis, {"node": Spent(0.5, 2_000_000), "other": Spent(0.25)})
    assert told.rows == (("a", 1.0, 0.5, 2.0), ("b", 2.0, 0.25, None), ("c", 3.0, None, None))
    assert told.better == ("", "lower", "lower", "lower")
    assert with_spent(table, axis, {}) is table
    assert with_spent(table, None, {"node": Spent(0.5)}) is table
    assert with_spent(table, (("method",), {("a",): "node"}), {"node": Spent(0.5)}) is table
