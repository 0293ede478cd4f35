"""Values that were damaged where they are kept: each is seen, told of and computed again, and no output differs."""

import os
import random
import shutil
import warnings

import pytest

from otframe.run.paths import FOLDER
from otframe.store import Store

LONG = bool(os.environ.get("OTFRAME_LONG"))


@pytest.fixture(scope="module")
def whole(kit, undisturbed, tmp_path_factory):
    """The store of a whole run, and its entries."""
    store, out = tmp_path_factory.mktemp("store"), tmp_path_factory.mktemp("out")
    kit.run(out, store=store)
    kit.check_same(out, undisturbed())
    assert kit.entries(store) == kit.values(50) == 104
    return store


@pytest.fixture
def store(kit, whole, tmp_path):
    return Store(shutil.copytree(whole, tmp_path / "store"), kit.registry)


def flipped(data, bit):
    """The bytes with one bit turned over."""
    made = bytearray(data)
    made[bit // 8] ^= 1 << bit % 8
    return bytes(made)


def part(data, number, chance):
    """A bit of the digest, of the line that tells what it is, or of the value: in turn."""
    line = data.index(b"\n", 32) + 1
    first, last = ((0, 32), (32, line), (line, len(data)))[number % 3]
    return chance.randrange(8 * first, 8 * last)


def told(kit, out, store, **options):
    """The files that the run warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        kit.run(out, store=store.folder, **options)
    found = [str(warning.message) for warning in caught]
    assert all(" cannot be used and is made again: " in text for text in found)
    return sorted(text.partition(" cannot be used")[0] for text in found)


def check_made_again(kit, undisturbed, out, store, damaged, **options):
    """Each of these is told of once, and all is as if nothing had happened."""
    names = [store.path(store.told(path)["address"]) for path in store.entries() if path not in damaged]
    assert told(kit, out, store, **options) == sorted(map(str, damaged))
    kit.check_same(out, undisturbed(), store.folder)
    assert kit.entries(store.folder) == kit.values(50)
    assert len(names) + len(damaged) == kit.values(50)
    assert told(kit, out, store, **options) == []


@pytest.mark.parametrize("seed", range(10 if LONG else 1))
@pytest.mark.parametrize("executor", ["serial", "threads"] if LONG else ["serial"])
def test_one_bit_in_each_entry(kit, undisturbed, store, tmp_path, seed, executor):
    chance, entries = random.Random(seed), list(store.entries())
    for number, path in enumerate(entries):
        data = path.read_bytes()
        path.write_bytes(flipped(data, part(data, number + seed, chance)))
    check_made_again(kit, undisturbed, tmp_path / "out", store, entries, executor=executor, workers=3)
    print(f"one bit in each of {len(entries)} entries ({executor}): all told and made again, the same bytes")


def test_every_bit_of_one_entry(kit, whole, store):
    """Each bit of the digest, of the line and of the value's header; of the value itself every 97th."""
    path = next(iter(store.entries()))
    address, data = store.told(path)["address"], path.read_bytes()
    head = 8 * (data.index(b"\n", 32) + 400)
    bits = [*range(head), *range(head, 8 * len(data), 7 if LONG else 97)]
    assert store.get(address) is not None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for bit in bits:
            path.write_bytes(flipped(data, bit))
            assert store.get(address) is None, bit
            assert not path.exists()
    assert len(caught) == len(bits)


@pytest.mark.parametrize("kind", ["cut", "empty", "longer", "swapped", "mixed"])
def test_entries_that_are_cut_empty_or_anothers(kit, undisturbed, store, tmp_path, kind):
    chance, entries = random.Random(kind), list(store.entries())
    contents = [path.read_bytes() for path in entries]
    for number, path in enumerate(entries):
        how = ("cut", "empty", "longer", "swapped")[number % 4] if kind == "mixed" else kind
        data = contents[number]
        made = {
            "cut": data[: chance.randrange(1, len(data))],
            "empty": b"",
            "longer": data + b"\0",
            "swapped": contents[(number + 1) % len(entries)],
        }
        path.write_bytes(made[how])
    check_made_again(kit, undisturbed, tmp_path / "out", store, entries)


@pytest.mark.parametrize("seed", range(10 if LONG else 2))
def test_some_entries(kit, undisturbed, store, tmp_path, seed):
    """What is made of a damaged value is good: it is taken, and the damaged one is not even read."""
    chance = random.Random(seed)
    entries = [path for path in store.entries() if chance.random() < 0.3]
    for path in entries:
        path.write_bytes(flipped(path.read_bytes(), chance.randrange(8 * path.stat().st_size)))
    seen = told(kit, tmp_path / "out", store)
    assert set(seen) <= set(map(str, entries))
    kit.check_same(tmp_path / "out", undisturbed(), store.folder)


def test_the_command_line_tells_of_each(kit, undisturbed, tmp_path):
    """Whoever reads a value tells of it: the workers too."""
    count = 50 if LONG else 6
    kit = kit.of(count, tmp_path / "photos")
    out = tmp_path / "out"
    kit.run(out, resume=True)
    store = Store(out / FOLDER / "values", kit.registry)
    for executor in ("serial", "threads", "processes") if LONG else ("processes",):
        entries = list(store.entries())
        for path in entries:
            path.write_bytes(flipped(path.read_bytes(), 4321))
        told = kit.end(kit.start(out, "--executor", executor, "--workers", 2, "--no-report"))
        assert told.count("cannot be used and is made again") == len(entries) == kit.values(count)
        kit.check_same(out, undisturbed(count))
        assert kit.entries(store.folder) == kit.values(count)
