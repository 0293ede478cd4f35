"""Restoration by latent Gaussian transport: distortion and perception of what each encoder gives.

Ten photographs are fitted on, others are measured. Noise of sigma 50 is removed by DnCNN; reductions by 4 are enlarged
by VDSR. Every transport is run by otframe.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench import finish, header, parser, require, table
from measure import COLUMNS, Measure
from protocol import Images, Pair, Photos, denoised, enlarged, photos, smoothed
from sheet import contact_sheet
from transports import ENCODERS, transports

TASKS: dict[str, tuple[str, Callable[[Path, Images], Pair]]] = {
    "dncnn": ("white noise of sigma 50, DnCNN (colour, blind)", denoised),
    "nlm": ("white noise of sigma 50, non-local means", smoothed),
    "vdsr": ("reduction by 4 (bicubic), VDSR on luma", enlarged),
}
SHEET = ("CBSD68-119082", "CBSD68-130026", "Set14-zebra", "Set14-comic", "Set5-woman", "Set14-baboon")
PICTURED = {
    "TAEF2: paired p3 residual, alpha 0": "TAEF2 alpha 0",
    "tiny: paired p3 residual, alpha 0.25": "tiny alpha .25",
    "klt: paired p3 residual, alpha 0": "klt alpha 0",
}


def main() -> None:
    """Read the options and run."""
    options = parser(__doc__)
    options.add_argument("--encoders", nargs="+", choices=ENCODERS, default=list(ENCODERS))
    options.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    args = options.parse_args()
    require(args.data, "photos/CBSD68", "photos/Kodak24_train", "models/features", "models/autoencoders", "loaders.py")
    print(header("Restoration", args.threads))
    sets = photos(args.data)
    if args.quick:
        sets = sets._replace(held={key: sets.held[key] for key in sorted(sets.held)[::6]})
    print(_explained(sets, quick=args.quick))
    measure = Measure(args.data, sets.held)
    finish(args.out, "restoration", {task: _task(task, sets, measure, args) for task in args.tasks})


def _task(task: str, sets: Photos, measure: Measure, args: argparse.Namespace) -> dict[str, Any]:
    title, restore = TASKS[task]
    fitted, held = restore(args.data, sets.fit), restore(args.data, sets.held)
    truth = sets.held
    images: dict[str, Images] = {"degraded input": held.degraded, "restorer": held.restored}
    spreads: dict[str, str] = {}
    rows = {"truth (the floor)": measure(truth), **{name: measure(one) for name, one in images.items()}}
    alphas: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for name in args.encoders:
        plan = transports(ENCODERS[name], args.data)
        start = time.perf_counter()
        inputs = {"restored": fitted.restored, "clean": sets.fit, "other": sets.other, "photos": held.restored}
        made = plan.pipeline(**inputs, truth=truth)
        seconds[name] = time.perf_counter() - start
        alphas.update({label: float(made[output]) for label, output in plan.alphas.items()})
        rows.update({label: measure(made[output]) for label, output in plan.rows.items()})
        images.update({label: made[output] for label, output in plan.rows.items() if label in PICTURED})
        for label, output in plan.rows.items():
            if label.endswith(("alpha 0", "alpha 0.25")):
                spreads[label] = "{:+.1f} (sd {:.1f})".format(*measure.kid_difference(made[output], held.restored))
    print(f"### {task}: {title}\n")
    print(table(("method", *COLUMNS), ((name, *_cells(row)) for name, row in rows.items())))
    print(table(("alpha of highest PSNR (`restore.alpha`)", "alpha"), ((n, f"{a:.3f}") for n, a in alphas.items())))
    print(table(("KIDx1000 minus the restorer's, and its spread over subsets", "difference"), spreads.items()))
    print("seconds of the pipelines:", ", ".join(f"{name} {spent:.0f}" for name, spent in seconds.items()), "\n")
    if args.out is not None:
        columns = {"truth": truth, "input": held.degraded, "restorer": held.restored}
        columns.update({PICTURED[label]: one for label, one in images.items() if label in PICTURED})
        contact_sheet(args.out / f"restoration_{task}.png", [key for key in SHEET if key in truth], columns)
    return {"rows": rows, "alpha_psnr": alphas, "kid_difference": spreads, "seconds": seconds}


def _cells(row: Mapping[str, float]) -> list[str]:
    return [f"{row[column]:.{digits}f}" for column, digits in COLUMNS.items()]


def _explained(sets: Photos, *, quick: bool) -> str:
    counts: dict[str, int] = {}
    for key in sets.held:
        counts[key.partition("-")[0]] = counts.get(key.partition("-")[0], 0) + 1
    lines = (
        f"- centre crops of 240 x 320 pixels; fitted on the first {len(sets.fit)} of CBSD68 by name",
        f"- held out: {len(sets.held)}: {', '.join(f'{n} of {name}' for name, n in counts.items())}; grey ones left "
        f"out: {', '.join(sets.grey)}; Set5's head and Set14's face are one scene",
        f"- paired: the same photographs restored and clean; unpaired: the target law of {len(sets.other)} Kodak crops "
        "(the embedded autoencoder was trained on Kodak's photographs)",
        "- FD4, FD10: Frechet distance of the features at all positions of blocks 4 and 10 of EfficientNet-lite0; KID: "
        "its head, pooled over each photograph; compare within a table only",
        "- low-pass: the restorer's frequencies under sigma 3 kept; everything clipped to [0, 1] before it is measured",
    )
    return "\n".join((*lines, *(["- **quick: not the whole set, no figures to quote**"] if quick else []), ""))


if __name__ == "__main__":
    main()
