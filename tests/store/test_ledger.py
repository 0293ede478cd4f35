"""The ledger believes a file only where it lies as it was written, made of the same; and no line that is damaged."""

import multiprocessing

import pytest

from otframe.errors import OutputError
from otframe.store import Ledger


@pytest.fixture
def out(tmp_path):
    (tmp_path / "sub").mkdir()
    return tmp_path


def ledger(out):
    return Ledger(out / ".otframe" / "ledger.jsonl", out)


def wrote(out, name, text, address):
    path = out / name
    path.write_text(text)
    ledger(out).wrote(path, address, output="o")
    return path


def test_a_file_is_there_as_it_was_written_or_it_is_not(out):
    path = wrote(out, "sub/a.txt", "one", "made of one")
    assert ledger(out).holds((path,), "made of one")
    assert ledger(out).known(path)
    assert not ledger(out).holds((path,), "made of two")
    assert not ledger(out).known(out / "a.txt")
    path.write_text("two")
    assert not ledger(out).holds((path,), "made of one")
    path.write_text("one")
    assert ledger(out).holds((path,), "made of one")
    path.unlink()
    assert not ledger(out).holds((path,), "made of one")
    path.mkdir()
    assert not ledger(out).holds((path,), "made of one")


def test_the_last_line_about_a_file_counts(out):
    path = wrote(out, "a.txt", "one", "first")
    wrote(out, "a.txt", "two", "second")
    assert not ledger(out).holds((path,), "first")
    assert ledger(out).holds((path,), "second")


def test_all_files_of_an_item_must_be_there(out):
    a, b = wrote(out, "a.csv", "1", "x"), wrote(out, "a.json", "2", "x")
    assert ledger(out).holds((a, b), "x")
    b.unlink()
    assert not ledger(out).holds((a, b), "x")


def test_a_folder_that_is_moved_keeps_its_ledger(out):
    wrote(out, "sub/a.txt", "one", "x")
    moved = out.with_name("moved")
    out.rename(moved)
    assert ledger(moved).holds((moved / "sub/a.txt",), "x")


def test_lines_that_are_cut_or_changed_are_passed_over(out):
    a, b = wrote(out, "a.txt", "one", "x"), wrote(out, "b.txt", "two", "y")
    path = out / ".otframe" / "ledger.jsonl"
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for length in range(first, len(whole) - 1):  # the newline alone may be missing
        path.write_bytes(whole[:length])
        assert ledger(out).holds((a,), "x")
        assert not ledger(out).holds((b,), "y")
    path.write_bytes(whole[: len(whole) - 20])
    wrote(out, "c.txt", "three", "z")
    assert ledger(out).holds((out / "c.txt",), "z"), "a line after one that was cut short"
    for place in range(first, len(whole) - 1):
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        assert ledger(out).holds((a,), "x")
        assert not ledger(out).holds((b,), "y")


def test_many_lines_that_are_no_longer_true_are_left_out(out):
    book = ledger(out)
    path = out / "a.txt"
    path.write_text("one")
    book.began({"n": {"size": "3"}})
    for number in range(1100):
        book.wrote(path, f"address {number}")
    book.tidy()
    lines = (out / ".otframe" / "ledger.jsonl").read_bytes().splitlines()
    assert len(lines) == 2
    again = ledger(out)
    assert again.holds((path,), "address 1099")
    assert again.parts == {"n": {"size": "3"}}


def _write(out, name):
    for number in range(40):
        wrote(out, f"{name}{number}.txt", name, f"{name} {number}")


def test_several_processes_add_to_one_ledger(out):
    context = multiprocessing.get_context("fork")
    running = [context.Process(target=_write, args=(out, name)) for name in ("a", "b", "c")]
    for process in running:
        process.start()
    for process in running:
        process.join()
        assert process.exitcode == 0
    book = ledger(out)
    for name in ("a", "b", "c"):
        for number in range(40):
            assert book.holds((out / f"{name}{number}.txt",), f"{name} {number}")


def test_a_ledger_that_cannot_be_written_is_a_typed_error(out):
    (out / ".otframe").write_text("a file")
    with pytest.raises(OutputError, match="cannot be"):
        ledger(out).began({})
