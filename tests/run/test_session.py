"""Embedding: sessions that share models between runs and threads, and what a pipeline tells of itself."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from otframe import Pipeline
from otframe.errors import InputError, RequestError
from otframe.run import Observer

TEXT = """
otframe: 1
params: {share: 0.5, deep: true, sizes: [1, 2], name: x}
inputs:
  fit: "Image[]"
  photos: {type: "Image[]", default: photos, doc: to be doubled}
  extra: {type: Image, optional: true}
nodes:
  m: {use: toy.doubler}
  mean: {use: toy.mean, in: fit}
  out: {in: photos, steps: [m.double, {use: toy.add, in: {b: photos, weight: mean}}]}
outputs: {out: out, mean: mean}
"""


@pytest.fixture
def pipeline(registry):
    return Pipeline.from_text(TEXT, registry)


def test_models_are_loaded_once_a_session_whatever_threads_run_it(pipeline, images, toys):
    fit, names = images("f"), [f"{i}" for i in range(8)]
    with pipeline.session() as session, ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda name: session(fit=fit, photos=images(name)), names))
    assert toys.Doubler.loads == ["cpu"]
    alone = pipeline(fit=fit, photos=images("0"))
    assert all(np.array_equal(m["out"][n].numpy(), alone["out"]["0"].numpy()) for m, n in zip(made, names, strict=True))
    with pytest.raises(RequestError, match="session is closed"):
        session(fit=fit, photos=images("a"))


def test_a_session_lends_its_observers_and_an_operator_its_arrays(pipeline, images):
    seen = []

    class Watch(Observer):
        def item_finished(self, key):
            seen.append(key)

    operator = pipeline.fit(fit=images("f"))
    array = images("a")["a"]
    with operator.session(observers=[Watch()]) as session:
        assert np.array_equal(session(array), operator(array))
    assert seen == ["0000"]
    with pipeline.session() as session, pytest.raises(InputError, match="by name"):
        session(array)


def test_signature(pipeline, images):
    found = pipeline.signature
    told = [(i.name, i.type, i.stream, i.required, i.default) for i in found.inputs]
    assert told == [
        ("fit", "Image", True, True, None),
        ("photos", "Image", True, False, "photos"),
        ("extra", "Image", False, False, None),
    ]
    assert [(o.name, o.type, o.stream) for o in found.outputs] == [("out", "Image", True), ("mean", "Scalar", False)]
    schema = found.schema()
    kinds = {name: part.get("type") for name, part in schema["properties"].items()}
    assert kinds == {"share": "number", "deep": "boolean", "sizes": "array", "name": "string"}
    assert schema["properties"]["share"]["default"] == 0.5
    assert [i.name for i in pipeline.fit(fit=images("f")).signature.inputs] == ["photos"]
