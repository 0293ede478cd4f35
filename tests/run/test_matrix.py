"""Several values of a parameter in one graph: what does not vary is computed once."""

import pytest

from otframe import Pipeline
from otframe.errors import DataError, ParameterError, RequestError
from otframe.parts.tables import Stack
from otframe.values import Table

TEXT = """
otframe: 1
params: {factor: 2.0, weight: 1.0}
inputs: {photos: "Image[]"}
nodes:
  base: {use: toy.gain, in: photos, with: {factor: 5.0}}
  noisy: {use: toy.noise, in: base}
  more: {use: toy.gain, in: noisy, with: {factor: $factor}}
  sum:  {use: toy.add, in: {a: more, b: base}, with: {weight: $weight}}
  mean: {use: toy.mean, in: sum}
  count: {use: toy.count, in: {image: sum}}
outputs: {sum: {from: sum, to: "{stem}.png"}, mean: mean, table: {from: count, to: t.csv}, base: base}
"""


@pytest.fixture
def pipeline(registry):
    return Pipeline.from_text(TEXT, registry)


def test_every_combination_equals_a_run_of_its_own(pipeline, images, toys):
    given = {"photos": images("a", "b")}
    swept = pipeline.run(given, sweep={"factor": [1.0, 3.0], "weight": [0.0, 0.5]}).values
    for number, (factor, weight) in enumerate([(1.0, 0.0), (1.0, 0.5), (3.0, 0.0), (3.0, 0.5)]):
        alone = pipeline.run(given, params={"factor": factor, "weight": weight}).values
        assert swept[f"mean__{number}"].number == alone["mean"].number
        for key in "ab":
            assert (swept[f"sum__{number}"][key].pixels == alone["sum"][key].pixels).all()
    table = swept["table"]
    assert table.columns == ("factor", "weight", "what", "number")
    assert [row[:2] for row in table.rows] == [(1.0, 0.0), (1.0, 0.5), (3.0, 0.0), (3.0, 0.5)]


def test_what_does_not_vary_is_computed_once(pipeline, images, toys):
    pipeline.run({"photos": images("a", "b")}, sweep={"weight": [0.0, 0.5, 1.0]})
    assert toys.LOG.count(("gain", 5.0)) == 2
    assert toys.LOG.count(("gain", 2.0)) == 2


def test_files_get_a_place_for_each_value(pipeline, images, tmp_path, registry):
    pipeline.run({"photos": images("a")}, sweep={"factor": [1.0, 3.0]}, out=tmp_path / "folders")
    names = sorted(str(p.relative_to(tmp_path / "folders")) for p in (tmp_path / "folders").rglob("a.png"))
    assert names == ["base/a.png", "factor=1.0/a.png", "factor=3.0/a.png"]
    for to in ("{stem}-$factor.png", "{stem}-{factor}.png"):
        named = Pipeline.from_text(TEXT.replace("{stem}.png", to), registry)
        named.run({"photos": images("a")}, sweep={"factor": [1.0, 3.0]}, out=tmp_path / to[8:9])
        assert (tmp_path / to[8:9] / "a-1.0.png").is_file()


def test_a_matrix_in_the_file_and_values_set_over_it(registry, images, pipeline):
    text = TEXT.replace("inputs:", "matrix: {weight: [0.0, 1.0]}\ninputs:")
    swept = Pipeline.from_text(text, registry)
    given = {"photos": images("a")}
    assert {"mean__0", "mean__1"} <= set(swept.run(given).values)
    assert "mean" in swept.run(given, params={"weight": 0.5}).values
    assert Pipeline.from_text(swept.to_yaml(), registry).document == swept.document


def test_wrong_sweeps(pipeline, images, registry):
    given = {"photos": images("a")}
    with pytest.raises(RequestError, match="no parameter 'wieght' to sweep") as caught:
        pipeline.run(given, sweep={"wieght": [0.0]})
    assert "weight" in caught.value.hint
    with pytest.raises(ParameterError, match="both set and swept"):
        pipeline.run(given, sweep={"weight": [0.0]}, params={"weight": 1.0})
    with pytest.raises(ParameterError, match="list of values"):
        pipeline.run(given, sweep={"weight": 0.0})
    with pytest.raises(ParameterError, match="got str"):
        pipeline.run(given, sweep={"weight": [0.0, "much"]})
    with pytest.raises(RequestError, match="matrix names no parameter"):
        Pipeline.from_text(TEXT.replace("inputs:", "matrix: {wieght: [0]}\ninputs:"), registry)
    with pytest.raises(RequestError, match="takes a list of values"):
        Pipeline.from_text(TEXT.replace("inputs:", "matrix: {weight: 3}\ninputs:"), registry)


def test_sweeps_that_change_nothing_or_are_too_many(registry, images):
    idle = Pipeline.from_text(TEXT.replace("params: {", "params: {idle: 0, "), registry)
    with pytest.raises(ParameterError, match="'idle' is swept, but no node depends on it") as caught:
        idle.check(sweep={"idle": [1, 2]})
    assert "$idle" in caught.value.hint
    with pytest.raises(ParameterError, match=r"'weight' is swept over 0.5 twice"):
        idle.check(sweep={"weight": [0.5, 1.0, 0.5]})
    assert idle.check(sweep={"weight": [0, 0.0, 1]})  # files of two names: the numbers are written differently
    with pytest.raises(ParameterError, match="combinations of weight take .* copies of nodes, at most 10,") as caught:
        idle.check(sweep={"weight": [k / 9999 for k in range(9999)]})
    assert "fewer" in caught.value.hint


def test_tables_that_cannot_be_stacked():
    one, other = Table(("a",), ((1,),)), Table(("b",), ((1,),))
    with pytest.raises(DataError, match="different columns"):
        Stack(axes=("x",), values=((1,), (2,)))([one, other])
    with pytest.raises(DataError, match="as many values"):
        Stack(axes=("x",), values=((1,),))([one, one])
    with pytest.raises(DataError, match="a value for each"):
        Stack(axes=("x", "y"), values=((1,),))([one])
