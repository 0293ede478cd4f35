"""Unscrambling beside the published methods, on held-out real pictures that no method has seen.

Calibration pictures are displaced by N(0, 1) pixels, each channel by itself, with bilinear interpolation; one operator
serves all channels, so that N pictures are 3 N samples. Each seed draws other pictures, another medium and other
displacements. All methods are run one after the other in processes of their own; told are means over seeds of the
errors (recovered pictures are clipped to [0, 1]), medians of seconds, and the largest peak of resident memory, that of
Python and its libraries (.3 GB) and the calibration pictures included.

- published least squares: `X pinv(Y)` (Sparkle Vision);
- published robust: 100 steps of 100 samples, 100 Sinkhorn iterations each, the n largest entries of each column kept;
- least squares: `unscramble.least_squares` as it is; robust: `unscramble.transport` with the debiased divergence;
- aligned: `unscramble.aligned` as it is; assigned: with `assignment`.

At 112 x 112 the published robust method ends with an error in its first step, the robust one is left out for its time,
and assigned has one seed.

Parts: `published` (the experiments of the papers), `curves` (glitter, noise, shifts, warps, spoiled pairs), `pictures`.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from bench import finish, header, parser, require, table
from scrambled import Problem, Setting, posed

KEPT = {20: 5, 32: 10, 56: 20, 112: 20}
"""Entries that the published method keeps of each column, by the side of pictures."""
BLUR = {20: 1.0, 32: 2.0, 56: 2.0, 112: 4.0}
CHILD = Path(__file__).with_name("scrambled_child.py")
SHOWN = ("planted", "scrambled", "published least squares", "published robust", "robust", "aligned")
GAP, HEAD = 6, 26
COLUMNS = ("MSE", "PSNR", "SSIM", "right argmax", "|A - A*|", "s", "GB")


def methods(side: int) -> dict[str, dict[str, Any]]:
    """Components by the names they are told by."""
    divergence = {"use": "sinkhorn.divergence", "with": {"blur": BLUR[side], "unit": "cell", "tol": 1e-2}}
    published: dict[str, Any] = {"mode": "published", "keep": KEPT[side]}
    if side == 112:
        # columns die by the penalty of the first step, whatever the loss says: that need not take ten minutes
        published["loss"] = {"use": "unscramble.capped", "with": {"iterations": 2}}
    return {
        "published least squares": {"use": "unscramble.least_squares", "with": {"ridge": 0.0}},
        "published robust": {"use": "unscramble.transport", "with": published},
        "least squares": {"use": "unscramble.least_squares", "with": {}},
        "robust": {"use": "unscramble.transport", "with": {"loss": divergence}},
        "aligned": {"use": "unscramble.aligned", "with": {}},
        "assigned": {"use": "unscramble.aligned", "with": {"assignment": True}},
    }


def run(problem: Problem, method: dict[str, Any], seed: int, threads: int) -> dict[str, Any]:
    """What the child tells of a method on a problem; `failed` where it raised."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = {n: getattr(problem, n) for n in ("scrambled", "clear", "new", "planted", "shifts")}
        held = problem.medium.map
        parts |= {"starts": held.starts, "columns": held.columns, "weights": held.weights}  # type: ignore[attr-defined]
        torch.save(parts, folder / "problem.pt")
        (folder / "method.json").write_text(json.dumps(method | {"seed": seed, "threads": threads}))
        done = subprocess.run(
            [sys.executable, str(CHILD), name], capture_output=True, text=True, check=False, cwd=CHILD.parent
        )
        if done.returncode:
            return {"failed": done.stderr.strip().splitlines()[-1][:200]}
        told: dict[str, Any] = json.loads((folder / "told.json").read_text())
        told["found"] = torch.load(folder / "found.pt", weights_only=True)
        return told


