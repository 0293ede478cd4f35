"""Random graphs give what plain arithmetic gives, and nothing is held when they are done."""

import random
from statistics import mean

import cv2
import numpy as np
import pytest

from otframe import Pipeline
from otframe.run.engine import Engine
from otframe.store import Store

KEYS = {"photos": ("a", "b", "c"), "others": ("x", "y")}
GIVEN = {
    "photos": dict(zip(KEYS["photos"], (0.1, 0.2, 0.3), strict=True)),
    "others": dict(zip(KEYS["others"], (0.2, 0.4), strict=True)),
    "one": 0.7,
}
MEASURE = ("mean", "total", "labels", "epochs", "each", "shifted")


class Sketch:
    """A graph's text as it grows, and the number that each of its images and scalars stands for."""

    def __init__(self, seed):
        self.random, self.lines = random.Random(seed), []
        self.numbers = dict(GIVEN)
        self.images, self.scalars = list(GIVEN), []
        while len(self.lines) < self.random.randint(4, 14):
            kind = self.random.choice(("gain", "add", "weighted", "halves", "beside", "beside_list", *MEASURE))
            getattr(self, "scalar" if kind in MEASURE else "image")(kind, f"n{len(self.lines)}")

    def text(self, outputs):
        told = "".join(f"  o{i}: {name}\n" for i, name in enumerate(outputs))
        nodes = "".join(f"  {line}\n" for line in self.lines)
        return f'inputs: {{photos: "Image[]", others: "Image[]", one: Image}}\nnodes:\n{nodes}outputs:\n{told}'

    def items(self, name):
        number = self.numbers[name]
        return list(number.values()) if isinstance(number, dict) else [number]

    def mapped(self, function, *names):
        """The function of each item, single numbers handed to every one; None where two origins meet."""
        streams = {tuple(self.numbers[name]) for name in names if isinstance(self.numbers[name], dict)}
        if len(streams) > 1:
            return None
        if not streams:
            return function(*(self.numbers[name] for name in names))
        row = [self.numbers[name] for name in names]
        return {key: function(*(n[key] if isinstance(n, dict) else n for n in row)) for key in streams.pop()}

    def keep(self, name, line, number, found):
        self.lines.append(f"{name}: {{{line}}}")
        self.numbers[name] = number
        found.append(name)

    def image(self, kind, name):
        a, b = self.random.choice(self.images[-6:]), self.random.choice(self.images[-6:])
        end = self.random.choice((", keep: memory", "", ""))
        if kind == "gain":
            factor = self.random.choice((0.5, 0.9, 1.5))
            line = f"use: toy.gain, in: {a}, with: {{factor: {factor}}}"
            self.keep(name, line + end, self.mapped(lambda x: x * factor, a), self.images)
        elif kind == "halves":
            self.lines.append(f"{name}: {{use: toy.halves, in: {a}{end}}}")
            for part, factor in (("low", 0.5), ("high", 1.5)):
                self.numbers[f"{name}.{part}"] = self.mapped(lambda x, f=factor: x * f, a)
                self.images.append(f"{name}.{part}")
        elif kind in ("add", "weighted"):
            weights = self.random.sample(self.scalars, 1) if kind == "weighted" and self.scalars else []
            number = self.mapped(lambda x, y, w=1.0: x + w * y, a, b, *weights)
            if number is not None:
                weight = f", weight: {weights[0]}" if weights else ""
                self.keep(name, f"use: toy.add, in: {{a: {a}, b: {b}{weight}}}{end}", number, self.images)
        else:
            shift = mean(self.items(b))
            line = f"use: toy.{kind}, in: {{image: {a}, others: {b}}}{end}"
            self.keep(name, line, self.mapped(lambda x: x + shift, a), self.images)

    def scalar(self, kind, name):
        a = self.random.choice(self.images[-6:])
        if kind in ("mean", "epochs"):
            self.keep(name, f"use: toy.{kind}, in: {a}", mean(self.items(a)), self.scalars)
        elif kind == "each":
            self.keep(name, f"use: toy.mean, in: {a}, each: true", self.mapped(lambda x: x, a), self.scalars)
        elif self.scalars:
            parts = self.random.choice(self.scalars[-4:])
            singles = [s for s in self.scalars if not isinstance(self.numbers[s], dict)]
            if kind != "shifted":
                self.keep(name, f"use: toy.{kind}, in: {{parts: {parts}}}", sum(self.items(parts)), self.scalars)
            elif singles:
                shift = self.random.choice(singles)
                number = mean(self.items(a)) + self.numbers[shift] + sum(self.items(parts))
                line = f"use: toy.shifted, in: {{image: {a}, shift: {shift}, parts: {parts}}}"
                self.keep(name, line, number, self.scalars)


