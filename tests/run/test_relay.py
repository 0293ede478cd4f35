"""How far a call in a worker process is: told in the run, in order, from one thread, and never after the end."""

import threading
import time
import warnings
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from otframe import Pipeline
from otframe.errors import CancelledError
from otframe.registry import Registry
from otframe.run import Observer
from otframe.run.relay import Pen, Relay

PLUGIN = '''
import os
import time
from pathlib import Path

import numpy as np

from otframe.interfaces import Context, Transform
from otframe.plugin import Entry, hookimpl
from otframe.values import Image


class Long(Transform):
    """Tells how far it is, as often as is wanted."""

    times: int = 5
    pause: float = 0.0
    dies: str = ""

    def __call__(self, image: Image, *, ctx: Context) -> Image:
        for step in range(self.times):
            ctx.progress(np.float32((step + 1) / self.times), f"step {step + 1}")
            time.sleep(self.pause)
            if self.dies and step == 2 and ctx.key == "b":
                if not Path(self.dies).exists():
                    Path(self.dies).touch()
                    os._exit(9)
        return image


@hookimpl
def otframe_components() -> list[Entry]:
    return [Entry("test.long", "otframe_test_long:Long", "transform", "tells how far it is")]
'''


class Watch(Observer):
    """Everything that is told, with the thread that tells it."""

    def __init__(self):
        self.seen, self.threads = [], set()

    def progress(self, node, key, fraction, note):
        self.seen.append(("progress", node, key, fraction, note))
        self.threads.add(threading.get_ident())

    def item_finished(self, key):
        self.seen.append(("item", key))

    def run_finished(self, result):
        self.seen.append(("end",))

    def run_failed(self, error):
        self.seen.append(("end",))

    def of(self, key):
        return [told[3:] for told in self.seen if told[0] == "progress" and told[2] == key]


