"""What the engine adds to the components it calls."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from bench import table

from otframe import Context, Image, Pipeline, component
from otframe.graph import Builder

__all__ = ["engine_overhead", "whole_run"]

LINKS = 8
FEW, MANY = 40, 240
"""Nodes of the chain, and images of the two runs whose difference is taken: what a run costs once cancels."""
PHOTOS = 4

Clock = Callable[[], float]


def engine_overhead(*, runs: int, clock: Clock) -> dict[str, float]:
    """Microseconds a node and item on images of 8 x 8 pixels, and milliseconds of a run before its first item."""
    pipeline, blend = _chain(), component("image.blend")
    images = {f"{index:04d}": Image(torch.rand(3, 8, 8)) for index in range(MANY)}
    few = dict(list(images.items())[:FEW])

    def loop(items: dict[str, Image]) -> dict[str, Image]:
        made = {}
        for key, image in items.items():
            last = image
            for _ in range(LINKS):
                last = blend(last, image, 0.5)
            made[key] = last
        return made

    ran = _interleaved(
        {
            "run few": lambda: pipeline(images=few),
            "run many": lambda: pipeline(images=images),
            "loop few": lambda: loop(few),
            "loop many": lambda: loop(images),
        },
        runs,
        clock,
    )
    calls = (MANY - FEW) * LINKS
    engine, plain = (1e6 * (ran[f"{kind} many"] - ran[f"{kind} few"]) / calls for kind in ("run", "loop"))
    once = 1e3 * (ran["run few"] - (engine * 1e-6) * FEW * LINKS)
    columns = ("a chain of 8 `image.blend`, 8 x 8 pixels", "value")
    rows = [
        ("engine, us a node and item", f"{engine:.1f}"),
        ("plain loop, us a node and item", f"{plain:.1f}"),
        ("overhead, us a node and item", f"{engine - plain:.1f}"),
        ("check, plan and set-up, ms a run", f"{once:.1f}"),
    ]
    print(table(columns, rows))
    return {"engine_us": engine, "loop_us": plain, "overhead_us": engine - plain, "once_ms": once}


def whole_run(clean: Image, restored: Image, *, runs: int, clock: Clock) -> dict[str, Any]:
    """Seconds of fitting on one pair and enhancing four photographs, by the engine and in a loop, bit for bit equal."""
    rows, numbers = [], {}
    photos = {str(index): restored for index in range(PHOTOS)}
    for use in ("autoencoder.klt", "autoencoder.tiny"):
        pipeline, vae, found = _restoration(use), component(use), {}

        def engine(pipeline: Pipeline = pipeline, found: dict = found) -> None:
            found["engine"] = pipeline(restored=restored, clean=clean, photos=photos)["enhanced"]

        def loop(vae: Any = vae, found: dict = found) -> None:
            found["loop"] = _plain(vae, clean, restored, photos)

        ran = _interleaved({"engine": engine, "loop": loop}, runs, clock)
        equal = all(torch.equal(found["engine"][key].pixels, found["loop"][key].pixels) for key in photos)
        rows.append((use, f"{ran['engine']:.3f}", f"{ran['loop']:.3f}", "yes" if equal else "no"))
        numbers[use] = {**ran, "equal": equal}
    print(table((f"restoration of {PHOTOS} at 512 x 512", "engine, s", "loop, s", "same bits"), rows))
    return numbers


def _interleaved(calls: dict[str, Callable[[], Any]], runs: int, clock: Clock) -> dict[str, float]:
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()  # loads what is loaded once
    for _ in range(runs):
        for name, call in calls.items():
            start = clock()
            call()
            spent[name].append(clock() - start)
    return {name: median(times) for name, times in spent.items()}


def _chain() -> Pipeline:
    b = Builder("Chain")
    first = last = b.input("images", "Image[]")
    for index in range(LINKS):
        # the first port is the one before, so that no two nodes are equal and none is computed once for two
        last = b.node(f"blend_{index}", "image.blend", wires={"a": last, "b": first}, params={"weight": 0.5})
    b.output("last", last)
    return Pipeline(b.document())


def _restoration(use: str) -> Pipeline:
    b = Builder("Restoration")
    restored, clean, photos = (b.input(name, "Image[]") for name in ("restored", "clean", "photos"))
    vae = b.node("vae", use)
    laws = {
        port: b.steps(f"{port}_law", [vae.encode, "patch.unfold", "gaussian.statistics"], images)
        for port, images in (("source", restored), ("target", clean))
    }
    operator = b.node("operator", "gaussian.transport", wires=laws)
    latent = b.steps("latent", [vae.encode], photos)
    moved = b.node("moved", "transport.apply", b.steps("patches", ["patch.unfold"], latent), {"transport": operator})
    after = b.steps("after", ["patch.fold"], moved)
    natural = b.node("natural", "restore.residual", photos, {"before": latent, "after": after, "model": vae})
    b.output("enhanced", b.node("enhanced", "image.blend", wires={"a": natural, "b": photos}, params={"weight": 0.25}))
    return Pipeline(b.document())


def _plain(vae: Any, clean: Image, restored: Image, photos: dict[str, Image]) -> dict[str, Image]:
    unfold, fold, statistics = component("patch.unfold"), component("patch.fold"), component("gaussian.statistics")
    apply, residual, blend = component("transport.apply"), component("restore.residual"), component("image.blend")
    source, target = (statistics.finish(statistics.lift(unfold(vae.encode(image)))) for image in (restored, clean))
    operator, made = component("gaussian.transport").solve(source, target), {}
    for key, image in photos.items():
        ctx, latent = Context(key=key), vae.encode(image)
        after = fold(apply(unfold(latent), operator, ctx=ctx))
        made[key] = blend(residual(image, latent, after, vae, ctx=ctx), image, 0.25)
    return made
