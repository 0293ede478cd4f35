"""The engine: arrows at work, folds in key order, release, failures, streams, models, seeds."""

import gc

import numpy as np
import pytest

from otframe import Pipeline
from otframe.errors import CancelledError, ComponentError, DataError, InputError
from otframe.run import Observer

PHOTOS = 'inputs: {photos: "Image[]"}\n'


def means(stream):
    return {key: round(float(image.pixels.mean()), 6) for key, image in stream.items()}


def test_a_stream_is_mapped_item_by_item(run, images):
    text = PHOTOS + "nodes: {more: {use: toy.gain, in: photos, with: {factor: 3}}}\noutputs: {more: more}"
    result = run(text, inputs={"photos": images("a", "b")})
    assert means(result.values["more"]) == {"a": 0.3, "b": 0.6}


def test_a_fold_visits_the_items_in_key_order_and_a_single_value_is_broadcast(run, images):
    text = PHOTOS + (
        "nodes:\n  order: {use: toy.order, in: photos}\n  mean: {use: toy.mean, in: photos}\n"
        "  lifted: {use: toy.add, in: {a: photos, b: photos, weight: mean}}\n"
        "outputs: {order: order, mean: mean, lifted: lifted}"
    )
    shuffled = dict(reversed(images("2", "10", "1").items()))
    result = run(text, inputs={"photos": shuffled})
    assert result.values["order"].name == "1,2,10"
    assert result.values["mean"].number == pytest.approx(0.2)
    assert means(result.values["lifted"])["2"] == pytest.approx(0.1 * 1.2)


def test_a_fold_over_a_single_value_is_a_fold_over_one(run, images):
    text = "inputs: {photo: Image}\nnodes: {mean: {use: toy.mean, in: photo}}\noutputs: {mean: mean}"
    assert run(text, inputs={"photo": images("a")["a"]}).values["mean"].number == pytest.approx(0.1)


def test_each_folds_every_item_alone(run, images):
    text = PHOTOS + (
        "nodes:\n  mean: {use: toy.mean, in: photos, each: true}\n  total: {use: toy.total, in: mean}\n"
        "  labels: {use: toy.labels, in: {parts: mean}}\noutputs: {mean: mean, total: total, labels: labels}"
    )
    result = run(text, inputs={"photos": images("a", "b", "c")})
    assert [scalar.number for scalar in result.values["mean"].values()] == pytest.approx([0.1, 0.2, 0.3])
    assert result.values["total"].number == pytest.approx(0.6)
    assert result.values["labels"].name == "a,b,c"


def test_labelled_values_and_lists_of_single_values(run, images):
    text = PHOTOS + (
        "nodes:\n  mean: {use: toy.mean, in: photos}\n  twice: {use: toy.total, in: [mean, mean]}\n"
        "  named: {use: toy.labels, in: {parts: {x: mean, y: twice}}}\noutputs: {twice: twice, named: named}"
    )
    result = run(text, inputs={"photos": images("a", "b")})
    assert result.values["twice"].number == pytest.approx(0.3)
    assert result.values["named"].name == "x,y"
    assert result.values["named"].number == pytest.approx(0.45)


def test_a_stream_port_is_walked_many_times_lazily(run, images, toys):
    text = PHOTOS + (
        "nodes:\n  more: {use: toy.gain, in: photos}\n  learned: {use: toy.epochs, in: more, with: {epochs: 3}}\n"
        "outputs: {learned: learned}"
    )
    result = run(text, inputs={"photos": images("a", "b")})
    assert result.values["learned"].number == pytest.approx(0.3)
    assert result.values["learned"].name == "2:a,b"
    assert toys.LOG.count(("gain", 2.0)) == 6  # two images, three epochs: nothing is kept


def test_keep_memory_computes_each_item_once(run, images, toys):
    text = PHOTOS + (
        "nodes:\n  more: {use: toy.gain, in: photos, keep: memory}\n  learned: {use: toy.epochs, in: more}\n"
        "outputs: {learned: learned}"
    )
    run(text, inputs={"photos": images("a", "b")})
    assert toys.LOG.count(("gain", 2.0)) == 2


def test_what_does_not_wait_for_a_fold_shares_the_walk_of_what_does(run, images, toys):
    """The gain is read by a fold that nothing waits for, and by an output that waits for another fold."""
    text = 'inputs: {fit: "Image[]", photos: "Image[]"}\n' + (
        "nodes:\n  mean: {use: toy.mean, in: fit}\n  more: {use: toy.gain, in: photos}\n"
        "  score: {use: toy.mean, in: more}\n  out: {use: toy.add, in: {a: more, b: more, weight: mean}}\n"
        "outputs: {out: out, score: score}"
    )
    run(text, inputs={"fit": images("f"), "photos": images("a", "b")})
    assert toys.LOG.count(("gain", 2.0)) == 2


