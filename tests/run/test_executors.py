"""Whatever computes the items: the same bytes, the same order of folds, the same failures."""

import threading

import pytest

from otframe import Pipeline
from otframe.errors import CancelledError, DataError, ParameterError
from otframe.run import Observer

TEXT = """
otframe: 1
inputs: {photos: "Image[]"}
nodes:
  noisy: {in: photos, steps: [toy.noise, toy.gain]}
  order: {use: toy.order, in: noisy}
  mean:  {use: toy.mean, in: noisy}
  out:   {use: toy.add, in: {a: noisy, b: photos, weight: mean}}
outputs: {out: {from: out, to: "{stem}.png"}, order: order, mean: mean}
"""
NAMES = [f"{i}" for i in range(23)]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_same_bytes_as_one_after_the_other(registry, images, tmp_path, workers):
    pipeline, given = Pipeline.from_text(TEXT, registry), {"photos": images(*NAMES)}
    pipeline.run(given, out=tmp_path / "serial", seed=5)
    backwards = {"photos": dict(reversed(given["photos"].items()))}
    pipeline.run(backwards, out=tmp_path / "threads", seed=5, executor="threads", workers=workers)
    names = sorted(path.name for path in (tmp_path / "serial").iterdir())
    assert len(names) == len(NAMES) + 2
    for name in names:
        assert (tmp_path / "serial" / name).read_bytes() == (tmp_path / "threads" / name).read_bytes()


def test_items_run_at_once_and_observers_do_not_overlap(registry, images):
    seen, inside = set(), []

    class Watch(Observer):
        def progress(self, node, key, fraction, note):
            seen.add(threading.current_thread().name)
            inside.append(1)
            assert len(inside) == 1
            inside.pop()

    text = 'otframe: 1\ninputs: {photos: "Image[]"}\nnodes: {out: {use: toy.meet, in: photos}}\noutputs: {out: out}'
    given = {"photos": images("a", "b")}
    Pipeline.from_text(text, registry).run(given, executor="threads", workers=2, observers=[Watch()])
    assert len(seen) == 2


def test_a_failure_stops_the_run_and_names_the_first_key_in_order(registry, images):
    text = 'otframe: 1\ninputs: {photos: "Image[]"}\nnodes: {out: {use: toy.broken, in: photos}}\noutputs: {out: out}'
    with pytest.raises(DataError) as caught:
        Pipeline.from_text(text, registry).run({"photos": images(*NAMES)}, executor="threads", workers=4)
    assert caught.value.key == "0"


def test_models_are_loaded_once_by_many_threads(registry, images, toys):
    text = (
        'otframe: 1\ninputs: {photos: "Image[]"}\n'
        "nodes:\n  m: {use: toy.doubler}\n  out: {in: photos, steps: [m.double]}\noutputs: {out: out}"
    )
    Pipeline.from_text(text, registry).run({"photos": images(*NAMES)}, executor="threads", workers=4)
    assert toys.Doubler.loads == ["cpu"]


def test_cancelling_and_wrong_numbers_of_workers(registry, images, toys):
    pipeline, given = Pipeline.from_text(TEXT, registry), {"photos": images(*NAMES)}
    with pytest.raises(CancelledError):
        pipeline.run(given, executor="threads", workers=2, cancel=lambda: len(toys.LOG) > 3)
    with pytest.raises(ParameterError, match="workers is at least 1"):
        pipeline.run(given, executor="threads", workers=0)
