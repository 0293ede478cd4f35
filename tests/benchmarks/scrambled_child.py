"""One method on one problem, in a process of its own, so that its peak memory is its own: told as JSON.

Called by `bench_unscramble.py` with a folder that holds `problem.pt` and `method.json`.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import torch
from otframe_metrics.ssim import structural_similarity
from otframe_unscramble.judge import Judge
from otframe_unscramble.values import Pairs, Scrambler

from otframe import component
from otframe.interfaces import Context
from otframe.values import SparseMap


def main(folder: Path) -> None:
    """Learn, recover, judge."""
    method = json.loads((folder / "method.json").read_text())
    torch.set_num_threads(method.pop("threads"))
    given = torch.load(folder / "problem.pt", weights_only=True)
    keys = tuple(f"{k:05}" for k in range(len(given["clear"])))
    pairs = Pairs(given["scrambled"], given["clear"], keys)
    size = tuple(given["clear"].shape[2:])
    medium = Scrambler(SparseMap(given["starts"], given["columns"], given["weights"], size[0] * size[1]), size, size)
    learn = component(method.pop("use"), **method.pop("with"))
    started = time.perf_counter()
    with torch.no_grad():
        operator = learn(pairs, ctx=Context(seed=method["seed"]))
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        found = operator(given["new"]).clamp(0, 1)
    planted = given["planted"]
    mse = (found - planted).square().flatten(1).mean(1)
    judged = Judge()(operator, medium, ctx=Context())
    row = dict(zip(judged.columns, judged.rows[0], strict=True))
    told = {
        "s": seconds,
        "GB": peak,
        "MSE": float(mse.mean()),
        "PSNR": float((-10 * mse.clamp(min=1e-10).log10()).mean()),
        "SSIM": sum(structural_similarity(a, b) for a, b in zip(found, planted, strict=True)) / len(found),
        "right argmax": row["right argmax"],
        "|A - A*|": row["|A - A*|"],
        "converged": operator.info.converged,
        "iterations": operator.info.iterations,
        "map": type(operator.map).__name__,
    }
    if operator.shifts is not None:
        off = (operator.shifts - given["shifts"]).flatten(0, 1)
        told["shift error"] = float((off - off.median(0)[0]).abs().median())
        told["trusted"] = float((operator.trust > 0).double().mean())
    torch.save(found[:6], folder / "found.pt")
    (folder / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