def test_identical_nodes_are_computed_once(run, images, toys):
    text = PHOTOS + (
        "nodes:\n  one: {use: toy.gain, in: photos}\n  two: {use: toy.gain, in: photos}\n"
        "  sum: {use: toy.add, in: {a: one, b: two}}\noutputs: {sum: sum}"
    )
    result = run(text, inputs={"photos": images("a")})
    assert means(result.values["sum"]) == {"a": 0.4}
    assert len(toys.LOG) == 1


def test_streams_of_two_origins_are_paired_by_key(run, images):
    text = 'inputs: {x: "Image[]", y: "Image[]"}\n' + (
        "nodes: {sum: {use: toy.add, in: {a: x, b: y}, join: key}}\noutputs: {sum: sum}"
    )
    backwards = dict(reversed(images("p", "q").items()))
    assert means(run(text, inputs={"x": images("p", "q"), "y": backwards}).values["sum"]) == {"p": 0.2, "q": 0.4}
    with pytest.raises(InputError, match=r"(?s)keys differ: only in 'x': q; only in 'y': r"):
        run(text, inputs={"x": images("p", "q"), "y": images("p", "r")})


def test_named_fields_of_a_value(run, images):
    text = PHOTOS + (
        "nodes:\n  parts: {use: toy.halves, in: photos}\n  sum: {use: toy.add, in: {a: parts.low, b: parts.high}}\n"
        "outputs: {sum: sum, high: parts.high}"
    )
    result = run(text, inputs={"photos": images("a")})
    assert means(result.values["sum"]) == {"a": 0.2}
    assert means(result.values["high"]) == {"a": 0.15}


def test_values_are_dropped_after_their_last_reader(run, images, toys):
    """A chain of ten over many images keeps a few images alive, however long and many."""
    chain = ", ".join("{toy.gain: {factor: %d}}" % (i + 1) for i in range(10))  # noqa: UP031
    text = PHOTOS + (
        f"nodes:\n  out: {{in: photos, steps: [{chain}]}}\n  mean: {{use: toy.mean, in: out}}\noutputs: {{mean: mean}}"
    )
    gc.disable()
    try:
        run(text, inputs={"photos": images(*[f"{i:03d}" for i in range(40)])})
    finally:
        gc.enable()
    assert toys.PEAK[0] <= 3


def test_models_are_loaded_once_and_only_if_needed(run, images, toys):
    text = PHOTOS + (
        "nodes:\n  m: {use: toy.doubler}\n  idle: {use: toy.doubler, with: {strength: 5}}\n"
        "  there: {in: photos, steps: [m.double]}\n  back: {in: there, steps: [m.halve]}\n"
        "  used: {use: toy.uses, in: {image: photos, model: m}}\n"
        "outputs: {there: there, back: back, used: used}"
    )
    result = run(text, inputs={"photos": images("a", "b")})
    assert means(result.values["there"]) == {"a": 0.2, "b": 0.4}
    assert means(result.values["back"]) == means(result.values["used"]) == {"a": 0.1, "b": 0.2}
    assert toys.Doubler.loads == ["cpu"]


def test_randomness_depends_on_seed_node_and_key_alone(run, images):
    text = PHOTOS + (
        "nodes:\n  one: {use: toy.noise, in: photos}\n  two: {use: toy.noise, in: photos}\n"
        "  same: {use: toy.noise, in: photos, rng: one}\n"
        "  nested: {use: toy.wrapped, in: photos, rng: one, with: {inner: toy.noise}}\n"
        "outputs: {one: one, two: two, same: same, nested: nested}"
    )
    first = run(text, inputs={"photos": images("a", "b")}).values
    alone = run(text, inputs={"photos": {"b": images("a", "b")["b"]}}).values
    other = run(text, inputs={"photos": images("a", "b")}, seed=1).values
    same = [first["one"]["b"], alone["one"]["b"], first["same"]["b"], first["nested"]["b"]]
    assert all(np.array_equal(same[0].numpy(), image.numpy()) for image in same)
    assert not np.array_equal(first["one"]["b"].numpy(), first["two"]["b"].numpy())
    assert not np.array_equal(first["one"]["b"].numpy(), other["one"]["b"].numpy())
    shared = first["one"]["a"].pixels - 0.1, first["one"]["b"].pixels - 0.2
    assert not np.allclose(*(part.numpy() for part in shared))


def broken(how, more="", outputs=""):
    return PHOTOS + (
        f"nodes:\n  out: {{use: toy.broken, in: photos, with: {{on: b, how: {how}}}}}\n"
        f"  fine: {{use: toy.gain, in: photos}}\n{more}outputs: {{out: out, fine: fine{outputs}}}"
    )


