import json

import pytest

from otframe.errors import OutputError
from otframe.run import Pipeline


def test_run_writes_results_record_and_report(otframe, pipeline, tmp_path):
    done = otframe("run", pipeline, "--in", f"photos={tmp_path / 'photos'}", "--set", "share=0.25", "--out", "made")
    assert done.code == 0, done.err
    assert sorted(path.name for path in (tmp_path / "made/mixed").iterdir()) == ["a.png", "b.png"]
    assert (tmp_path / "made/report.html").is_file()
    record = json.loads((tmp_path / "made/run.json").read_text())
    assert record["status"] == "done"
    assert record["params"] == {"share": 0.25}
    assert "2 files" in done.out
    assert "made/mixed/" in done.out
    assert "made/report.html" in done.out
    assert "pass 1/1: mixed, 2 items" in done.err


def test_default_folder_is_named_after_the_file(otframe, pipeline, tmp_path):
    done = otframe("run", pipeline, "--in", f"photos={tmp_path / 'photos'}", "--no-report", "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert (tmp_path / "out/half/mixed/a.png").is_file()
    assert not (tmp_path / "out/half/report.html").exists()


def test_an_input_may_be_named_several_times(otframe, pipeline, tmp_path):
    folder = tmp_path / "photos"
    done = otframe("run", pipeline, "--in", f"photos={folder / 'a.png'}", "--in", f"photos={folder / 'b.png'}", "-q")
    assert done.code == 0, done.err


def test_wrong_file_tells_place_and_advice(otframe, pipeline, tmp_path):
    pipeline.write_text(pipeline.read_text().replace("image.blend", "image.blned"))
    done = otframe("run", pipeline, "--in", f"photos={tmp_path / 'photos'}")
    assert done.code == 2
    assert done.err.startswith(f"{pipeline}:10:")
    assert "did you mean 'image.blend'" in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "input 'photos' (Image[]) is not given"),
        (["--in", "photo=photos"], "did you mean 'photos'?"),
        (["--in", "photos"], "takes name=value"),
        (["--in", "photos=photoz"], "did you mean 'photos'?"),
        (["--in", "photos=photos", "--set", "shar=1"], "did you mean 'share'?"),
        (["--in", "photos=photos", "--set", "share=much"], "share"),
        (["--in", "photos=photos", "--executor", "serail"], "did you mean 'serial'?"),
        (["--in", "photos=photos", "--device", "toaster"], "toaster"),
        (["--in", "photos=photos", "--on-error", "panic"], "panic"),
    ],
)
def test_wrong_requests_exit_with_2(otframe, pipeline, arguments, told):
    done = otframe("run", pipeline, *arguments)
    assert done.code == 2
    assert told in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("name", ["halff.yaml", "halff"])
def test_unknown_pipeline(otframe, pipeline, name):
    done = otframe("run", name)
    assert done.code == 2
    assert f"'{name}'" in done.err
    assert ("half.yaml" in done.err) == name.endswith(".yaml")


def test_a_failed_item_stops_the_run_or_is_listed(otframe, pipeline, photos, tmp_path):
    photos(tmp_path / "others", "b", size=(9, 9))
    stopped = otframe("run", pipeline, "--in", "photos=photos", "--out", "stopped")
    assert stopped.code == 1
    assert "item 'b', node 'mixed'" in stopped.err
    assert stopped.err.count("must have the same size") == 1
    assert json.loads((tmp_path / "stopped/run.json").read_text())["status"] == "failed"
    assert (tmp_path / "stopped/report.html").is_file()
    skipped = otframe("run", pipeline, "--in", "photos=photos", "--out", "skipped", "--on-error", "skip")
    assert skipped.code == 1
    assert "1 item failed:" in skipped.err
    assert [path.name for path in (tmp_path / "skipped/mixed").iterdir()] == ["a.png"]


def test_a_failed_item_tells_how_to_go_on_and_a_full_disk_does_not(otframe, pipeline, photos, tmp_path, monkeypatch):
    photos(tmp_path / "others", "b", size=(9, 9))
    advice = "`--on-error skip` goes on without it"
    assert advice in otframe("run", pipeline, "--in", "photos=photos").err
    assert advice not in otframe("run", pipeline, "--in", "photos=photos", "--on-error", "skip").err

    def full(*args, **named):
        raise OutputError("the disk is full", key="a")

    monkeypatch.setattr(Pipeline, "run", full)
    assert advice not in otframe("run", pipeline, "--in", "photos=photos").err


def test_an_output_folder_that_is_a_file(otframe, pipeline, tmp_path):
    (tmp_path / "taken").write_text("")
    done = otframe("run", pipeline, "--in", "photos=photos", "--out", "taken")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == ["results go to a folder, but taken is none", "  give another --out"]


def test_an_output_folder_may_begin_at_home(otframe, pipeline, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    assert otframe("run", pipeline, "--in", "photos=photos", "--out=~/made", "-q").code == 0
    assert (tmp_path / "home/made/mixed/a.png").is_file()


def test_two_folders_of_one_input(otframe, pipeline, photos, tmp_path):
    photos(tmp_path / "more", "c")
    photos(tmp_path / "others", "c")
    done = otframe("run", pipeline, "--in", "photos=photos", "--in", "photos=more", "-q")
    assert done.code == 0, done.err
    assert (tmp_path / "out/half/mixed/c.png").is_file()


def test_defects_give_a_short_message_or_a_traceback(otframe, pipeline, monkeypatch):
    def broken(*args, **named):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(Pipeline, "run", broken)
    short = otframe("run", pipeline)
    assert short.code == 1
    assert "error: ZeroDivisionError: oh" in short.err
    assert "--traceback" in short.err
    assert "Traceback" not in short.err
    assert "Traceback" in otframe("--traceback", "run", pipeline).err


def test_interrupted(otframe, pipeline, monkeypatch):
    def interrupted(*args, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr(Pipeline, "run", interrupted)
    assert otframe("run", pipeline).code == 130


def test_tables_are_printed_with_the_best_in_bold(capsys, monkeypatch):
    from otframe.cli.tables import print_table
    from otframe.values import Table

    monkeypatch.setenv("FORCE_COLOR", "1")
    rows = (("one", 30.5, None), ("two", 31.25, 0.5))
    print_table(Table(("method", "PSNR", "d"), rows, better=("", "higher", "lower")), "Scores")
    printed = capsys.readouterr().out
    assert "PSNR ↑" in printed
    assert "\x1b[1m 31.25" in printed
    assert "\x1b[1m 30.50" not in printed
