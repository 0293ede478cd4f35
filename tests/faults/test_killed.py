"""A run that is killed loses nothing: `--resume` ends it with the bytes of a run that nobody disturbed.

`OTFRAME_LONG=1` kills at 30 moments. What each found is printed with `pytest -s`.
"""

import json
import os
import random
import signal
import time

import pytest

from otframe.run.paths import FOLDER

TIMES = ("run.json", "report.html")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs signals and process groups")

ROUNDS = 30 if os.environ.get("OTFRAME_LONG") else 3
WORK = 104 + 103
"""Values and files of a whole run."""
EXECUTORS = ("serial", "threads", "processes")


def done(out):
    """How many values and files there are, under their final names."""
    values = sum(1 for _ in (out / FOLDER / "values").glob("??/[!.]*.otv"))
    return values + sum(1 for path in (*out.glob("[!.]*.*"), *out.glob("noisy/[!.]*")) if path.name not in TIMES)


def wait_for(process, ready):
    """Whether that came true before the process ended."""
    while not ready():
        if process.poll() is not None:
            return False
        time.sleep(0.002)
    return True


def kill(process, alone):
    """Kill the run: all of its processes, or the first one `alone`. Whether it was still on."""
    (os.kill if alone else os.killpg)(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    return process.returncode == -signal.SIGKILL


def killed(kit, out, moment, chance, executor, alone, before=0):
    """Start a run, and kill it when that share of what is to be done is done. Whether it came in time."""
    process = kit.start(out, "--executor", executor, "--workers", 2, "--resume")
    goal = before + moment * (1.04 * WORK - before)  # the last kills come while the record and the report are made
    try:
        if wait_for(process, lambda: done(out) >= min(goal, WORK)):
            time.sleep(chance.random() * (0.02 if goal < WORK else 0.2))
            return kill(process, alone)
        process.communicate(timeout=60)
        return False
    finally:
        groups.append(process.pid)


groups = []
"""Of the runs that were started: what is left of them must end by itself."""


@pytest.fixture(autouse=True)
def nothing_left():
    groups.clear()
    yield
    end = time.monotonic() + 10
    left = [group for group in groups if is_there(group)]
    while left and time.monotonic() < end:
        time.sleep(0.05)
        left = [group for group in left if is_there(group)]
    for group in left:
        os.killpg(group, signal.SIGKILL)
    assert not left, "workers outlive their run"


def is_there(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def told(out):
    """The files that the ledger tells of."""
    try:
        lines = (out / FOLDER / "ledger.jsonl").read_bytes().split(b"\n")
    except FileNotFoundError:
        return set()
    whole = [json.loads(line.partition(b" ")[2]) for line in lines[:-1]]  # the last is empty, or was cut short
    return {line["file"] for line in whole if "file" in line}


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_killed_run_is_resumed_with_the_same_bytes(kit, undisturbed, tmp_path, number):
    chance = random.Random(number)
    executor, alone = EXECUTORS[number % 3], number % 2 == 0
    moment = ((number + 1) % ROUNDS + chance.random()) / ROUNDS
    for attempt in range(5):  # near the end it may be over too soon
        out = tmp_path / f"out{attempt}"
        if killed(kit, out, moment, chance, executor, alone):
            break
        moment *= 0.9
    else:
        raise AssertionError("the run was over before it could be killed, five times")
    expected = undisturbed()
    kit.check_whole(out, expected)
    first = told(out)
    twice = number % 2 == 1
    if twice:
        twice = killed(kit, out, chance.random(), chance, EXECUTORS[chance.randrange(3)], False, done(out))
        kit.check_whole(out, expected)
    second = told(out)
    left, partial = len(kit.outputs(out)), len(kit.temporaries(out))
    assert 0 <= left - len(second) <= 10  # written, and not told yet: what was in flight
    stored = kit.entries(out / FOLDER / "values")
    kit.end(kit.start(out, "--executor", EXECUTORS[(number + number // 3) % 3], "--resume"))
    kit.check_same(out, expected)
    assert kit.entries(out / FOLDER / "values") == kit.values(50)
    found = kit.found(out)
    assert found == len(second - {"scores.json"}) - (("scores.csv" in second) > ("scores.json" in second))
    print(
        f"killed at {moment:.2f} ({executor}{', alone' if alone else ''}){', and again' if twice else ''}: "
        f"{len(first)} files told, then {len(second)}; {left} files, {stored} values and {partial} partial files left; "
        f"{found} files found by --resume"
    )