def published(
    data: Path, threads: int, seeds: int, slow: int, only: str, chosen: str, quick: bool, out: Path | None
) -> Any:
    """The experiments of the papers. The published robust method gets `slow` seeds at 56 x 56, where it takes long."""
    settings = [
        Setting("mnist", 20, 1000),
        Setting("cifar", 32, 1000),
        Setting("natural", 32, 1000, around=True),
        Setting("natural", 56, 333),
        Setting("natural", 56, 2000),
        Setting("natural", 112, 500),
        Setting("natural", 112, 1200),
    ]
    numbers: dict[str, Any] = {}
    for setting in [s.but(count=60, held=6) if quick else s for s in settings]:
        if only and only not in setting.name:
            continue
        found: dict[str, list[dict[str, Any]]] = {}
        for seed in range(1 if quick else seeds):
            problem = posed(data, setting, seed)
            for name, method in methods(setting.side).items():
                if (chosen and name not in chosen.split(",")) or _left_out(name, setting, seed, slow):
                    continue
                told = run(problem, method, seed, threads)
                pictures = told.pop("found", None)
                found.setdefault(name, []).append(told)
                print(f"<!-- {setting.name}, seed {seed}, {name}: {told} -->", flush=True)
                if out is not None and pictures is not None and seed == 0:
                    _save(out, setting, name, pictures, problem)
        print(f"\n**{setting.name}**\n\n{table(('method', *COLUMNS, 'seeds'), _rows(found))}", flush=True)
        numbers[setting.name] = found
    return numbers


def _left_out(name: str, setting: Setting, seed: int, slow: int) -> bool:
    if name == "published robust":
        # at 112 x 112 it ends in its first step, however many pictures there are
        return (setting.side == 56 and seed >= slow) or (setting.side == 112 and (seed > 0 or setting.count > 500))
    if name == "assigned" and setting.side == 112:
        return seed > 0
    return name == "robust" and (setting.side == 112 or (setting.side == 56 and seed >= slow))


def _rows(found: dict[str, list[dict[str, Any]]]) -> list[list[str]]:
    rows = []
    for name, told in found.items():
        good = [one for one in told if "failed" not in one]
        if not good:
            rows.append([name, *("failed",) * len(COLUMNS), str(len(told))])
            continue
        cells = []
        for column in COLUMNS:
            values = [one[column] for one in good if one[column] is not None]
            value = (max if column == "GB" else statistics.median if column == "s" else statistics.fmean)(values or [0])
            cells.append(
                {"MSE": f"{value:.2e}", "PSNR": f"{value:.1f}", "s": f"{value:.3g}"}.get(column, f"{value:.3f}")
            )
        rows.append([name, *cells, str(len(good))])
    return rows


def curves(data: Path, threads: int, seeds: int, only: str, chosen: str, quick: bool) -> Any:
    """PSNR against what is hard, on natural pictures of 32 x 32 cut from larger ones."""
    base = Setting("natural", 32, 1000, around=True)
    plain = base.but(shift=1.0)
    glitter = base.but(medium="glitter", noise=0.01)
    lines: dict[str, list[tuple[str, Setting]]] = {
        "permutation, shifts (px)": [(str(v), plain.but(shift=v)) for v in (0.0, 0.5, 1.0, 2.0)],
        "permutation, noise": [(str(v), plain.but(noise=v)) for v in (0.0, 0.01, 0.03, 0.1)],
        "permutation, warps (px)": [(str(v), plain.but(bend=v)) for v in (0.25, 0.5, 1.0)],
        "permutation, spoiled pairs": [(str(v), plain.but(spoiled=v)) for v in (0.0, 0.1, 0.25, 0.4)],
        "glitter, shifts (px)": [(str(v), glitter.but(shift=v)) for v in (0.0, 0.5, 1.0, 2.0)],
        "glitter, noise": [(str(v), glitter.but(noise=v)) for v in (0.0, 0.01, 0.03, 0.1)],
        "glitter, warps (px)": [(str(v), glitter.but(bend=v)) for v in (0.25, 0.5, 1.0)],
        "glitter, spoiled pairs": [(str(v), glitter.but(spoiled=v)) for v in (0.0, 0.1, 0.25, 0.4)],
    }
    asked = methods(32)
    shown = {name: asked[name] for name in ("published least squares", "least squares", "robust", "aligned")}
    shown["aligned with warp 6"] = {"use": "unscramble.aligned", "with": {"warp": 6.0}}
    shown = {name: method for name, method in shown.items() if not chosen or name in chosen.split(",")}
    numbers: dict[str, Any] = {}
    for title, line in lines.items():
        if only not in title:
            continue
        rows: dict[str, list[str]] = {name: [name] for name in shown}
        for label, setting in line:
            problems = [posed(data, setting.but(count=60, held=6) if quick else setting, s) for s in range(seeds)]
            for name, method in shown.items():
                if name == "aligned with warp 6" and not setting.bend:
                    rows[name].append("")
                    continue
                some = problems[:1] if name == "robust" else problems  # it takes most of the time
                told = [run(problem, method, seed, threads) for seed, problem in enumerate(some)]
                values = [one["PSNR"] for one in told if "failed" not in one]
                rows[name].append(f"{np.mean(values):.1f}" if values else "failed")
                for one in told:
                    one.pop("found", None)
                numbers.setdefault(title, {}).setdefault(label, {})[name] = told
        kept = [row for row in rows.values() if any(row[1:])]
        print(f"\n{table((title, *(label for label, _ in line)), kept)}", flush=True)
    return numbers


