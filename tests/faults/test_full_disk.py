"""A disk that is full in the middle of a run: a typed error, nothing half written, and `--resume` ends the run.

`OTFRAME_LONG=1` tries more sizes of disks, and lets each call fail that asks the disk for something.
"""

import contextlib
import errno
import io
import os
import re
import warnings

import pytest
import torch

from otframe.errors import OutputError
from otframe.io import write
from otframe.run.paths import FOLDER
from otframe.store import Lock
from otframe.values import Image

resource = pytest.importorskip("resource")

LONG = bool(os.environ.get("OTFRAME_LONG"))
COUNT = 8
FULL = r"the disk is full|No space left on device|Write error at position|Could not open file .*\.part\."
"""Encoders in other languages have words of their own."""
SHARES = [n / 20 for n in range(20)] if LONG else [0.0, 0.2, 0.5, 0.95]


@pytest.fixture(scope="module")
def used(kit, make_disk):
    """Bytes and files that a whole run takes of a disk."""
    disk = make_disk()
    kit.run(disk.path / "out", COUNT, resume=True)
    return disk.used()


def fails(kit, out, match=FULL, **options):
    """The run fails for want of room, and says so."""
    with pytest.raises(OutputError, match=match) as caught:
        kit.run(out, COUNT, **options)
    assert caught.value.exit_code == 1
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("executor", ["serial", "threads"])
@pytest.mark.parametrize("what", ["bytes", "files"])
def test_a_disk_that_fills_up(kit, undisturbed, make_disk, used, what, executor, share):
    size, files = used
    disk = make_disk(f"size={int(size * share) + 8192}" if what == "bytes" else f"nr_inodes={int(files * share) + 2}")
    out, expected = disk.path / "out", undisturbed(COUNT)
    error = fails(kit, out, resume=True, executor=executor, workers=3)
    kit.check_whole(out, expected) if out.exists() else None
    assert kit.temporaries(disk.path) == []
    left = len(kit.outputs(out)) if out.exists() else 0
    disk.remount("size=100m,nr_inodes=10000")
    result = kit.run(out, COUNT, resume=True, executor=executor, workers=3)
    kit.check_same(out, expected)
    assert kit.entries(out / FOLDER / "values") == kit.values(COUNT)
    found = sum(file.found for file in result.files)
    assert found <= left
    print(f"{what}, room for {share:.2f} of the run ({executor}): {error.message!r}; {left} files left, {found} found")


@pytest.mark.parametrize("share", SHARES)
def test_a_full_disk_with_only_the_store(kit, undisturbed, make_disk, used, tmp_path, share):
    disk, expected = make_disk(f"size={int(used[0] * share / 2) + 8192}"), undisturbed(COUNT)
    error = fails(kit, tmp_path, store=disk.path / "store", resume=True)
    assert "--no-store" in error.hint
    kit.check_whole(tmp_path, expected)
    assert kit.temporaries(disk.path, tmp_path) == []
    disk.remount("size=100m")
    kit.run(tmp_path, COUNT, store=disk.path / "store", resume=True)
    kit.check_same(tmp_path, expected, disk.path)
    assert kit.entries(disk.path / "store") == kit.values(COUNT)


def test_the_command_line_on_a_full_disk(kit, undisturbed, make_disk, used):
    disk, expected = make_disk(f"size={used[0] * 3}"), undisturbed(50)
    out = disk.path / "out"
    told = kit.end(kit.start(out, "--executor", "processes", "--workers", 2), code=1)
    assert re.search(FULL, " ".join(told.split()))
    assert "--out" in told
    assert "Traceback" not in told
    kit.check_whole(out, expected)
    assert kit.temporaries(disk.path) == []
    left = len(kit.outputs(out)) - (out / "scores.csv").exists() - (out / "scores.json").exists()
    assert 0 < left < 101
    disk.remount("size=100m")
    kit.end(kit.start(out, "--resume"))
    kit.check_same(out, expected)
    assert 0 < kit.found(out) <= left
    print(f"{left} files left, {kit.found(out)} found by --resume")


# --- without a disk of its own: calls that fail ----------------------------------------------------------------


