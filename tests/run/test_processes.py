"""Items in processes: the same bytes as one after the other, and a worker's death is survived."""

import subprocess
import sys
import time
from importlib.metadata import EntryPoint

import numpy as np
import pytest
import torch

from otframe import Pipeline
from otframe.errors import CancelledError, ComponentError, DataError, PluginError
from otframe.io import write
from otframe.registry import Registry
from otframe.run import Observer
from otframe.run.shipping import pack, unpack
from otframe.values import Image

TEXT = """
otframe: 1
params: {sigma: 20}
inputs: {photos: "Image[]"}
nodes:
  noisy:    {in: photos, steps: [{degrade.noise: {sigma: $sigma}}]}
  law:      {in: noisy, steps: [{patch.unfold: {size: 3}}, gaussian.statistics]}
  clean:    {in: photos, steps: [{patch.unfold: {size: 3}}, gaussian.statistics]}
  map:      {use: gaussian.transport, in: {source: law, target: clean}}
  moved:    {in: noisy, steps: [{patch.unfold: {size: 3}}, {use: transport.apply, in: {transport: map}}, patch.fold]}
  out:      {use: image.blend, in: {a: moved, b: noisy}, with: {weight: 0.25}}
  of_noisy: {use: metric.table, in: {image: noisy, reference: photos}, join: key}
  of_out:   {use: metric.table, in: {image: out, reference: photos}, join: key}
  scores:   {use: metric.compare, in: {tables: {noisy: of_noisy, moved: of_out}}}
outputs:
  out:    {from: out, to: "{stem}.png"}
  scores: {from: scores, to: scores.csv}
  map:    {from: map, to: map.safetensors}
"""

PLUGIN = '''
import os
import time
from pathlib import Path

from otframe.errors import DataError
from otframe.interfaces import Accumulator, Context, Transform
from otframe.plugin import Entry, hookimpl
from otframe.values import Image, Scalar


class Die(Transform):
    """Ends its process, as a crash does: at every item of the folder's `always`, once for the others."""

    folder: str

    def __call__(self, image: Image, *, ctx: Context) -> Image:
        once = Path(self.folder, ctx.key)
        if ctx.key == "b" and Path(self.folder, "always").exists() or ctx.key == "a" and not once.exists():
            once.touch()
            os._exit(9)
        return image


class Sleep(Transform):
    file: str

    def __call__(self, image: Image) -> Image:
        Path(self.file).touch()
        time.sleep(60)
        return image


class Broken(Transform):
    def __call__(self, image: Image, *, ctx: Context) -> Image:
        if ctx.key == "b":
            raise DataError("no b", hint="leave it out")
        if ctx.key == "c":
            raise ZeroDivisionError("nothing to divide by")
        return image


class Stuck(Accumulator):
    def lift(self, image: Image) -> object:
        return lambda: 1

    def merge(self, a: object, b: object) -> object:
        return a

    def finish(self, s: object) -> Scalar:
        return Scalar(1.0)


@hookimpl
def otframe_components() -> list[Entry]:
    return [
        Entry("test.die", "otframe_test_mortal:Die", "transform", "dies"),
        Entry("test.sleep", "otframe_test_mortal:Sleep", "transform", "sleeps"),
        Entry("test.broken", "otframe_test_mortal:Broken", "transform", "fails"),
        Entry("test.stuck", "otframe_test_mortal:Stuck", "accumulator", "has a state that cannot be sent"),
    ]
'''


def photos(names):
    return {name: np.random.default_rng(i).random((24, 20, 3), np.float32) for i, name in enumerate(names)}


@pytest.fixture
def mortal(tmp_path, monkeypatch):
    """Runs one component over images, in processes that find it on their path."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "otframe_test_mortal.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path / "site")
    registry = Registry(points=[EntryPoint("mortal", "otframe_test_mortal", "otframe")])
    assert not registry.failures()

    def call(use, names="abcd", workers=1, **options):
        nodes = f"nodes: {{out: {{in: photos, {use}}}}}"
        text = f'otframe: 1\ninputs: {{photos: "Image[]"}}\n{nodes}\noutputs: {{out: out}}'
        pipeline = Pipeline.from_text(text, registry)
        return pipeline.run({"photos": photos(names)}, executor="processes", workers=workers, **options)

    return call


def test_the_same_bytes_as_one_after_the_other(tmp_path):
    given = photos([f"{i}" for i in range(9)])
    pipeline = Pipeline.from_text(TEXT)
    runs = {"serial": ({}, given), "processes": ({"workers": 2}, dict(reversed(given.items())))}
    for name, (options, images) in runs.items():
        pipeline.run({"photos": images}, out=tmp_path / name, seed=5, params={"sigma": 30}, executor=name, **options)
    first, second = (sorted((tmp_path / name).iterdir()) for name in runs)
    assert [path.name for path in first] == [path.name for path in second]
    assert len(first) == 12
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_values_in_memory_files_and_swept_parameters_cross(tmp_path):
    text = """
