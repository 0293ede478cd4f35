"""Patch view against patches made one by one: `python tests/benchmarks/bench_patches.py [--threads 1] [--runs 5]`.

All variants run interleaved in one process, so that what else the machine does falls on all of them; medians are
printed as a markdown table. On a busy machine `--clock cpu` counts the process's own seconds. Explicit means: `unfold`
to rows, one matrix product, `fold`; for statistics rows in float64, one product. `made ready` applies a map to a
further image, `first image` also sums the map's kernels.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import torch

import otframe
from otframe.numerics import AffineFold, fold_rows, moments, unfold_rows

CASES = [
    ("latent of 512 x 512", 32, 64, 5),
    ("latent of 512 x 512", 32, 64, 3),
    ("photo", 3, 512, 5),
    ("photo", 3, 512, 3),
    ("grid of 32 channels", 32, 512, 5),
]


CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def interleaved(variants: dict[str, Callable[[], object]], runs: int, clock: str) -> dict[str, float]:
    """Median seconds of each variant, run in turns after one warm-up turn."""
    times: dict[str, list[float]] = {name: [] for name in variants}
    for turn in range(runs + 1):
        for name, call in variants.items():
            start = CLOCKS[clock]()
            call()
            if turn:
                times[name].append(CLOCKS[clock]() - start)
    return {name: statistics.median(each) for name, each in times.items()}


def problem(channels: int, side: int, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A float32 grid and a patch map in float64."""
    g = torch.Generator().manual_seed(0)
    dim = channels * size**2
    grid = torch.randn(channels, side, side, generator=g)
    A = torch.randn(dim, dim, generator=g, dtype=torch.float64) / dim**0.5
    return grid, A, torch.randn(dim, generator=g, dtype=torch.float64)


def apply_case(channels: int, side: int, size: int, runs: int, clock: str) -> dict[str, float]:
    """Seconds of unfold, map, fold."""
    grid, A, b = problem(channels, side, size)
    single, offset = A.float().T.contiguous(), b.float()

    def explicit() -> torch.Tensor:
        return fold_rows(torch.addmm(offset, unfold_rows(grid, size), single), tuple(grid.shape), size)

    ready = AffineFold(A, b, size)
    variants = {
        "explicit": explicit,
        "ready": lambda: ready(grid),
        "first": lambda: AffineFold(A, b, size)(grid),
    }
    return interleaved(variants, runs, clock)


def moments_case(channels: int, side: int, size: int, runs: int, clock: str) -> dict[str, float]:
    """Seconds of mean and covariance."""
    grid, _, _ = problem(channels, side, size)

    def explicit() -> torch.Tensor:
        rows = unfold_rows(grid, size).double()
        rows = rows - rows.mean(0)
        return rows.T @ rows

    return interleaved({"explicit": explicit, "shifted": lambda: moments(grid, size)}, runs, clock)


def main() -> None:
    """Run all cases and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(
        f"threads {torch.get_num_threads()}, runs {args.runs}, {args.clock} clock, torch {torch.__version__}, ", end=""
    )
    print(f"otframe {otframe.__version__}, python {platform.python_version()}, {platform.machine()}; milliseconds\n")
    print("| unfold, map, fold (float32) | C | side | p | explicit | made ready | faster | first image | faster |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, channels, side, size in CASES:
        t = apply_case(channels, side, size, args.runs, args.clock)
        first, ready = t["explicit"] / t["first"], t["explicit"] / t["ready"]
        print(
            f"| {name} | {channels} | {side} | {size} | {1e3 * t['explicit']:.1f} | {1e3 * t['ready']:.1f} | "
            f"{ready:.1f} x | {1e3 * t['first']:.1f} | {first:.1f} x |",
            flush=True,
        )
    print("\n| mean and covariance (float64) | C | side | p | im2col, product | shifted products | faster |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, channels, side, size in CASES:
        t = moments_case(channels, side, size, args.runs, args.clock)
        print(
            f"| {name} | {channels} | {side} | {size} | {1e3 * t['explicit']:.1f} | {1e3 * t['shifted']:.1f} | "
            f"{t['explicit'] / t['shifted']:.1f} x |",
            flush=True,
        )


if __name__ == "__main__":
    main()