@pytest.fixture
def long(tmp_path, monkeypatch):
    """Runs a long call over images, in processes or not."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "otframe_test_long.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path / "site")
    registry = Registry(points=[EntryPoint("long", "otframe_test_long", "otframe")])
    assert not registry.failures()

    def call(names="ab", executor="processes", observer=None, workers=1, cancel=None, **params):
        nodes = f"nodes: {{out: {{in: photos, use: test.long, with: {params}}}}}"
        text = f'otframe: 1\ninputs: {{photos: "Image[]"}}\n{nodes}\noutputs: {{out: out}}'
        photos = {name: np.random.default_rng(ord(name)).random((4, 5, 3), np.float32) for name in names}
        options = {"executor": executor, "workers": workers, "cancel": cancel}
        return Pipeline.from_text(text, registry).run(
            {"photos": photos}, observers=[observer] if observer else [], **options
        )

    return call


def relays():
    return [thread for thread in threading.enumerate() if thread.name == "otframe-relay"]


def test_calls_in_workers_are_told_before_their_item_is_done(long):
    watch, other = Watch(), Watch()
    made = long("abc", observer=watch, workers=2, pause=0.06).values["out"]
    for key in "abc":
        told = watch.of(key)
        assert told == sorted(told)
        assert told[-1] == (1.0, "step 5")
        assert len(told) >= 2
        last = watch.seen.index(("progress", "out", key, 1.0, "step 5"))
        assert last < watch.seen.index(("item", key))
    assert len(watch.threads) == 1
    assert threading.get_ident() not in watch.threads
    assert watch.seen[-1] == ("end",)
    assert not relays()
    serial = long("abc", "serial", other).values["out"]
    assert all(made[key].pixels.equal(serial[key].pixels) for key in "abc")
    assert [told for told in other.seen if told[0] == "item"] == [told for told in watch.seen if told[0] == "item"]


def test_many_messages_are_thinned_out_and_slow_nothing(long):
    watch = Watch()
    start = time.perf_counter()
    long("a", observer=watch, times=20_000)
    spent = time.perf_counter() - start
    assert watch.of("a")[-1] == (1.0, "step 20000")
    assert len(watch.of("a")) <= 2 + 10 * spent


def test_a_long_call_is_told_of_while_it_runs(long):
    seen = []

    class Clock(Observer):
        def progress(self, node, key, fraction, note):
            seen.append(time.perf_counter())

    long("a", observer=Clock(), times=5, pause=0.25)
    assert seen[-1] - seen[0] > 0.5


def test_a_worker_that_dies_is_survived(long, tmp_path):
    watch = Watch()
    made = long("abc", observer=watch, pause=0.05, dies=str(tmp_path / "once"))
    assert list(made.values["out"]) == ["a", "b", "c"]
    assert all(watch.of(key)[-1] == (1.0, "step 5") for key in "abc")
    assert not relays()


def test_nothing_is_told_after_a_run_was_cancelled(long):
    watch = Watch()
    with pytest.raises(CancelledError):
        long("abcd", observer=watch, workers=2, times=200, pause=0.05, cancel=lambda: len(watch.seen) > 2)
    assert watch.seen[-1] == ("end",)
    count = len(watch.seen)
    time.sleep(0.3)
    assert len(watch.seen) == count
    assert not relays()


def test_an_observer_that_fails_is_a_warning_and_no_more(long):
    class Bad(Observer):
        def progress(self, node, key, fraction, note):
            raise ValueError("it broke")

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert list(long("ab", observer=Bad()).values["out"]) == ["a", "b"]
    assert any("it broke" in str(one.message) for one in told)


# --- the two sides by themselves -------------------------------------------------------------------------------


def test_half_a_line_waits_for_its_other_half(tmp_path):
    file, seen, done = tmp_path / "told", [], threading.Event()
    relay = Relay()
    relay.follow(file, lambda *told: seen.append(told))
    file.write_bytes(b'["a", "k", 0.5, "x"]\n["a", "k", 0.')
    while not seen:
        time.sleep(0.01)
    with file.open("ab") as more:
        more.write(b'75, "y"]\n["torn')
    relay.finish(file, done.set)
    assert done.wait(5)
    relay.close()
    assert seen == [("a", "k", 0.5, "x"), ("a", "k", 0.75, "y")]
    assert not file.exists()


def test_a_file_that_cannot_be_read_is_told_of_and_holds_nothing_up(tmp_path):
    file, done = tmp_path / "told", threading.Event()
    file.write_bytes(b"nonsense\n")
    relay = Relay()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        relay.follow(file, lambda *told: None)
        relay.finish(file, done.set)
        assert done.wait(5)
        relay.close()
    assert "how far an item is cannot be told" in str(told[0].message)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_items_are_handed_on_though_the_thread_ended(tmp_path):
    ended = []
    relay = Relay()

    def tell(*told):
        raise SystemExit

    (tmp_path / "told").write_bytes(b'["a", "k", 1.0, ""]\n')
    relay.follow(tmp_path / "told", tell)
    relay.finish(tmp_path / "told", lambda: ended.append(1))
    relay._thread.join(5)
    relay.follow(tmp_path / "other", tell)
    relay.finish(tmp_path / "other", lambda: ended.append(2))
    relay.close()
    relay.finish(tmp_path / "late", lambda: ended.append(3))
    assert ended == [1, 2, 3]


def test_an_observer_that_never_returns_does_not_keep_the_run_from_ending(tmp_path):
    entered, leave = threading.Event(), threading.Event()

    def tell(*told):
        entered.set()
        leave.wait(10)

    (tmp_path / "told").write_bytes(b'["a", "k", 0.1, ""]\n')
    relay = Relay()
    relay.follow(tmp_path / "told", tell)
    assert entered.wait(5)
    start = time.perf_counter()
    relay.close(wait=0.2)
    assert time.perf_counter() - start < 2
    leave.set()


def test_a_pen_that_cannot_write_warns_and_goes_on(tmp_path):
    pen = Pen()
    pen.begin(tmp_path / "gone" / "told")
    with pytest.warns(UserWarning, match="cannot tell how far it is"):
        pen("a", "k", 0.5, "")
    pen("a", "k", 1.0, "")
    pen.end()
    pen.begin(Path(tmp_path / "told"))
    pen("a", "k", 1.0, "")
    pen.end()
    assert (tmp_path / "told").read_text() == '["a", "k", 1.0, ""]\n'