def test_a_failed_item_stops_the_run_with_node_and_key(run, images):
    with pytest.raises(DataError, match="this image is not liked") as caught:
        run(broken("typed"), inputs={"photos": images("a", "b", "c")})
    assert (caught.value.node, caught.value.key, caught.value.hint) == ("out", "b", "give another")


def test_a_failed_item_is_skipped_and_listed_and_what_does_not_need_it_goes_on(run, images):
    text = broken("untyped")
    result = run(text, inputs={"photos": images("a", "b", "c")}, on_error="skip")
    assert list(result.values["out"]) == ["a", "c"]
    assert list(result.values["fine"]) == ["a", "b", "c"]
    (error,) = result.failures
    assert isinstance(error, ComponentError)
    assert (error.node, error.key) == ("out", "b")
    assert "RuntimeError: boom" in error.message


@pytest.mark.parametrize("skip", [False, True])
def test_a_failed_item_does_not_go_missing_from_a_fold_unless_told(run, images, skip):
    more = f"  mean: {{use: toy.mean, in: out, skip: {str(skip).lower()}}}\n"
    text = broken("typed", more, ", mean: mean")
    given = {"photos": images("a", "b", "c")}
    if skip:
        assert run(text, inputs=given, on_error="skip").values["mean"].number == pytest.approx(0.2)
    else:
        with pytest.raises(DataError) as caught:
            run(text, inputs=given, on_error="skip")
        assert "skip: true" in caught.value.hint


def test_a_fold_of_which_nothing_is_left_is_an_error(run, images):
    text = PHOTOS + (
        "nodes:\n  out: {use: toy.broken, in: photos}\n  mean: {use: toy.mean, in: out, skip: true}\n"
        "outputs: {mean: mean}"
    )
    with pytest.raises(DataError, match="nothing is left to fold"):
        run(text, inputs={"photos": images("a", "b")}, on_error="skip")


def test_a_component_that_breaks_its_promise_is_named(run, images):
    text = PHOTOS + "nodes: {out: {use: toy.liar, in: photos}}\noutputs: {out: out}"
    with pytest.raises(ComponentError, match=r"'toy\.liar' promised Image and gave str"):
        run(text, inputs={"photos": images("a")})


def test_empty_and_missing_inputs(run, images):
    text = PHOTOS + "nodes: {out: {use: toy.gain, in: photos}}\noutputs: {out: out}"
    with pytest.raises(InputError, match="is not given"):
        run(text)
    with pytest.raises(InputError, match="empty"):
        run(text, inputs={"photos": {}})
    single = "inputs: {photo: Image}\nnodes: {out: {use: toy.gain, in: photo}}\noutputs: {out: out}"
    with pytest.raises(InputError, match=r"takes one Image, got 2: a, b"):
        run(single, inputs={"photo": images("a", "b")})


def test_cancelling_between_items(run, images, toys):
    text = PHOTOS + "nodes: {out: {use: toy.gain, in: photos}}\noutputs: {out: out}"
    with pytest.raises(CancelledError):
        run(text, inputs={"photos": images(*"abcdef")}, cancel=lambda: len(toys.LOG) >= 2)
    assert len(toys.LOG) == 2


def test_observers_see_the_run_and_cannot_break_it(run, images):
    seen = []

    class Recorder(Observer):
        def run_started(self, info):
            seen.append(("start", dict(info.keys)))

        def pass_started(self, label, keys):
            seen.append(("pass", label, keys))

        def item_finished(self, key):
            seen.append(("item", key))

        def progress(self, node, key, fraction, note):
            seen.append(("progress", node, round(fraction, 2)))

        def run_finished(self, result):
            seen.append(("end", len(result.failures)))

    class Faulty(Observer):
        def item_finished(self, key):
            raise ValueError("a broken observer")

    text = PHOTOS + (
        "nodes:\n  out: {use: toy.gain, in: photos}\n  learned: {use: toy.epochs, in: photos, with: {epochs: 2}}\n"
        "outputs: {out: out, learned: learned}"
    )
    with pytest.warns(UserWarning, match="a broken observer"):
        run(text, inputs={"photos": images("a", "b")}, observers=[Recorder(), Faulty()])
    assert seen == [
        ("start", {"photos": ("a", "b")}),
        ("pass", "out", ("a", "b")),
        ("item", "a"),
        ("item", "b"),
        ("progress", "learned", 0.5),
        ("progress", "learned", 1.0),
        ("end", 0),
    ]


def test_a_pipeline_is_called_on_arrays(registry, images):
    text = "otframe: 1\n" + PHOTOS + "nodes: {out: {use: toy.gain, in: photos}}\noutputs: {out: out}"
    found = Pipeline.from_text(text, registry)(photos=[images("a")["a"], images("a")["a"]])
    assert means(found["out"]) == {"0000": 0.2, "0001": 0.2}
