"""Plugins as they are installed, broken in every way: the others work, and `otframe plugins` explains each."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

_HEAD = "from otframe.plugin import Entry, hookimpl\n"


def _entries(code: str) -> str:
    return _HEAD + f"@hookimpl\ndef otframe_components():\n    {code}\n"


def _one(target: str, before: str = "") -> str:
    """An entry module that offers one component, with something before it."""
    return before + "\n" + _entries(f"return [Entry('NAME.part', '{target}', 'transform', 'a part')]")


_PART = """
from otframe.interfaces import Transform
from otframe.values import Image

class Part(Transform):
    '''Gives back its image.'''
    def __call__(self, image: Image) -> Image:
        '''The same image.'''
        return image
"""

FAILING = {
    # kind: (entry module, what is told of it)
    "import error": ("import no_such_module_here", "No module named 'no_such_module_here'"),
    "SystemExit": ("raise SystemExit(3)", "SystemExit: 3"),
    "syntax error": ("def broken(:\n", "SyntaxError"),
    "not utf-8": (b"x = '\xff'\n", "SyntaxError"),
    "null bytes": (b"x = 1\0\n", "null bytes"),
    "raises": ("raise RuntimeError('no driver')", "RuntimeError: no driver"),
    "an error that cannot be printed": (
        "class Mute(Exception):\n    def __str__(self):\n        raise ValueError('mute')\nraise Mute",
        "Mute",
    ),
    "a generator's end": ("raise GeneratorExit", "GeneratorExit"),
    "recursion": ("def f():\n    return f()\nf()", "RecursionError"),
    "memory": ("raise MemoryError", "MemoryError"),
    "duplicate name in itself": (
        _entries("return [Entry('NAME.part', 'NAME.part:Part', 'transform', '')] * 2"),
        "offers NAME.part twice",
    ),
    "duplicate name of another": (
        _entries("return [Entry('good.part', 'NAME.part:Part', 'transform', '')]"),
        "component 'good.part' is already offered by plugin 'good'",
    ),
    "name of the core": (
        _entries("return [Entry('image.blend', 'NAME.part:Part', 'transform', '')]"),
        "component 'image.blend' is already offered by plugin 'otframe'",
    ),
    "wrong hook signature": (
        _HEAD + "@hookimpl\ndef otframe_components(registry):\n    return []",
        "PluginValidationError",
    ),
    "unknown hook": (_HEAD + "@hookimpl\ndef otframe_widgets():\n    return []", "unknown hook 'otframe_widgets'"),
    "unmarked hook": ("def otframe_components():\n    return []", "is not marked: write @hookimpl above it"),
    "hook raises": (_entries("return {}['weights']"), "KeyError: 'weights'"),
    "hook exits": (_entries("raise SystemExit('enough')"), "SystemExit: enough"),
    "hook gives text": (_entries("return 'part'"), "must return otframe.plugin.Entry objects, got str"),
    "wrong kind": (
        _entries("return [Entry('NAME.part', 'NAME.part:Part', 'tool', '')]"),
        "must be of kind solver or transform or accumulator or model, got 'tool'",
    ),
    "target without class": (
        _entries("return [Entry('NAME.part', 'NAME.part', 'transform', '')]"),
        "must be 'module:Class', got 'NAME.part'",
    ),
    "module that answers everything wrongly": (
        "def __getattr__(name):\n    raise OSError('disk gone')",
        "OSError: disk gone",
    ),
}

NOTED = {
    "writes to stdout": ("print('hello from NAME')", "it prints to the standard output"),
    "heavy import": ("import numpy", "it imports numpy"),
    "changes the seed": ("import random; random.seed(0)", "it changes the seed of random"),
    "changes the environment": (
        "import os; os.environ['OMP_NUM_THREADS'] = '7'; os.environ['NEW_ONE'] = '1'",
        "it changes the environment (NEW_ONE, OMP_NUM_THREADS)",
    ),
}

LATE = {
    # found only when the component is asked for
    "missing class": (_one("NAME.part:Gone"), _PART, "has no attribute 'Gone'"),
    "missing module": (_one("NAME.gone:Part"), _PART, "No module named 'NAME.gone'"),
    "no component": (_one("NAME.part:Part"), "Part = 3\n", "is not a component but 3"),
    "ports without hints": (
        _one("NAME.part:Part"),
        _PART.replace("image: Image) -> Image", "image)"),
        "hint",
    ),
    "ports of unknown names": (_one("NAME.part:Part"), _PART.replace("-> Image", "-> 'Picture'"), "Picture"),
    "part exits": (_one("NAME.part:Part"), "raise SystemExit(4)\n", "SystemExit: 4"),
    "part prints": (_one("NAME.part:Part"), "print('loud')\n" + _PART, ""),
}


def install(folder: Path, name: str, entry: str | bytes, part: str = _PART) -> None:
    """A distribution as an installer leaves it: the package beside its metadata."""
    package, metadata = folder / name, folder / f"{name}-1.2.dist-info"
    package.mkdir(parents=True)
    metadata.mkdir()
    data = entry if isinstance(entry, bytes) else entry.replace("NAME", name).encode()
    (package / "__init__.py").write_bytes(data)
    (package / "part.py").write_text(part.replace("NAME", name), encoding="utf-8")
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    (metadata / "entry_points.txt").write_text(f"[otframe]\n{name} = {name}\n")


def names(cases: dict[str, Any], prefix: str) -> dict[str, str]:
    return {f"{prefix}{number:02d}": case for number, case in enumerate(cases)}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything at once, and one plugin that is well made."""
    folder = tmp_path_factory.mktemp("site")
    install(folder, "good", _one("good.part:Part"))
    for name, case in names(FAILING, "x_fails").items():
        install(folder, name, FAILING[case][0])
    for name, case in names(NOTED, "noted").items():
        install(folder, name, _one("NAME.part:Part", NOTED[case][0]))
    for name, case in names(LATE, "late").items():
        install(folder, name, *LATE[case][:2])
    return folder


