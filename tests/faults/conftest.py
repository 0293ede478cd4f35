"""Fifty real photographs, a pipeline that has everything a run can lose, and what an undisturbed run makes of them."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from otframe import Pipeline
from otframe.io import write
from otframe.io.image_file import read_image
from otframe.io.samples import SampleSource
from otframe.registry import Registry
from otframe.run.paths import FOLDER
from otframe.store import Store
from otframe.values import Image

PIPELINE = """\
otframe: 1
title: Everything that a run can lose
inputs: {photos: "Image[]"}
nodes:
  colour:   {use: image.convert, in: photos, with: {space: srgb}}
  noisy:    {use: degrade.noise, in: colour, with: {sigma: 20}, keep: disk}
  law:      {in: noisy, steps: [{patch.unfold: {size: 3}}, gaussian.statistics]}
  clean:    {in: colour, steps: [{patch.unfold: {size: 3}}, gaussian.statistics]}
  map:      {use: gaussian.transport, in: {source: law, target: clean}}
  moved:
    in: noisy
    keep: disk
    steps: [{patch.unfold: {size: 3}}, {use: transport.apply, in: {transport: map}}, patch.fold]
  out:      {use: image.blend, in: {a: moved, b: colour}, with: {weight: 0.75}}
  scores:   {use: metric.table, in: {image: out, reference: colour}, join: key}
outputs:
  out:    {from: out, to: "{stem}.png", before: photos}
  noisy:  {from: noisy, to: "noisy/{stem}.png"}
  scores: {from: scores, to: scores.csv}
  map:    {from: map, to: map.safetensors}
"""
TIMES = ("run.json", "report.html")
"""Of an output folder: what tells times, and so is never the same twice."""


class Kit:
    """What the tests of this folder ask of an output folder."""

    def __init__(self, file, photos):
        self.file, self.photos = file, photos
        self.registry = Registry.installed()

    def of(self, count, folder):
        """The same for the first photographs alone, copied into a folder."""
        folder.mkdir()
        for path in self.some(count) if count < 50 else self.photos.iterdir():
            shutil.copy(path, folder)
        return Kit(self.file, folder)

    def pipeline(self):
        return Pipeline.from_yaml(self.file)

    def run(self, out, count=50, **options):
        """The run in this process, over the first photographs."""
        return self.pipeline().run({"photos": self.some(count)}, out=out, **options)

    def some(self, count):
        found = sorted(self.photos.iterdir())
        return [str(path) for path in found[:count]] if count < len(found) else str(self.photos)

    def command(self, out, *options):
        """The run as a command line."""
        start = [sys.executable, "-c", "from otframe.cli.main import main; main()", "run", str(self.file)]
        return [*start, "--in", f"photos={self.photos}", "--out", str(out), *map(str, options)]

    def start(self, out, *options, **more):
        """Start the command line in a process group of its own."""
        env = {**os.environ, "OMP_NUM_THREADS": "1"}
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
        return subprocess.Popen(self.command(out, *options), env=env, **{**pipes, **more})

    def end(self, process, code=0, timeout=120):
        """Wait for it; what it wrote to stderr."""
        told = process.communicate(timeout=timeout)[1]
        assert process.returncode == code, told
        return told

    def outputs(self, folder):
        """The bytes of all files under their final names, apart from those that tell times and what is kept."""
        found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        kept = (name for name in found if not name.startswith(f"{FOLDER}/") and name not in TIMES)
        return {name: found[name].read_bytes() for name in kept if not self.is_temporary(name)}

    def is_temporary(self, name):
        return re.search(r"(^|/)\.[^/]*\.part(\.|$)", name) is not None

    def temporaries(self, *folders):
        return [str(path) for folder in folders for path in folder.rglob("*") if self.is_temporary(path.name)]

    def entries(self, store):
        """How many entries a store has, each of which must be good."""
        kept = Store(store, self.registry)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for path in kept.entries():
                assert kept.get(kept.told(path)["address"]) is not None
        return len(list(kept.entries()))

    def values(self, count):
        """How many entries a whole run leaves: two streams, two laws, the map and the table."""
        return 2 * count + 4

    def check_whole(self, folder, expected):
        """What is there under its final name is what an undisturbed run makes: nothing is half written."""
        for name, data in self.outputs(folder).items():
            assert data == expected[name], f"{name} is not what an undisturbed run makes"
        for name in TIMES:
            if (folder / name).exists():
                text = (folder / name).read_text(encoding="utf-8")
                assert json.loads(text) if name == "run.json" else text.rstrip().endswith("</html>")
        if (folder / FOLDER / "values").exists():
            self.entries(folder / FOLDER / "values")

    def check_same(self, folder, expected, *folders):
        """All files of an undisturbed run, with its bytes, and nothing else in these folders."""
        found = self.outputs(folder)
        assert sorted(found) == sorted(expected)
        assert [name for name, data in found.items() if data != expected[name]] == []
        assert self.temporaries(folder, *folders) == []

    def found(self, folder):
        """How many files the last run took from an earlier one."""
        return sum(file["found"] for file in json.loads((folder / "run.json").read_text())["files"])


@pytest.fixture(scope="package", autouse=True)
def one_thread():
    """The threads of a task are part of what is kept: the same for what all tests share and for each of them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="package")
