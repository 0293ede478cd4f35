"""`sinkhorn.divergence` beside GeomLoss: the value and its derivatives, in one process, on densities and on clouds.

The reference is ours at a marginal error of 1e-11; tests hold its derivatives against finite differences. What is told
are the relative errors of the value and of the derivatives (largest difference over largest derivative), and the time
of both together. GeomLoss is given the settings that its users choose from; `scaling` .5 is its default. It is looked
for in the folder that OTFRAME_PEERS names (`pip install --target FOLDER geomloss pykeops pybind11`), and left out
where it is absent. Its loss for images takes blurs from one cell to two alone: here 1.28 cells.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from bench import finish, header, parser, require, table
from otframe_sinkhorn.clouds.loss import point_divergence
from otframe_sinkhorn.grids.loss import grid_divergence
from otframe_sinkhorn.stop import Stop

if os.environ.get("OTFRAME_PEERS"):
    sys.path.append(os.environ["OTFRAME_PEERS"])

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
CELLS, BLUR = 1.28, 0.05
SCALINGS = (0.5, 0.9, 0.98)


def main() -> None:
    """Read the options, and run both parts."""
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=3, help="runs that medians are taken of")
    args = options.parse_args()
    require(args.data, "shapes", "color_pairs")
    print(header("Sinkhorn divergence with derivatives", args.threads))
    runs = 1 if args.quick else args.runs
    print(f"Medians of {runs} runs.\n")
    rows: list[tuple[str, ...]] = []
    for side in (64,) if args.quick else (64, 128):
        a, b = (_shape(args.data / "shapes" / f"{name}.png", side) for name in ("star", "heart"))
        rows += _compared(f"densities {side} x {side}", a, b, _on_grid, _geomloss_grid, runs)
    for count in (200,) if args.quick else (1000, 3000):
        x, y = (_colors(args.data, name, count) for name in ("autumn_source", "autumn_target"))
        rows += _compared(f"{count} + {count} colours", x, y, _on_clouds, _geomloss_clouds, runs)
    print(table(("", "method", "s", "value", "its error", "error of the derivatives"), rows))
    finish(args.out, "divergence", rows)


def _compared(
    title: str,
    first: torch.Tensor,
    second: torch.Tensor,
    ours: Callable[[Stop], Loss],
    theirs: Callable[[float], Loss | None],
    runs: int,
) -> list[tuple[str, ...]]:
    exact, slope = _derived(ours(Stop(1e-11, 10**5)), first, second)
    found: dict[str, Loss | None] = {f"sinkhorn.divergence, tol {tol:g}": ours(Stop(tol)) for tol in (1e-3, 1e-6)}
    found |= {f"GeomLoss, scaling {scaling}": theirs(scaling) for scaling in SCALINGS}
    rows = []
    for name, loss in found.items():
        if loss is None:
            continue
        spent = []
        for _ in range(runs):
            start = time.perf_counter()
            value, near = _derived(loss, first, second)
            spent.append(time.perf_counter() - start)
        off = near - slope
        if first.ndim == 3 and title.startswith("densities"):
            # masses of sum 1 do not see a constant
            off = off - off.mean()
        rows.append(
            (
                title,
                name,
                f"{statistics.median(spent):.3f}",
                f"{value:.8g}",
                f"{abs(value - exact) / exact:.1e}",
                f"{float(off.abs().max() / slope.abs().max()):.1e}",
            )
        )
        print("|", " | ".join(rows[-1]), "|", file=sys.stderr, flush=True)
    return rows


def _derived(loss: Loss, first: torch.Tensor, second: torch.Tensor) -> tuple[float, torch.Tensor]:
    first = first.clone().requires_grad_()
    value = loss(first, second).sum()
    (slope,) = torch.autograd.grad(value, first)
    return float(value.detach()), slope


def _on_grid(stop: Stop) -> Loss:
    return lambda a, b: grid_divergence(a, b, blur=CELLS / a.shape[-1], stop=stop)


def _on_clouds(stop: Stop) -> Loss:
    return lambda x, y: point_divergence(x, y, blur=BLUR, stop=stop)


def _geomloss_grid(scaling: float) -> Loss | None:
    try:
        from geomloss import sinkhorn_divergence
    except ImportError:
        return None

    def loss(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        # its cost is half of the squared distance; we divide by the sum, and so must it
        value = sinkhorn_divergence((a / a.sum())[None], b[None], p=2, blur=CELLS / a.shape[-1], scaling=scaling)
        return 2 * value

    return loss


def _geomloss_clouds(scaling: float) -> Loss | None:
    try:
        from geomloss import SamplesLoss
    except ImportError:
        return None
    loss = SamplesLoss("sinkhorn", p=2, blur=BLUR, scaling=scaling, backend="tensorized")
    return lambda x, y: 2 * loss(x[0], y[0])


def _shape(path: Path, side: int) -> torch.Tensor:
    dark = 1 - cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(np.float64) / 255
    mass = np.maximum(cv2.resize(dark, (side, side), interpolation=cv2.INTER_AREA), 0)
    return torch.from_numpy(mass / mass.sum())[None]


def _colors(data: Path, name: str, count: int) -> torch.Tensor:
    file = next(iter(sorted((data / "color_pairs").glob(f"{name}.*"))))
    pixels = cv2.imread(str(file), cv2.IMREAD_COLOR).reshape(-1, 3)
    drawn = np.random.default_rng(0).integers(len(pixels), size=count)
    return torch.from_numpy(pixels[drawn] / 255.0)[None]


if __name__ == "__main__":
    main()
