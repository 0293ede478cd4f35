"""A hundred megapixels of 16 bits: `color_transfer_large` in strips, and `recolored_array` in place.

A photograph is enlarged to 12288 x 8192, with noise in its lowest six bits so that it compresses like one, and written
as a TIFF of 16 bits. What is told is the time and the peak memory of a process of its own, imports and all, for the
pipeline from file to file; and what an array in memory, recoloured in place, takes on top of itself.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import REPOSITORY, finish, header, parser, require, table

SIZE = 12288, 8192

PHOTOGRAPH = """
import cv2, numpy as np
photo = cv2.imread({source!r}).astype(np.float32) / 255
large = (cv2.resize(photo, ({width}, {height}), interpolation=cv2.INTER_CUBIC).clip(0, 1) * 65535).astype(np.uint16)
large ^= np.random.default_rng(0).integers(0, 64, large.shape, dtype=np.uint16)
cv2.imwrite({folder!r} + "/large.tif", large, [cv2.IMWRITE_TIFF_COMPRESSION, 1])
cv2.imwrite({folder!r} + "/large.png", large, [cv2.IMWRITE_PNG_COMPRESSION, 1])
"""
"""Made by a process of its own: the peak memory of a child starts at that of its parent."""

IN_PLACE = """
import resource, time, numpy as np, torch
from otframe import component
from otframe_color.arrays import map_between, recolored_array
torch.set_num_threads({threads})
pixels = np.empty(({height}, {width}, 3), np.uint16)
random = np.random.default_rng(0)
for row in pixels:
    row[...] = random.integers(0, 65536, row.shape, dtype=np.uint16)
reference = np.random.default_rng(1).integers(0, 32768, (480, 640, 3), dtype=np.uint16)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
look = map_between(pixels, reference, solver=component("sliced.transport"))
recolored_array(look, pixels, out=pixels)
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def main() -> None:
    """Make the photograph, and run both."""
    args = parser(__doc__).parse_args()
    require(args.data, "color_pairs")
    print(header("A hundred megapixels", args.threads))
    width, height = (1536, 1024) if args.quick else SIZE
    with tempfile.TemporaryDirectory() as folder:
        found = from_file_to_file(Path(folder), args, width, height)
    code = IN_PLACE.format(threads=args.threads, height=height, width=width)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, kilobytes = (float(part) for part in done.stdout.split())
    found["in place"] = {"seconds": seconds, "megabytes": kilobytes / 1000}
    rows = [(name, f"{row['seconds']:.1f}", f"{row['megabytes']:.0f}") for name, row in found.items()]
    print(f"{width} x {height} pixels, {width * height * 6 / 1e6:.0f} MB of 16 bits:\n")
    print(table(("", "seconds", "peak memory, MB"), rows))
    print("In place: on top of the pixels themselves. All others: of the whole process.")
    finish(args.out, "large", found)


def from_file_to_file(folder: Path, args: Any, width: int, height: int) -> dict[str, dict[str, float]]:
    """The pipeline on an uncompressed TIFF and on a PNG."""
    source = str(args.data / "color_pairs" / "scotland_source.png")
    code = PHOTOGRAPH.format(source=source, folder=str(folder), width=width, height=height)
    subprocess.run([sys.executable, "-c", code], check=True)
    found = {}
    for suffix in ("tif", "png"):
        command = [sys.executable, "-c", "from otframe.cli.main import main; main()", "run"]
        command += [str(REPOSITORY / "pipelines" / "color_transfer_large.yaml")]
        command += ["--in", f"source=strips:{folder}/large.{suffix}"]
        command += ["--in", f"reference={args.data}/color_pairs/scotland_target.png", "--out", f"{folder}/out"]
        start = time.perf_counter()
        child = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": str(args.threads)},
        )
        _, status, used = os.wait4(child.pid, 0)
        if status:
            raise SystemExit(f"the pipeline failed on {suffix}")
        found[f"pipeline, {suffix} to tif"] = {
            "seconds": time.perf_counter() - start,
            "megabytes": used.ru_maxrss / (1000 if sys.platform == "linux" else 1e6),
        }
    return found


if __name__ == "__main__":
    resource.getrusage(resource.RUSAGE_SELF)  # told where the system has none
    main()