def kit(one_thread):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # some tests are run by nobody
        (folder / "everything.yaml").write_text(PIPELINE, encoding="utf-8")
        _write_photos(folder / "photos")
        yield Kit(folder / "everything.yaml", folder / "photos")


@pytest.fixture(scope="package")
def undisturbed(kit, tmp_path_factory):
    """The outputs of a run over that many photographs, by name."""
    known = {}

    def outputs(count=50):
        if count not in known:
            folder = tmp_path_factory.mktemp("undisturbed")
            kit.run(folder, count)
            known[count] = kit.outputs(folder)
            pictures = [folder / name for name in known[count] if name.endswith(".png")]
            assert len(pictures) == 2 * count
            assert len(known[count]) == 2 * count + 3
            for path in pictures:
                read_image(path)
        return known[count]

    return outputs


class Disk:
    """A small disk in memory, mounted where only this process and those that it starts can reach it.

    It lies in a mount namespace of its own, held open by a shell that also takes what else is to be done there.
    """

    def __init__(self, folder, options):
        self._folder = folder
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        script = f'mount -t tmpfs -o {options} tmpfs "{folder}" && echo 0\n'
        script += 'while read -r line; do eval "$line"; echo $?; done'
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        self._shell = subprocess.Popen(["unshare", *user, "--mount", "sh", "-c", script], **pipes)
        mounted = self._shell.stdout.readline() == "0\n"
        self.path = Path(f"/proc/{self._shell.pid}/root{folder}")
        self.usable = mounted and os.access(self.path, os.W_OK)

    def remount(self, options):
        """Make room, or take it."""
        self._do(f'mount -o remount,{options} "{self._folder}"')

    def lock(self):
        """Make it read-only, though files on it are open: no more files can be opened to be written."""
        self._do(f'mount --bind "{self._folder}" "{self._folder}" && mount -o remount,bind,ro "{self._folder}"')

    def unlock(self):
        """Let files be written again."""
        self._do(f'umount "{self._folder}"')

    def used(self):
        """Bytes and files."""
        status = os.statvfs(self.path)
        return (status.f_blocks - status.f_bfree) * status.f_frsize, status.f_files - status.f_ffree

    def close(self):
        self._shell.stdin.close()
        self._shell.wait(timeout=20)

    def _do(self, line):
        self._shell.stdin.write(f"{line}\n")
        self._shell.stdin.flush()
        assert self._shell.stdout.readline() == "0\n", line


@pytest.fixture(scope="module")
def make_disk(tmp_path_factory):
    """Make a disk of its own with these options of tmpfs."""
    made = []

    def make(options="size=100m"):
        try:
            made.append(Disk(tmp_path_factory.mktemp("disk"), options))
        except FileNotFoundError:
            pytest.skip("needs `unshare` of Linux")
        if not made[-1].usable:
            pytest.skip("this machine does not let us mount a disk in a namespace of our own")
        return made[-1]

    yield make
    for disk in made:
        disk.close()


def _write_photos(folder):
    """Crops of real photographs of many sizes: colour and grey, with and without alpha, 8 and 16 bits."""
    registry, random = Registry.installed(), np.random.default_rng(0)
    source = SampleSource("sample:photos/fit")
    photographs = [source.load(key) for key in source.keys()]
    for number in range(50):
        image = photographs[number % len(photographs)]
        height, width = (int(side) for side in random.integers(48, 97, 2))
        top, left = (int(random.integers(0, size)) for size in (image.size[0] - height, image.size[1] - width))
        pixels = image.pixels[:, top : top + height, left : left + width]
        alpha = torch.linspace(0, 1, width).expand(height, width).contiguous() if number % 5 == 2 else None
        meta = {"stem": f"{number:02d}", "depth": "uint16" if number % 5 == 3 else "uint8"}
        space = "gray" if number % 5 == 1 else "srgb"
        made = Image(pixels.mean(0, keepdim=True) if space == "gray" else pixels.contiguous(), alpha, space, meta)
        write(made, Path(folder) / f"{number:02d}.png", registry)
