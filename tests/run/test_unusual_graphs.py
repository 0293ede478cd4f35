"""Graphs whose passes are not plain: folds of folds, gathers in maps, views in views, inputs joined and apart."""

import gc
import weakref

import numpy as np
import pytest

PHOTOS = 'inputs: {photos: "Image[]", others: {type: "Image[]", optional: true}}\n'


def means(stream):
    return [round(float(image.pixels.mean()), 6) for image in stream.values()]


def test_a_view_inside_a_view_finds_a_fold_that_a_pass_has_already_used(run, images):
    text = PHOTOS + (
        "nodes:\n  mean: {use: toy.mean, in: photos}\n"
        "  shifted: {use: toy.add, in: {a: photos, b: photos, weight: mean}}\n"
        "  beside: {use: toy.beside, in: {image: photos, others: shifted}}\n"
        "  learned: {use: toy.epochs, in: beside}\n"
        "outputs: {shifted: shifted, learned: learned}"
    )
    result = run(text, inputs={"photos": images("a", "b")})
    assert means(result.values["shifted"]) == pytest.approx([0.1 * 1.15, 0.2 * 1.15])
    assert result.values["learned"].number == pytest.approx(0.15 + 0.15 * 1.15)


def test_a_gather_inside_a_map_of_the_same_and_of_another_origin(run, images):
    text = PHOTOS + (
        "nodes:\n  near: {use: toy.beside_list, in: {image: photos, others: others}}\n"
        "  far: {use: toy.beside_list, in: {image: near, others: near}}\n"
        "  mean: {use: toy.mean, in: far}\n  again: {use: toy.add, in: {a: photos, b: far, weight: mean}}\n"
        "outputs: {far: far, again: again}"
    )
    result = run(text, inputs={"photos": images("a", "b"), "others": images("x", "y", "z")})
    near = np.array([0.1, 0.2]) + 0.2
    far = near + near.mean()
    assert means(result.values["far"]) == pytest.approx(far)
    assert means(result.values["again"]) == pytest.approx([0.1, 0.2] + far.mean() * far)


def test_a_view_of_a_map_that_gathers(run, images):
    text = PHOTOS + (
        "nodes:\n  near: {use: toy.beside_list, in: {image: photos, others: others}}\n"
        "  learned: {use: toy.epochs, in: near}\n"
        "  out: {use: toy.add, in: {a: others, b: others, weight: learned}}\noutputs: {out: out}"
    )
    result = run(text, inputs={"photos": images("a", "b"), "others": images("x", "y", "z")})
    assert means(result.values["out"]) == pytest.approx([0.1 * 1.35, 0.2 * 1.35, 0.3 * 1.35])


def test_a_fold_with_a_single_value_of_another_stream_and_a_gathered_list_and_folds_of_it(run, images):
    text = PHOTOS + (
        "nodes:\n  shift: {use: toy.mean, in: others}\n  parts: {use: toy.mean, in: others, each: true}\n"
        "  first: {use: toy.shifted, in: {image: photos, shift: shift, parts: parts}}\n"
        "  more: {use: toy.add, in: {a: photos, b: photos, weight: first}}\n  second: {use: toy.mean, in: more}\n"
        "  total: {use: toy.total, in: [first, second, shift]}\noutputs: {second: second, total: total, more: more}"
    )
    result = run(text, inputs={"photos": images("a", "b"), "others": images("x", "y", "z")})
    first = 0.15 + 0.2 + 0.6
    assert result.values["second"].number == pytest.approx(0.15 * (1 + first))
    assert result.values["total"].number == pytest.approx(first + 0.15 * (1 + first) + 0.2)


def test_inputs_joined_in_one_place_and_used_apart_in_others_beside_a_before_of_the_other(run, images):
    text = 'inputs: {x: "Image[]", y: "Image[]"}\n' + (
        "nodes:\n  both: {use: toy.add, in: {a: x, b: y}, join: key}\n  alone: {use: toy.gain, in: y}\n"
        "  mean: {use: toy.mean, in: alone}\n  out: {use: toy.add, in: {a: x, b: both, weight: mean}}\n"
        "outputs: {out: {from: out, before: alone}, alone: alone}"
    )
    result = run(text, inputs={"x": images("p", "q"), "y": images("p", "q")})
    assert means(result.values["out"]) == pytest.approx([0.1 + 0.3 * 0.2, 0.2 + 0.3 * 0.4])
    assert means(result.values["alone"]) == pytest.approx([0.2, 0.4])


def test_what_an_output_is_only_shown_beside_is_not_computed(run, images, toys):
    text = PHOTOS + (
        "nodes:\n  mean: {use: toy.mean, in: photos}\n"
        "  shown: {use: toy.add, in: {a: photos, b: photos, weight: mean}}\n  out: {use: toy.gain, in: photos}\n"
        "outputs: {out: {from: out, before: shown}}"
    )
    run(text, inputs={"photos": images("a", "b")})
    assert toys.LOG == [("gain", 2.0), ("gain", 2.0)]


@pytest.mark.parametrize("photos", ["stream", "single"])
def test_fields_of_a_value_as_a_view_and_as_a_list(run, images, photos):
    text = f'inputs: {{photos: "Image{"[]" if photos == "stream" else ""}"}}\n' + (
        "nodes:\n  parts: {use: toy.halves, in: photos}\n  learned: {use: toy.epochs, in: parts.high}\n"
        "  out: {use: toy.beside_list, in: {image: parts.low, others: parts.high}}\n"
        "outputs: {learned: learned, out: out}"
    )
    given = images("a", "b") if photos == "stream" else images("a")["a"]
    result = run(text, inputs={"photos": given}).values
    if photos == "stream":
        assert result["learned"].number == pytest.approx(0.225)
        assert means(result["out"]) == pytest.approx([0.05 + 0.225, 0.1 + 0.225])
    else:
        assert result["learned"].number == pytest.approx(0.15)
        assert float(result["out"].pixels.mean()) == pytest.approx(0.2)


def test_nothing_behind_a_kept_value_is_computed_again(run, images, toys):
    text = PHOTOS + (
        "nodes:\n  first: {use: toy.gain, in: photos}\n"
        "  kept: {use: toy.gain, in: first, keep: memory, with: {factor: 3}}\n"
        "  learned: {use: toy.epochs, in: kept}\n  mean: {use: toy.mean, in: kept}\n"
        "outputs: {learned: learned, mean: mean}"
    )
    run(text, inputs={"photos": images("a", "b")})
    assert toys.LOG.count(("gain", 2.0)) == 2
    assert toys.LOG.count(("gain", 3.0)) == 2


def test_gathered_values_are_dropped_after_their_last_reader(run, images, toys, monkeypatch):
    """The list of the first gather is gone while the last node works."""
    text = PHOTOS + (
        "nodes:\n  more: {use: toy.gain, in: photos}\n"
        "  near: {use: toy.beside_list, in: {image: others, others: more}}\n  mean: {use: toy.mean, in: near}\n"
        "  out: {use: toy.gain, in: photos, with: {factor: 7}}\n"
        "  last: {use: toy.add, in: {a: photos, b: photos, weight: mean}}\noutputs: {last: last}"
    )
    seen = []
    add = toys.Add.__call__

    def watching(self, a, b, weight=1.0):
        gc.collect()
        seen.append(len(toys.LIVE))
        return add(self, a, b, weight)

    monkeypatch.setattr(toys.Add, "__call__", watching)
    monkeypatch.setattr(toys, "LIVE", weakref.WeakSet())
    run(text, inputs={"photos": images("a", "b"), "others": images("x", "y")})
    assert seen[0] == 0
