"""Runs at once that share a store, or store and output folder: all end well, and nothing is damaged."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from otframe.errors import OutputError
from otframe.run import Observer
from otframe.run.paths import FOLDER
from otframe.store import Lock

LONG = bool(os.environ.get("OTFRAME_LONG"))
COUNT = 8
PARTIAL = ".00.0123456789ab.part"

fcntl = pytest.importorskip("fcntl")


def at_once(*calls):
    """Call all at the same moment; what they give."""
    gate = threading.Barrier(len(calls))

    def call(one):
        gate.wait(30)
        return one()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call, one) for one in calls]]


class Pause(Observer):
    """Holds a run in the middle of a pass until it is let go on."""

    def __init__(self, items):
        self.left, self.there, self.go = items, threading.Event(), threading.Event()

    def item_finished(self, key):
        self.left -= 1
        if self.left == 0:
            self.there.set()
            assert self.go.wait(60)


@pytest.mark.parametrize("times", range(10 if LONG else 2))
@pytest.mark.parametrize("executor", ["serial", "threads"])
def test_threads_that_share_a_store(kit, undisturbed, tmp_path, executor, times):
    outs, store = [tmp_path / f"out{number}" for number in range(3)], tmp_path / "store"
    at_once(*[lambda out=out: kit.run(out, COUNT, store=store, executor=executor, workers=2) for out in outs])
    for out in outs:
        kit.check_same(out, undisturbed(COUNT), tmp_path)
    assert kit.entries(store) == kit.values(COUNT)


@pytest.mark.parametrize("times", range(10 if LONG else 2))
@pytest.mark.parametrize("executor", ["serial", "threads"])
def test_threads_that_share_the_output_folder_too(kit, undisturbed, tmp_path, executor, times):
    out = tmp_path / "out"
    at_once(*[lambda: kit.run(out, COUNT, resume=True, executor=executor, workers=2) for _ in range(3)])
    kit.check_same(out, undisturbed(COUNT))
    assert kit.entries(out / FOLDER / "values") == kit.values(COUNT)
    assert len(found := kit.run(out, COUNT, resume=True).files) == 2 * COUNT + 2
    assert all(file.found for file in found)


def test_a_file_that_another_run_replaced_is_not_taken_for_ones_own(kit, undisturbed, tmp_path):
    """Two runs that differ write the same names: each is told with its own bytes, and none is a hit of the other's."""
    mine, out = undisturbed(COUNT), tmp_path / "out"

    class Other(Observer):
        def pass_started(self, label, keys):
            self.first = False

        def item_finished(self, key):
            """Between the writing of the next items, which are in flight, and their lines in the ledger."""
            if self.first:
                return
            self.first = True
            kit.run(out, COUNT, resume=True, seed=1)

    kit.run(out, COUNT, resume=True, executor="threads", workers=6, observers=[Other()])
    kit.run(out, COUNT, resume=True)
    kit.check_same(out, mine)


@pytest.mark.parametrize("times", range(5 if LONG else 1))
def test_processes_that_share_everything(kit, undisturbed, tmp_path, times):
    """One is killed in the middle: the others end well all the same."""
    out, store = tmp_path / "out", tmp_path / "store"
    executors = ("serial", "threads", "serial") if LONG else ("serial", "threads")
    runs = [kit.start(out, "--store", store, "--executor", executor, "--resume") for executor in executors]
    other = kit.start(tmp_path / "other", "--store", store)
    doomed = kit.start(out, "--store", store)
    while not len(list(store.glob("??/*.otv"))) > 20 + 10 * times and doomed.poll() is None:
        time.sleep(0.002)
    doomed.kill()
    doomed.communicate(timeout=60)
    for run in (*runs, other):
        kit.end(run)
    kit.end(kit.start(out, "--store", store, "--resume"))
    kit.check_same(out, undisturbed(), store)
    kit.check_same(tmp_path / "other", undisturbed())
    assert kit.entries(store) == kit.values(50)
    assert kit.found(out) == 102


@pytest.mark.parametrize("after", [2, COUNT + 2])
def test_what_another_run_is_writing_is_not_removed(kit, undisturbed, tmp_path, after):
    """Nor by one that shares the store alone. What a killed run left goes when somebody is alone there."""
    out, store, pause = tmp_path / "out", tmp_path / "store", Pause(after)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(kit.run, out, COUNT, store=store, resume=True, observers=[pause])
        try:
            assert pause.there.wait(60)
            entry = next(store.glob("??/*.otv")).parent
            (out / "noisy").mkdir(exist_ok=True)
            places = [out / f"{PARTIAL}.png", out / "noisy" / f"{PARTIAL}.png", out / FOLDER / f"{PARTIAL}.jsonl"]
            places += [entry / f"{PARTIAL}.otv"]
            for place in places:
                place.write_bytes(b"half of a fi")
            kit.run(out, COUNT, store=store, resume=True)
            kit.run(tmp_path / "other", COUNT, store=store)
            kit.end(kit.start(tmp_path / "third", "--store", store, "--no-report"))
            assert [place for place in places if not place.exists()] == []
        finally:
            pause.go.set()
        first.result(60)
    kit.run(out, COUNT, store=store, resume=True)
    kit.check_same(out, undisturbed(COUNT), tmp_path)


def test_a_run_waits_while_another_tidies_up(kit, undisturbed, tmp_path):
    out = tmp_path / "out"
    kit.run(out, COUNT, resume=True)
    with ThreadPoolExecutor(1) as pool, Lock(out / FOLDER) as lock:
        assert lock.alone()
        waiting = pool.submit(kit.run, out, COUNT, resume=True)
        time.sleep(0.5)
        assert not waiting.done()
        lock.share()
        waiting.result(60)
    kit.check_same(out, undisturbed(COUNT))


def test_the_folder_is_free_after_each_run(kit, tmp_path):
    """However it ended: otherwise nobody would ever tidy up again in a process that lives long."""

    class Stop(Observer):
        def item_finished(self, key):
            raise KeyboardInterrupt

    def free():
        with Lock(tmp_path / FOLDER) as one, Lock(tmp_path / FOLDER / "values") as two:
            return one.alone() and two.alone()

    with pytest.raises(KeyboardInterrupt):
        kit.run(tmp_path, COUNT, resume=True, observers=[Stop()])
    assert free()
    ledger = tmp_path / FOLDER / "ledger.jsonl"
    ledger.unlink()
    ledger.symlink_to(tmp_path / "nowhere" / "ledger.jsonl")
    with pytest.raises(OutputError, match="ledger"):
        kit.run(tmp_path, COUNT, resume=True)
    assert free()