def otframe(folder: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    code = "from otframe.cli.main import main; main()"
    env = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1", "COLUMNS": "200", **environment}
    env.pop("OTFRAME_PLUGINS", None) if "OTFRAME_PLUGINS" not in environment else None
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=env, cwd=folder)


@pytest.fixture(scope="module")
def told(site: Path) -> subprocess.CompletedProcess[str]:
    return otframe(site, "plugins")


def test_there_are_many() -> None:
    assert len(FAILING) + len(NOTED) + len(LATE) >= 15


def test_plugins_goes_through(told: subprocess.CompletedProcess[str]) -> None:
    assert told.returncode == 0, told.stderr
    assert "Traceback" not in told.stderr
    assert "hello from" not in told.stdout
    assert "hello from" in told.stderr


@pytest.mark.parametrize("name", names(FAILING, "x_fails"))
def test_failures_are_explained(told: subprocess.CompletedProcess[str], name: str) -> None:
    wanted = FAILING[names(FAILING, "x_fails")[name]][1].replace("NAME", name)
    after = told.stdout.partition(f"\n{name} could not be loaded: ")[2]
    explained, _, rest = after.partition("\n  ")
    assert wanted in explained
    assert name in rest.splitlines()[0] or "OTFRAME_PLUGINS" in rest.splitlines()[0], "advice names the culprit"


@pytest.mark.parametrize("name", names(NOTED, "noted"))
def test_what_was_put_back_is_told(told: subprocess.CompletedProcess[str], name: str) -> None:
    wanted = NOTED[names(NOTED, "noted")[name]][1]
    section = told.stdout.partition(f"\n{name} should not do this")[2].partition("\n\n")[0]
    assert wanted in section