def number(value):
    return float(value.pixels.double().mean()) if hasattr(value, "pixels") else value.number


@pytest.mark.parametrize("block", range(4))
def test_a_random_graph_gives_what_arithmetic_gives(run, monkeypatch, block):
    engines = []
    go = Engine.run
    monkeypatch.setattr(Engine, "run", lambda self: engines.append(self) or go(self))
    pixels = np.ones((2, 2, 3), np.float32)
    given = {
        name: {k: x * pixels for k, x in told.items()} if isinstance(told, dict) else told * pixels
        for name, told in GIVEN.items()
    }
    for seed in range(40 * block, 40 * block + 40):
        sketch = Sketch(seed)
        outputs = sketch.random.sample([*sketch.images[len(GIVEN) :], *sketch.scalars], 1)
        outputs += [name for name in sketch.scalars[-2:] if name not in outputs]
        text = sketch.text(outputs)
        found = run(text, inputs=given).values
        for i, name in enumerate(outputs):
            got, wanted = found[f"o{i}"], sketch.numbers[name]
            if isinstance(wanted, dict):
                assert list(got) == list(wanted), text
                got, wanted = [number(value) for value in got.values()], list(wanted.values())
            else:
                got = number(got)
            assert got == pytest.approx(wanted, rel=1e-4), f"{name} of\n{text}"
        assert not engines.pop()._held, text


@pytest.mark.parametrize("block", range(3))
def test_random_graphs_resumed_after_any_loss_give_the_same_files(registry, tmp_path, block):
    pixels = np.random.default_rng(0).random((3, 4, 3), np.float32)
    folders = {}
    for name, keys in {"photos": "abc", "others": "xy", "one": "q"}.items():
        folders[name] = tmp_path / name
        folders[name].mkdir()
        for i, key in enumerate(keys):
            cv2.imwrite(str(folders[name] / f"{key}.tiff"), pixels * (0.2 + 0.2 * i))
    for seed in range(10 * block, 10 * block + 10):
        sketch = Sketch(seed)
        dice = random.Random(seed)
        outputs = dice.sample([*sketch.images[3:], *sketch.scalars], min(3, len(sketch.images) - 3))
        text = sketch.text(outputs).replace("keep: memory", dice.choice(("keep: memory", "keep: disk")))
        pipeline = Pipeline.from_text("otframe: 1\n" + text, registry)
        out, fresh = tmp_path / f"out{seed}", tmp_path / f"fresh{seed}"
        pipeline.run(folders, out=fresh)
        wanted = {path.relative_to(fresh): path.read_bytes() for path in fresh.rglob("*") if path.is_file()}
        pipeline.run(folders, out=out, resume=True)
        for _ in range(3):
            for path in dice.sample(sorted(wanted), dice.randint(0, len(wanted))):
                (out / path).unlink()
            entries = list(Store(out / ".otframe" / "values", registry).entries())
            for entry in dice.sample(entries, dice.randint(0, len(entries))):
                entry.unlink()
            pipeline.run(folders, out=out, resume=True)
            assert {path: (out / path).read_bytes() for path in wanted} == wanted, text
