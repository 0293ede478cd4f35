"""`--resume`, `--dry-run`, `--store` and `otframe store`, as they are typed and as they are read."""

import os
import time

import pytest


@pytest.fixture
def files(tmp_path):
    def call(out):
        folder = tmp_path / out
        found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.png")}
        assert found
        return found

    return call


def test_a_second_run_finds_what_the_first_left(otframe, pipeline, files):
    go = ("run", pipeline, "--in", "photos=photos", "--out", "out", "--no-report")
    first = otframe(*go)
    assert first.code == 0, first.err
    assert "left by an earlier run" not in first.out
    before = files("out")
    again = otframe(*go, "--resume")
    assert again.code == 0, again.err
    assert "left by an earlier run: 2 files" in again.out
    assert files("out") == before
    os.unlink("out/mixed/b.png")
    third = otframe(*go, "--resume")
    assert "left by an earlier run: 1 file\n" in third.out
    assert files("out") == before


def test_a_dry_run_says_what_would_be_done_and_does_nothing(otframe, pipeline):
    go = ("run", pipeline, "--in", "photos=photos", "--out", "out")
    told = otframe(*go, "--dry-run")
    assert told.code == 0, told.err
    assert "nothing was started" in told.out
    assert not os.path.exists("out")
    otframe(*go)
    assert "hit" not in otframe(*go, "--dry-run", "--set", "share=0.1").out
    told = otframe(*go, "--dry-run", "--resume", "--set", "share=0.1").out
    (row,) = [line.split() for line in told.splitlines() if line.startswith("  mixed") and "weight" in line][:1]
    assert row[:5] == ["mixed", "stale", "2", "of", "2"]
    assert "weight 0.5 -> 0.1" in told
    told = otframe(*go, "--dry-run", "--resume").out
    assert "stale" not in told
    assert "new" not in told
    assert "0 of" in told


def test_a_store_that_two_folders_share(otframe, tmp_path, pipeline, files):
    text = pipeline.read_text().replace("join: key}", "join: key, keep: disk}")
    pipeline.write_text(text)
    go = ("run", pipeline, "--in", "photos=photos", "--no-report", "--store", "store")
    assert otframe(*go, "--out", "one").code == 0
    told = otframe(*go, "--out", "two", "--dry-run").out
    assert [line.split()[1] for line in told.splitlines() if line.startswith("  mixed")] == ["hit", "new"]
    assert otframe(*go, "--out", "two").code == 0
    assert files("one") == files("two")
    assert not (tmp_path / "one" / ".otframe" / "values").exists()
    listed = otframe("store", "store")
    assert listed.code == 0, listed.err
    assert [line.split()[:2] for line in listed.out.splitlines()][:2] == [["node", "values"], ["mixed", "2"]]
    for path in (tmp_path / "store").rglob("*.otv"):
        os.utime(path, (time.time() - 10 * 86400,) * 2)
    assert "removed 0 values" in otframe("store", "store", "--remove-older", "11").out
    assert "removed 2 values" in otframe("store", "store", "--remove-older", "9").out
    assert otframe("store", "store").out.startswith("0 values")


def test_no_store_leaves_nothing(otframe, pipeline, tmp_path):
    go = ("run", pipeline, "--in", "photos=photos", "--out", "out")
    assert otframe(*go, "--no-store").code == 0
    assert not (tmp_path / "out" / ".otframe").exists()
    for option in (("--resume",), ("--store", "store")):
        wrong = otframe(*go, "--no-store", *option)
        assert wrong.code == 2
        assert "exclude each other" in wrong.err


def test_a_folder_that_is_no_store(otframe, tmp_path):
    wrong = otframe("store", "nothing")
    assert wrong.code == 2
    assert "is no store" in wrong.err
    (tmp_path / "file").write_text("x")
    assert otframe("store", "file").code == 2


def test_a_store_that_cannot_be_one(otframe, pipeline, tmp_path):
    (tmp_path / "file").write_text("x")
    wrong = otframe("run", pipeline, "--in", "photos=photos", "--out", "out", "--store", "file/in")
    assert wrong.code == 1
    assert "--store" in wrong.err
    assert not (tmp_path / "out").exists()
