"""What restoration by latent Gaussian transport costs at 512 x 512 pixels, stage by stage, and what the engine adds.

The transport, its statistics and the fold should take under 5 % of the time of encoding and decoding. With one thread
the process's CPU time is told, which what else the machine does changes little; with more, wall-clock time.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from bench import finish, header, parser, require
from engine_cost import engine_overhead, whole_run
from stage_cost import stage_table, stages
from transports import ENCODERS, Encoder

from otframe import Image, component
from otframe.interfaces import Autoencoder

SIDE = 512
PHOTO = "photos/Set14/monarch.png"


def main() -> None:
    """Read the options, and run all parts."""
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=7, help="runs that medians are taken of")
    args = options.parse_args()
    require(args.data, PHOTO, "models/autoencoders")
    print(header("Cost at 512 x 512", args.threads))
    clock = time.process_time if args.threads == 1 else time.perf_counter
    runs = 2 if args.quick else args.runs
    print(f"Medians of {runs} runs, {'CPU' if args.threads == 1 else 'wall-clock'} time. Stages in milliseconds:\n")
    clean = _photo(args.data / PHOTO)
    # full rank and smoother than the photograph: a stand-in for what a restorer gives
    restored = clean.with_grid(_blurred(clean.pixels))
    found: dict[str, Any] = {
        encoder.label: stages(_coder(encoder, args.data), clean, restored, runs=runs, clock=clock)
        for encoder in ENCODERS.values()
    }
    print(stage_table(found))
    print("The engine, against the same components in a loop:\n")
    engine = engine_overhead(runs=runs, clock=clock)
    whole = whole_run(clean, restored, runs=runs, clock=clock)
    finish(args.out, "cost", {"stages": found, "engine": engine, "whole": whole})


def _coder(encoder: Encoder, data: Path) -> Autoencoder:
    made = component(encoder.use, **{part: data / path for part, path in encoder.files.items()})
    assert isinstance(made, Autoencoder)
    return made


def _photo(path: Path) -> Image:
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1]
    top, left = ((side - SIDE) // 2 for side in pixels.shape[:2])
    return Image.from_numpy(np.ascontiguousarray(pixels[top : top + SIDE, left : left + SIDE]))


def _blurred(pixels: torch.Tensor) -> torch.Tensor:
    blurred = cv2.GaussianBlur(pixels.permute(1, 2, 0).numpy(), (0, 0), 1.0)
    return torch.from_numpy(blurred).permute(2, 0, 1).contiguous()


if __name__ == "__main__":
    cv2.setNumThreads(1)
    with torch.no_grad():
        main()