otframe: 1
params: {sigma: 20}
inputs: {photos: "Image[]", one: Image}
nodes:
  noisy: {in: photos, steps: [{degrade.noise: {sigma: $sigma}}]}
  out:   {use: image.blend, in: {a: noisy, b: one}, with: {weight: 0.5}}
outputs: {out: out}
"""
    for name, pixels in photos(["a", "b", "c"]).items():
        write(Image.from_numpy(pixels), tmp_path / f"{name}.png", Registry.installed())
    pipeline = Pipeline.from_text(text)
    given = {"photos": str(tmp_path), "one": photos(["x"])["x"]}
    serial = pipeline.run(given, sweep={"sigma": [5, 10]}).values
    there = pipeline.run(given, sweep={"sigma": [5, 10]}, executor="processes", workers=1).values
    assert list(serial) == list(there)
    for name, images in serial.items():
        assert list(images) == list(there[name])
        for key, image in images.items():
            assert image.meta == there[name][key].meta
            assert image.pixels.equal(there[name][key].pixels)


def test_a_death_is_survived_and_an_item_that_kills_again_is_reported(mortal, tmp_path):
    seen = []

    class Watch(Observer):
        def item_finished(self, key):
            seen.append(key)

    (tmp_path / "always").touch()
    use = f'steps: [{{test.die: {{folder: "{tmp_path}"}}}}]'
    result = mortal(use, workers=2, on_error="skip", observers=[Watch()])
    assert list(result.values["out"]) == ["a", "c", "d"]
    assert seen == ["a", "b", "c", "d"]
    assert (tmp_path / "a").exists()  # it died too, once
    (error,) = result.failures
    assert isinstance(error, ComponentError)
    assert error.key == "b"
    assert "worker process died" in error.message


def test_cancelling_takes_less_than_a_second(mortal, tmp_path):
    asked = []

    def cancel():
        if (tmp_path / "asleep").exists():
            asked.append(time.perf_counter())
        return bool(asked)

    with pytest.raises(CancelledError):
        mortal(f'steps: [{{test.sleep: {{file: "{tmp_path / "asleep"}"}}}}]', cancel=cancel)
    assert time.perf_counter() - asked[0] < 1


def test_errors_are_those_of_the_component(mortal):
    failures = mortal("steps: [test.broken]", on_error="skip").failures
    data, other = failures
    assert isinstance(data, DataError)
    assert (data.message, data.hint, data.node, data.key) == ("no b", "leave it out", "out", "b")
    assert data.where.line == 3
    assert isinstance(other, ComponentError)
    assert other.message == "'test.broken' raised ZeroDivisionError: nothing to divide by"
    assert "nothing to divide by" in str(other.__cause__)


def test_a_state_that_cannot_cross_names_its_node(mortal):
    with pytest.raises(ComponentError, match="'test.stuck' gives cannot go to another process") as caught:
        mortal("steps: [test.stuck]")
    assert caught.value.node == "out"


def test_a_plugin_that_workers_cannot_import_is_told_of(toys, registry):
    text = 'otframe: 1\ninputs: {photos: "Image[]"}\nnodes: {out: {use: toy.gain, in: photos}}\noutputs: {out: out}'
    with pytest.raises(PluginError, match="'toys' cannot be loaded in a worker process") as caught:
        Pipeline.from_text(text, registry).run({"photos": photos("ab")}, executor="processes", workers=1)
    assert "PYTHONPATH" in caught.value.hint


def test_a_script_without_the_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np\nfrom otframe import Pipeline\n"
        "text = 'otframe: 1\\ninputs: {a: \"Image[]\"}\\nnodes: {b: {use: patch.unfold, in: a}}\\noutputs: {b: b}'\n"
        "Pipeline.from_text(text).run({'a': [np.zeros((4, 4))]}, executor='processes', workers=1)\n"
    )
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "no worker process could be started" in ended.stderr
    assert ended.stderr.rstrip().endswith('`if __name__ == "__main__":`')


def test_tensors_keep_their_layout_and_mappings_their_order():
    registry = Registry.installed()
    law = torch.arange(12.0).reshape(3, 4)
    there = unpack(pack({"b": law.T, "a": law.expand(2, 3, 4)}, registry), registry)
    assert list(there) == ["b", "a"]
    assert there["b"].stride() == (1, 4)
    assert there["b"].equal(law.T)
    assert there["a"].equal(law.expand(2, 3, 4))
    image = Image.from_numpy(np.random.default_rng(0).random((5, 6, 3), np.float32), meta={"z": 1, "a": 2})
    image = image.with_grid(image.pixels.permute(0, 2, 1).contiguous().permute(0, 2, 1))
    there = unpack(pack([image, float("nan")], registry), registry)[0]
    assert there.pixels.stride() == image.pixels.stride()
    assert list(there.meta) == list(image.meta)
