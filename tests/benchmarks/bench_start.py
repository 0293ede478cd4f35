"""What `otframe list` takes to answer, with few and many plugins: `python tests/benchmarks/bench_start.py [--runs 15]`.

With the plugins that are installed, and with 20: the others are small distributions in a temporary folder on
PYTHONPATH, each with its metadata, an entry point, and a module that offers three components. Beside it an empty
Python, and one that imports the libraries which the command line is made of. The commands run in turns, each a process
of its own; what was compiled stays, as in daily use. CPU seconds are those of user and system together.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import entry_points
from pathlib import Path
from statistics import median

from bench import finish, header, parser, table

MANY = 20
MODULE = '''\
"""A plugin of three components, made for a benchmark."""

from otframe.plugin import Entry, hookimpl


@hookimpl
def otframe_components():
    """Three transforms that nobody calls."""
    names = ("first", "second", "third")
    return [Entry(f"{name}.{{part}}", f"{package}.parts:{{part.title()}}", "transform", "a part") for part in names]
'''


def main() -> None:
    """Read the options, make the plugins, and run the commands in turns."""
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=15, help="runs that medians are taken of")
    args = options.parse_args()
    print(header("Start-up", args.threads))
    installed = len({(point.name, point.value) for point in entry_points(group="otframe")})
    runs = 3 if args.quick else args.runs
    script = Path(sys.executable).with_name("otframe")
    otframe = [str(script)] if script.exists() else [sys.executable, "-c", "from otframe.cli.main import main; main()"]
    with tempfile.TemporaryDirectory() as folder:
        made = [_plugin(Path(folder), number) for number in range(max(0, MANY - installed))]
        more = os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH"))))
        commands = {
            "python -c pass": ([sys.executable, "-c", "pass"], {}),
            'python -c "import pluggy, typer, rich"': ([sys.executable, "-c", "import pluggy, typer, rich"], {}),
            f"otframe list, {installed} plugins": ([*otframe, "list"], {}),
            f"otframe list, {installed + len(made)} plugins": ([*otframe, "list"], {"PYTHONPATH": more}),
        }
        spent: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for turn in range(runs + 1):
            for name, (command, environment) in commands.items():
                wall, cpu, printed = _timed(command, {**os.environ, **environment})
                missing = [plugin for plugin in made if environment and f"{plugin}.third" not in printed]
                if missing:
                    sys.exit(f"{name} does not list {', '.join(missing)}")
                if turn:
                    spent[name].append((wall, cpu))
    print(f"Medians of {runs} runs, milliseconds.\n")
    found = {name: [median(times) for times in zip(*each, strict=True)] for name, each in spent.items()}
    rows = [(f"`{name}`", *(f"{1e3 * seconds:.0f}" for seconds in each)) for name, each in found.items()]
    print(table(("command", "wall", "CPU"), rows))
    finish(args.out, "start", {"installed": installed, "runs": spent})


def _timed(command: list[str], environment: dict[str, str]) -> tuple[float, float, str]:
    """Wall-clock and CPU seconds of a process, and what it printed; ends where it fails."""
    used, start = _children(), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    wall, cpu = time.perf_counter() - start, _children() - used
    if done.returncode:
        sys.exit(f"{command[-1]} ended with {done.returncode}\n{done.stderr}")
    return wall, cpu, done.stdout


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _plugin(folder: Path, number: int) -> str:
    """A distribution as an installer leaves it; the plugin's name."""
    name = f"bench{number:02d}"
    package = f"otframe_{name}"
    (folder / package).mkdir()
    (folder / package / "__init__.py").write_text(MODULE.format(name=name, package=package), encoding="utf-8")
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    texts = {
        "METADATA": f"Metadata-Version: 2.1\nName: otframe-{name}\nVersion: 1.0\nRequires-Dist: otframe\n",
        "entry_points.txt": f"[otframe]\n{name} = {package}\n",
        "INSTALLER": "pip\n",
        "RECORD": f"{package}/__init__.py,,\n{info.name}/METADATA,,\n{info.name}/entry_points.txt,,\n",
    }
    for file, text in texts.items():
        (info / file).write_text(text, encoding="utf-8")
    return name


if __name__ == "__main__":
    main()
