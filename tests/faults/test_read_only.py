"""Folders that may not be written into, from the start or from the middle of a run on."""

import os
import tempfile
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from otframe.errors import OutputError
from otframe.run import Observer

COUNT = 8
LONG = bool(os.environ.get("OTFRAME_LONG"))
AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
NOBODY = 65534

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs folders that forbid writing")


class Mounted:
    """The output folder on a disk of its own, which is mounted read-only."""

    def __init__(self, disk, elsewhere):
        self.disk, self.out, self.elsewhere = disk, disk.path / "out", elsewhere

    def user(self):
        return nullcontext()

    def lock(self):
        self.disk.lock()

    def unlock(self):
        self.disk.unlock()


class Owned:
    """The output folder, of which each folder forbids writing. Root may write all the same, and so is nobody here."""

    def __init__(self, folder):
        self.out, self.elsewhere = folder / "out", folder / "elsewhere"
        if AS_ROOT:
            os.chown(folder, NOBODY, NOBODY)

    @contextmanager
    def user(self):
        if not AS_ROOT:
            yield
            return
        os.setresuid(NOBODY, NOBODY, 0)
        try:
            yield
        finally:
            os.setresuid(0, 0, 0)

    def lock(self):
        self._modes(0o555)

    def unlock(self):
        self._modes(0o755)

    def _modes(self, mode):
        for folder, _, _ in os.walk(self.out):
            os.chmod(folder, mode)


@pytest.fixture(params=["mount", "chmod"])
def place(request, make_disk, undisturbed, tmp_path):
    undisturbed(COUNT)  # whatever is imported at the first run is there now: nobody may not be allowed to read it
    if request.param == "mount":
        found = Mounted(make_disk(), tmp_path)
        with found.user():
            yield found
        return
    with tempfile.TemporaryDirectory() as folder:  # not where pytest has its own: only its owner may enter there
        found = Owned(Path(folder))
        with found.user():
            yield found
        found.unlock()


@contextmanager
def locked(place):
    place.lock()
    try:
        yield
    finally:
        place.unlock()


class LockAfter(Observer):
    """Forbids writing once so many items are done."""

    def __init__(self, place, items):
        self.place, self.left = place, items

    def item_finished(self, key):
        self.left -= 1
        if self.left == 0:
            self.place.lock()


def everything(folder):
    return {path.relative_to(folder): path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def test_a_folder_that_is_read_only_is_refused_before_anything_is_done(kit, place):
    place.out.mkdir()
    with locked(place), pytest.raises(OutputError, match="does not allow writing") as caught:
        kit.run(place.out, COUNT, resume=True)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    assert everything(place.out) == {}


@pytest.mark.parametrize("place", ["mount"], indirect=True)
def test_the_command_line_tells_it_too(kit, place):
    place.out.mkdir()
    with locked(place):
        told = kit.end(kit.start(place.out), code=2)
        assert everything(place.out) == {}
    assert "does not allow writing" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_that_was_written_into_by_an_earlier_run(kit, undisturbed, place, resume):
    kit.run(place.out, 5, resume=True)
    partial = place.out / ".00.0123456789ab.part.png"
    partial.write_bytes(b"left by a run that was killed")
    before = everything(place.out)
    with locked(place), pytest.raises(OutputError) as caught:
        kit.run(place.out, COUNT, store=place.out / ".otframe" / "values", resume=resume)
    assert caught.value.exit_code == 2
    assert everything(place.out) == before
    kit.run(place.out, COUNT, resume=True)
    kit.check_same(place.out, undisturbed(COUNT))


def test_a_store_that_is_read_only(kit, undisturbed, place):
    out, store = place.elsewhere, place.out
    kit.run(out, 5, store=store, resume=True)
    (store / ".x.0123456789ab.part.otv").write_bytes(b"left by a run that was killed")
    before, written = everything(store), kit.outputs(out)
    with locked(place), pytest.raises(OutputError) as caught:
        kit.run(out, COUNT, store=store, resume=True)
    assert caught.value.exit_code == 1
    assert caught.value.hint
    assert everything(store) == before
    kit.check_whole(out, undisturbed(COUNT) | written)
    kit.run(out, COUNT, store=store, resume=True)
    kit.check_same(out, undisturbed(COUNT), store)


@pytest.mark.parametrize("items", range(1, 2 * COUNT, 1 if LONG else 9))
@pytest.mark.parametrize("executor", ["serial", "threads"])
def test_a_folder_that_becomes_read_only_in_the_middle(kit, undisturbed, place, executor, items):
    out, expected = place.out, undisturbed(COUNT)
    given = {"executor": executor, "workers": 3, "resume": True}
    try:
        with pytest.raises(OutputError) as caught:
            kit.run(out, COUNT, observers=[LockAfter(place, items)], **given)
    finally:
        place.unlock()
    assert caught.value.exit_code == 1
    assert caught.value.hint
    kit.check_whole(out, expected)
    partial = kit.temporaries(out)
    assert not partial or executor == "threads"  # nobody could remove what was being written
    left = len(kit.outputs(out))
    result = kit.run(out, COUNT, **given)
    kit.check_same(out, expected)
    found = sum(file.found for file in result.files)
    print(f"read-only after {items} items ({executor}): {caught.value.message!r}; {left} files left, {found} found")