def test_list_has_what_works_and_nothing_else(site: Path) -> None:
    done = otframe(site, "list")
    assert done.returncode == 0, done.stderr
    assert "hello from" not in done.stdout
    for name in ("good", *names(NOTED, "noted"), *names(LATE, "late")):
        assert f"{name}.part " in done.stdout
    last = done.stdout.splitlines()[-1]
    assert last.startswith("not loaded: ")
    for name in names(FAILING, "x_fails"):
        assert f"{name}.part " not in done.stdout
        assert name in last


SHOW = """
import contextlib, io, json, sys
from otframe.cli.main import app
told = {}
for name in sys.argv[1:]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            app(["show", f"{name}.part"])
        except SystemExit as ended:
            told[name] = ended.code, out.getvalue(), err.getvalue()
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def shown(site: Path) -> dict[str, tuple[int, str, str]]:
    """What `otframe show` says of each, from one process."""
    late = list(names(LATE, "late"))
    env = {**os.environ, "PYTHONPATH": str(site), "OTFRAME_PLUGINS": ",".join(late), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", SHOW, *late], capture_output=True, text=True, env=env, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, tuple[int, str, str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", names(LATE, "late"))
def test_parts_that_are_broken_are_told_when_they_are_asked_for(
    shown: dict[str, tuple[int, str, str]], name: str
) -> None:
    wanted = LATE[names(LATE, "late")[name]][2].replace("NAME", name)
    code, out, err = shown[name]
    if not wanted:
        assert not code
        assert "loud" not in out
        assert "loud" in err
        return
    assert code in (1, 2)
    assert name in err
    assert wanted in err
    assert "this is a defect; `otframe" not in err
    assert "Traceback" not in err


def test_a_run_beside_all_of_them(site: Path, tmp_path: Path) -> None:
    import cv2
    import numpy as np

    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "a.png"), np.full((6, 5, 3), 90, np.uint8))
    file = tmp_path / "p.yaml"
    file.write_text(
        "otframe: 1\ninputs: {photos: 'Image[]'}\nnodes: {same: {use: good.part, in: photos}}\n"
        "outputs: {same: {from: same, to: '{stem}.png'}}\n"
    )
    done = otframe(site, "run", file, "--in", f"photos={tmp_path / 'photos'}", "--out", tmp_path / "out", "--no-report")
    assert done.returncode == 0, done.stderr
    assert (cv2.imread(str(tmp_path / "out" / "a.png")) == 90).all()
    missed = otframe(site, "run", file.with_name("none"), OTFRAME_PLUGINS="good,x_fails00")
    assert missed.returncode == 2
    file.write_text(file.read_text().replace("good.part", "x_fails00.part"))
    missed = otframe(site, "check", file, OTFRAME_PLUGINS="good,x_fails00")
    assert missed.returncode == 2
    assert "plugin 'x_fails00' (x_fails00) could not be loaded: ModuleNotFoundError" in missed.stderr


def test_schema_is_json_whatever_parts_print(site: Path) -> None:
    done = otframe(site, "schema", OTFRAME_PLUGINS="good,late00,late01,late02,late05,late06")
    assert done.returncode == 0, done.stderr
    assert "good.part" in json.dumps(json.loads(done.stdout))


def test_schema_without_ports(site: Path) -> None:
    assert otframe(site, "schema", OTFRAME_PLUGINS="good,late03,late04").returncode == 0


DAMAGED = {
    "line without =": ("entry_points.txt", b"[otframe]\nodd\n"),
    "entry points not utf-8": ("entry_points.txt", b"[otframe]\nodd = \xff\xfe\n"),
    "no section": ("entry_points.txt", b"odd = odd\n"),
    "no module": ("entry_points.txt", b"[otframe]\nodd = a b:: c\n"),
    "nothing after =": ("entry_points.txt", b"[otframe]\nodd =\n"),
    "metadata not utf-8": ("METADATA", b"\xff\xfeName: odd"),
    "metadata without a name": ("METADATA", b"nothing"),
    "no metadata": ("METADATA", None),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_metadata(tmp_path: Path, case: str) -> None:
    install(tmp_path, "good", _one("good.part:Part"))
    install(tmp_path, "odd", "raise RuntimeError('odd')")
    file, data = DAMAGED[case]
    path = tmp_path / "odd-1.2.dist-info" / file
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    done = otframe(tmp_path, "plugins")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^good +good +1\.2 +ok", done.stdout, re.MULTILINE)
    if case != "no section":  # then it offers nothing to otframe
        assert "odd could not be loaded: " in done.stdout


def test_one_that_never_ends_is_named(tmp_path: Path) -> None:
    install(tmp_path, "good", _one("good.part:Part"))
    install(tmp_path, "stuck", "import time; time.sleep(3600)")
    command = [sys.executable, "-c", "from otframe.cli.main import main; main()", "list"]
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    env.pop("OTFRAME_PLUGINS", None)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as waiting:
        assert waiting.stderr is not None
        line = waiting.stderr.readline()
        waiting.kill()
    assert line.startswith("plugin 'stuck' is still loading after 3 s; ")
    assert "OTFRAME_PLUGINS=" in line
    assert "good.part" in otframe(tmp_path, "list", OTFRAME_PLUGINS="good").stdout


SHARED = """
import os, sys, random
import numpy as np, torch, cv2
random.seed(1); np.random.seed(1); torch.manual_seed(1); torch.set_num_threads(3); cv2.setNumThreads(2)
torch_seeded = torch.Generator().manual_seed(1)
want = random.Random(1).random(), np.random.RandomState(1).rand(), torch.rand(1, generator=torch_seeded)
from otframe.registry import Registry
(plugin,) = [p for p in Registry().plugins if p.name == "meddler"]
assert not plugin.failure, plugin.failure
assert len(plugin.notes) == 6, plugin.notes
assert (random.random(), np.random.rand(), torch.rand(1)) == want
assert (torch.get_num_threads(), torch.get_default_dtype(), cv2.getNumThreads()) == (3, torch.float32, 2)
assert sys.stdout is sys.__stdout__
"""


def test_what_the_host_had_set_stays(tmp_path: Path) -> None:
    meddles = (
        "import random, numpy, torch, cv2\nrandom.seed(0)\nnumpy.random.seed(0)\ntorch.manual_seed(0)\n"
        "torch.set_num_threads(1)\ntorch.set_default_dtype(torch.float64)\ncv2.setNumThreads(1)"
    )
    install(tmp_path, "meddler", _one("meddler.part:Part", meddles))
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "OTFRAME_PLUGINS": "meddler"}
    done = subprocess.run([sys.executable, "-c", SHARED], capture_output=True, text=True, env=env, timeout=120)
    assert done.returncode == 0, done.stderr


def test_a_slow_one_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from otframe import containing
    from otframe.registry import Registry

    monkeypatch.setattr(containing, "PATIENCE", 0.1)
    monkeypatch.delenv("OTFRAME_PLUGINS", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "otframe_test_slow.py").write_text("import time\ntime.sleep(0.4)")
    (core, slow) = Registry(points=[EntryPoint("slow", "otframe_test_slow", "otframe")]).plugins
    assert (core.notes, slow.failure) == ((), "")
    assert slow.notes[0].endswith("s to load: every command waits for that")
    assert capsys.readouterr().err.startswith("plugin 'slow' is still loading after 0.1 s; ")


def test_the_standard_output_of_other_threads_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    import threading

    from otframe.containing import Aside

    outer = sys.stdout
    first, second = Aside(), None
    with first:
        print("mine")
        second = Aside()
        second.__enter__()
        other = threading.Thread(target=print, args=("theirs",))
        other.start()
        other.join()
    print("still mine")  # the second one is open yet, and stands before the first
    second.__exit__()
    print("printed")
    sys.stdout = outer
    out, err = capsys.readouterr()
    assert out.split() == ["theirs", "printed"]
    assert err.split() == ["mine", "still", "mine"]
