"""Peak memory of `pipelines/restoration.yaml` on few and on many photographs of 512 x 512 pixels: it should not grow.

Needs no data: the photographs are crops of scikit-image's. Each run is a process of its own, this one stays small, as a
child on Linux begins with the peak of its parent.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

FEW, MANY = 5, 200
LIMIT_MB = 300
SIDE = 512
PIPELINE = Path(__file__).resolve().parents[2] / "pipelines" / "restoration.yaml"


def main() -> None:
    """Read the options, and start the runs."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--out", type=Path, help="a folder for the numbers as JSON")
    options.add_argument("--many", type=int, default=MANY, help="photographs of the longer run")
    options.add_argument("--quick", action="store_const", const=4 * FEW, dest="many", help="to see that it runs")
    options.add_argument("--data", type=Path, help="as the other benchmarks have it; nothing of it is needed")
    options.add_argument("--child", choices=("make", "run"), help=argparse.SUPPRESS)
    options.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = options.parse_args()
    if args.child:
        _make(args.folder, args.many) if args.child == "make" else _run(args.folder)
        return
    print("## Memory\n")
    print(f"- command: `{shlex.join(['python', f'tests/benchmarks/{Path(__file__).name}', *sys.argv[1:]])}`")
    print(f"- date: {datetime.date.today():%Y-%m-%d}")
    print(f"- machine: {platform.system()} on {platform.machine()}, {os.cpu_count()} CPU threads, 1 used")
    names = ("otframe", "torch", "numpy")
    print(f"- versions: Python {platform.python_version()}, {', '.join(f'{n} {version(n)}' for n in names)}\n")
    found = {}
    print("| photographs | peak MB | seconds |\n| ---: | ---: | ---: |")
    for count in (FEW, args.many):
        with tempfile.TemporaryDirectory() as folder:
            _child("make", folder, count)
            found[count] = json.loads(_child("run", folder, count).splitlines()[-1])
        if found[count]["written"] != count:
            sys.exit(f"{found[count]['written']} of {count} photographs were written")
        print(f"| {count} | {found[count]['peak_mb']:.0f} | {found[count]['seconds']:.1f} |", flush=True)
    growth = found[args.many]["peak_mb"] - found[FEW]["peak_mb"]
    print(f"\ngrowth: {growth:.0f} MB, wanted within {LIMIT_MB}: {'yes' if growth <= LIMIT_MB else 'no'}")
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / "memory.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _child(kind: str, folder: str, count: int) -> str:
    command = [sys.executable, __file__, "--child", kind, "--folder", folder, "--many", str(count)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    if ended.returncode == 77:
        print(f"skipped: {ended.stdout.strip()}")
        sys.exit(0)
    if ended.returncode:
        sys.exit(f"the {kind} process ended with {ended.returncode}")
    return ended.stdout


def _make(folder: Path, count: int) -> None:
    """Crops of sample photographs, and the same blurred: what a restorer might have given."""
    import cv2
    import numpy as np

    try:
        from skimage import data
    except ImportError:
        print("scikit-image is not installed (extra `samples`)")
        sys.exit(77)
    sources = [np.tile(image, (3, 3, 1)) for image in (data.astronaut(), data.coffee(), data.chelsea(), data.rocket())]
    rng = np.random.default_rng(0)
    for name in ("clean", "restored", "photos"):
        (folder / name).mkdir()
    for index in range(count):
        source = sources[index % len(sources)]
        top, left = (int(rng.integers(0, side - SIDE)) for side in source.shape[:2])
        clean = np.ascontiguousarray(source[top : top + SIDE, left : left + SIDE, ::-1])
        smooth = cv2.GaussianBlur(clean, (0, 0), 1.0)
        for name, pixels in (("clean", clean), ("restored", smooth), ("photos", smooth)):
            cv2.imwrite(str(folder / name / f"{index:04d}.png"), pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])


def _run(folder: Path) -> None:
    """Run the pipeline on the folders, and tell the peak of this process."""
    import resource
    import time

    import torch

    from otframe import Pipeline

    torch.set_num_threads(1)
    start = time.perf_counter()
    inputs = {name: str(folder / name) for name in ("restored", "clean", "photos")}
    result = Pipeline.from_yaml(PIPELINE).run(inputs, out=folder / "out")
    written = sum(file.output == "enhanced" for file in result.files)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    megabytes = peak * (1 if sys.platform == "darwin" else 1024) / 1e6  # macOS counts bytes, Linux kibibytes
    seconds = time.perf_counter() - start
    print(json.dumps({"peak_mb": megabytes, "seconds": seconds, "written": written}))


if __name__ == "__main__":
    main()