def _save(out: Path, setting: Setting, name: str, found: torch.Tensor, problem: Problem) -> None:
    folder = out / setting.name.replace(" ", "_").replace(",", "").replace("=", "")
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(found, folder / f"{name}.pt")
    torch.save(problem.planted[:6], folder / "planted.pt")
    torch.save(problem.new[:6], folder / "scrambled.pt")


def contact(out: Path) -> None:
    """Sheets of planted, scrambled and recovered pictures, from what the first part left in the folder."""
    for folder in sorted(path for path in out.iterdir() if path.is_dir()):
        files = [(name, folder / f"{name}.pt") for name in SHOWN]
        columns = [(name, torch.load(path, weights_only=True)[:4]) for name, path in files if path.exists()]
        side = columns[0][1].shape[-1]
        zoom = max(1, round(112 / side))
        cell = side * zoom + GAP
        sheet = np.full((HEAD + cell * 4, cell * len(columns) + GAP, 3), 255, np.uint8)
        for number, (name, pictures) in enumerate(columns):
            left = GAP + number * cell
            words = name.replace("published", "publ.")
            cv2.putText(sheet, words, (left, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0), 1, cv2.LINE_AA)
            for row, picture in enumerate(pictures):
                pixels = picture.clamp(0, 1).permute(1, 2, 0).expand(-1, -1, 3).numpy()
                top = HEAD + row * cell
                shown = (pixels * 255).round().astype(np.uint8).repeat(zoom, 0).repeat(zoom, 1)
                sheet[top : top + side * zoom, left : left + side * zoom] = shown
        cv2.imwrite(str(out / f"{folder.name}.png"), sheet[..., ::-1])
        print(f"written: {folder.name}.png")


def main() -> None:
    """Run what the command line asks for."""
    options = parser(__doc__ or "")
    options.add_argument("--part", choices=("published", "curves", "pictures"), default="published")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--slow-seeds", type=int, default=1, help="seeds of the robust methods at 56 x 56")
    options.add_argument("--only", default="", help="settings, or curves, whose names hold this")
    options.add_argument("--methods", default="", help="only these, with commas between them")
    given = options.parse_args()
    require(given.data, "mnist", "cifar10", "imagenette224", "flowers128")
    if given.part == "pictures":
        contact(given.out)
        return
    print(header(f"Unscrambling: {given.part}", given.threads), flush=True)
    if given.part == "published":
        numbers = published(
            given.data,
            given.threads,
            given.seeds,
            given.slow_seeds,
            given.only,
            given.methods,
            given.quick,
            given.out,
        )
    else:
        seeds = 1 if given.quick else given.seeds
        numbers = curves(given.data, given.threads, seeds, given.only, given.methods, given.quick)
    finish(given.out, f"unscramble_{given.part}{'_' + given.only.replace(' ', '_') if given.only else ''}", numbers)


if __name__ == "__main__":
    main()