class Disk:
    """Lets the n-th call fail that asks the disk for something, and those that follow where it stays full."""

    def __init__(self, monkeypatch, number, stays):
        self.number, self.stays, self.calls = number, stays, []
        for name in ("fsync", "replace", "write"):
            self._patch(monkeypatch, os, name)
        self._patch(monkeypatch, os, "mkdir", lambda path, *rest: not os.path.exists(path))
        self._patch(monkeypatch, os, "open", lambda path, flags, *rest: flags & (os.O_WRONLY | os.O_RDWR))
        self._patch(
            monkeypatch, io, "open", lambda file, mode="r", *rest: isinstance(file, os.PathLike) and "w" in mode
        )

    def _patch(self, monkeypatch, module, name, counts=lambda *arguments: True):
        real = getattr(module, name)

        def call(*arguments, **named):
            if counts(*arguments):
                self.calls.append(name)
                if len(self.calls) == self.number or (self.stays and len(self.calls) > self.number):
                    raise OSError(errno.ENOSPC, "No space left on device")
            return real(*arguments, **named)

        monkeypatch.setattr(module, name, call)


def few(kit, out):
    return kit.run(out, 2, resume=True)


@pytest.fixture
def calls(kit, tmp_path, monkeypatch):
    """What a run over two photographs asks the disk for, in order."""
    with monkeypatch.context() as patch:
        disk = Disk(patch, 0, False)
        few(kit, tmp_path / "counted")
    assert {"open", "fsync", "replace", "write", "mkdir"} <= set(disk.calls)
    return disk.calls


@pytest.mark.timeout(900)
@pytest.mark.parametrize("stays", [False, True], ids=["once", "stays"])
def test_each_call_that_asks_the_disk_for_something_may_fail(kit, undisturbed, tmp_path, monkeypatch, calls, stays):
    expected, failed = undisturbed(2), 0
    numbers = range(1, len(calls) + 1)
    for number in numbers if LONG else [n for n in numbers if n <= 12 or n % 7 == stays]:
        out = tmp_path / f"{number}"
        with monkeypatch.context() as patch:
            Disk(patch, number, stays)
            with pytest.raises(OutputError, match=FULL) as caught:
                few(kit, out)
            assert caught.value.hint
            failed += 1
        if out.exists():
            kit.check_whole(out, expected)
            assert kit.temporaries(out) == [], number
            with Lock(out / FOLDER) as lock:
                assert lock.alone(), f"after call {number} the folder is still held"
        few(kit, out)
        kit.check_same(out, expected)
    print(f"{failed} of {len(calls)} calls failed, each was told, and each run was resumed")


@contextlib.contextmanager
def no_file_longer(limit):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".exr", ".bmp", ".jpg", ".webp", ".safetensors"])
@pytest.mark.parametrize("side", [3, 60, 200])
def test_a_file_whose_last_bytes_find_no_room(tmp_path, suffix, side):
    """Encoders keep the end of a file back until it is closed, and some do not tell that it could not be written."""
    noise = torch.rand(3, side, side, generator=torch.Generator().manual_seed(0))
    image, path = Image(noise, meta={"depth": "uint8"}), tmp_path / f"a{suffix}"
    write(image, tmp_path / f"whole{suffix}")
    size = (tmp_path / f"whole{suffix}").stat().st_size
    missing = range(1, 12) if LONG else (1, 11)
    for limit in [*(size - less for less in missing), *range(0, size, max(1, size // (200 if LONG else 5)))]:
        with no_file_longer(limit), pytest.raises(OutputError, match="cannot be written"):
            write(image, path)
        assert [other.name for other in tmp_path.iterdir()] == [f"whole{suffix}"]


@pytest.mark.parametrize("limit", [0, 100, 1000, 5000, 20000, 100_000])
def test_files_that_may_not_grow(kit, undisturbed, tmp_path, limit):
    """As by `ulimit -f`: encoders in other languages meet it too, and a line of the ledger is cut."""
    with no_file_longer(limit):
        fails(kit, tmp_path, match="cannot be written", resume=True)
    kit.check_whole(tmp_path, undisturbed(COUNT))
    assert kit.temporaries(tmp_path) == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kit.run(tmp_path, COUNT, resume=True)
    kit.check_same(tmp_path, undisturbed(COUNT))
