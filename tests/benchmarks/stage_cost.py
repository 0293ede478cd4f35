"""What each stage of restoration by latent Gaussian transport costs."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

from bench import table

from otframe import Context, Image, component
from otframe.interfaces import Autoencoder

__all__ = ["SIZES", "share", "stage_table", "stages"]

SIZES = (3, 5)
LIMIT = 0.05

Clock = Callable[[], float]


def stages(vae: Autoencoder, clean: Image, restored: Image, *, runs: int, clock: Clock) -> dict[str, float]:
    """Median seconds of each stage. The stages of a run follow one another, so that a disturbance hits all of them."""
    spent: dict[str, list[float]] = {}

    def timed(name: str, call: Callable[..., Any], *given: Any) -> Any:
        start = clock()
        made = call(*given)
        spent.setdefault(name, []).append(clock() - start)
        return made

    statistics, solver = component("gaussian.statistics"), component("gaussian.transport")
    unfolds = {size: component("patch.unfold", size=size) for size in SIZES}
    apply, fold, ctx = component("transport.apply"), component("patch.fold"), Context()

    def move(latent: Any, size: int, operator: Any) -> Any:
        return fold(apply(unfolds[size](latent), operator, ctx=ctx))

    target = vae.encode(clean)
    laws = {size: statistics.finish(statistics.lift(unfold(target))) for size, unfold in unfolds.items()}
    vae.decode(target)  # so that nothing is loaded or planned within a measured call
    for _ in range(runs):
        latent = moved = timed("encode", vae.encode, restored)
        for size, unfold in unfolds.items():
            state = timed(f"statistics {size}", statistics.lift, unfold(latent))
            operator = timed(f"solve {size}", solver.solve, statistics.finish(state), laws[size])
            timed(f"first {size}", move, latent, size, operator)
            moved = timed(f"move {size}", move, latent, size, operator)
        timed("decode", vae.decode, moved)
    return {name: median(times) for name, times in spent.items()}


def share(spent: dict[str, float], size: int) -> float:
    """Statistics, transport and fold of an image as a part of its encoding and decoding."""
    return (spent[f"statistics {size}"] + spent[f"move {size}"]) / (spent["encode"] + spent["decode"])


def stage_table(found: dict[str, dict[str, float]]) -> str:
    """The stages of all encoders, in milliseconds."""
    columns = ("encoder", "p", "encode", "statistics", "transport and fold", "decode", "share", f"under {LIMIT:.0%}")
    once = ("solve, once", "transport and fold, first image")
    rows = []
    for name, spent in found.items():
        for size in SIZES:
            told = [spent[key] for key in ("encode", f"statistics {size}", f"move {size}", "decode")]
            part = share(spent, size)
            last = [spent[key] for key in (f"solve {size}", f"first {size}")]
            verdict = "yes" if part < LIMIT else "no"
            rows.append((name, size, *map(_ms, told), f"{part:.1%}", verdict, *map(_ms, last)))
    return table((*columns, *once), rows)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f}" if seconds < 0.1 else f"{1000 * seconds:.0f}"
