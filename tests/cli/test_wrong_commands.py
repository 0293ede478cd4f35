"""Wrong command lines: each names the culprit, says what to do, ends with its exit code, and writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

TRY = "Try '"
RUN = "run half.yaml --in photos=photos"
PLACE = "half.yaml:"
COMMANDS = [
    # command line, exit code, what is named, what is advised
    ("frobnicate", 2, "'frobnicate'", TRY),
    ("--frobnicate", 2, "--frobnicate", TRY),
    ("--traceback", 2, "Missing command", TRY),
    ("run", 2, "'pipeline'", TRY),
    ("run no/where.yaml", 2, "'no/where.yaml'", "give the path of a pipeline file"),
    ("run halff.yaml", 2, "'halff.yaml'", "did you mean 'half.yaml'"),
    ("run nothere", 2, "'nothere'", "shipped pipelines: "),
    ("run restoraton", 2, "'restoraton'", "did you mean 'restoration'"),
    ("run folder.yaml", 2, "'folder.yaml' is a folder", "give the path of a pipeline file"),
    ("run ./folder", 2, "'./folder' is a folder", "give the path of a pipeline file"),
    ("run binary.yaml", 2, "binary.yaml:1:1: the file is not UTF-8: byte 0xff", "save it as UTF-8"),
    ("run empty.yaml", 2, "empty.yaml:1:1: the file is empty", "start it with `otframe: 1`"),
    ("run note.txt", 2, "note.txt:1:1: a pipeline must be a mapping", "write `key: value`"),
    ("run half.yaml --in", 2, "'--in'", ""),
    ("run half.yaml --in photos", 2, "--in takes name=value, got 'photos'", "as in --in photos=folder"),
    ("run half.yaml --in =photos", 2, "'=photos'", "as in --in photos=folder"),
    ("run half.yaml --in photos=", 2, "node 'photos': wanted a path, got ''", "a file, a folder, a pattern"),
    ("run half.yaml --in photos=photoz", 2, "'photoz'", "did you mean 'photos'"),
    ("run half.yaml --in photos=folder", 2, "node 'photos': the folder 'folder'", "looked for .bmp"),
    ("run half.yaml --in photos=note.txt", 2, "no reader for '.txt'", "readable: .bmp"),
    ("run half.yaml --in photos=photos/*.jpg", 2, "'photos/*.jpg'", "patterns: "),
    ("run half.yaml --in photos=smaple:photos", 2, "'smaple:'", "did you mean 'sample:'"),
    ("run half.yaml --in photos=sample:nothing", 2, "'nothing'", "samples: photos"),
    ("run half.yaml --in others=photos", 2, "input 'photos' (Image[]) is not given", "--in photos=PATH"),
    ("run half.yaml --in photos=photos/a.png", 2, "only in 'others': b", "give both the same file stems"),
    (f"{RUN} --in photo=photos", 2, "no input 'photo'", "did you mean 'photos'"),
    (f"{RUN} --set share", 2, "'share'", "as in --set alpha=0.5"),
    (f"{RUN} --set =1", 2, "'=1'", "as in --set alpha=0.5"),
    (f"{RUN} --set share=[", 2, "--set share=[", "close the bracket"),
    (f"{RUN} --set share=", 2, f"{PLACE}3:10: parameter 'share'", "give a value like 0.5"),
    (f"{RUN} --set share=null", 2, "got NoneType None", "give a value like 0.5"),
    (f"{RUN} --set share=[1,2]", 2, "got list [1, 2]", "give a value like 0.5"),
    (f"{RUN} --set share=nan", 2, "got str 'nan'", "give a value like 0.5"),
    (f"{RUN} --set shar=1", 2, "no parameter 'shar'", "did you mean 'share'"),
    (f"{RUN} --sweep share", 2, "'share'", "as in --sweep alpha=0,0.5"),
    (f"{RUN} --sweep share=", 2, "--sweep share=: no values", "as in --sweep alpha=0,0.5"),
    (f"{RUN} --sweep shar=1,2", 2, "no parameter 'shar' to sweep", "did you mean 'share'"),
    (f"{RUN} --sweep share=0,much", 2, "got str 'much'", "give a value like 0.5"),
    (f"{RUN} --sweep share=0.1,0.1", 2, "share=0.1/mixed/a.png", "use another folder or name in `to`"),
    (f"{RUN} --seed many", 2, "'--seed'", TRY),
    (f"{RUN} --seed 1.5", 2, "'--seed'", TRY),
    (f"{RUN} --workers 0", 2, "workers is at least 1, got 0", ""),
    (f"{RUN} --workers -3", 2, "workers is at least 1, got -3", ""),
    (f"{RUN} --workers two", 2, "'--workers'", TRY),
    (f"{RUN} --executor thread", 2, "'thread'", "did you mean 'threads'"),
    (f"{RUN} --executor xyz", 2, "'xyz'", "otframe list"),
    (f"{RUN} --device gpu", 2, "device 'gpu'", "cpu always works"),
    (f"{RUN} --device cuda:99", 2, "device 'cuda:99'", "cpu always works"),
    (f"{RUN} --device cpu:x", 2, "device 'cpu:x'", "cpu always works"),
    (f"{RUN} --device meta", 2, "device 'meta'", "cpu always works"),
    (f"{RUN} --on-error ignore", 2, "'ignore'", TRY),
    (f"{RUN} --out half.yaml", 2, "half.yaml is none", "give another --out"),
    (f"{RUN} --out half.yaml/deeper", 2, "half.yaml is none", "give another --out"),
    (f"{RUN} --reprot", 2, "--reprot", "--report"),
    (f"{RUN} extra", 2, "(extra)", TRY),
    ("apply nothere.otf", 2, "'nothere.otf'", "give the path of a pipeline file"),
    ("apply bed.otf", 2, "'bed.otf'", "did you mean 'bad.otf'"),
    ("apply bad.otf", 2, "bad.otf is not an operator", "make one with `otframe fit`"),
    ("apply empty.otf", 2, "empty.otf is not an operator", "make one with `otframe fit`"),
    ("apply folder.otf", 2, "'folder.otf' is a folder", "give the path of a pipeline file"),
    ("apply half.yaml", 2, "input 'photos' (Image[]) is not given", "--in photos=PATH"),
    ("fit half.yaml", 2, "'--out' / '-o'", TRY),
    ("fit half.yaml -o op.txt", 2, "'op.txt'", "-o op.otf"),
    ("fit half.yaml -o op.otf", 2, "nothing to fit", "fit the inputs that"),
    ("fit half.yaml -o op.otf --in others=others", 2, "node 'others'", "fold the stream first"),
    ("fit nothere -o op.otf", 2, "'nothere'", "shipped pipelines: "),
    ("check", 2, "'pipeline'", TRY),
    ("check half.yaml --set shar=1", 2, "no parameter 'shar'", "did you mean 'share'"),
    ("check half.yaml --in photos=photos", 2, "--in", TRY),
    ("check binary.yaml", 2, "binary.yaml:1:1", "save it as UTF-8"),
    ("graph half.yaml -f png", 2, "no format 'png'", "formats: mermaid, svg"),
    ("graph half.yaml -o half.yaml/a.svg", 1, "a file lies where a folder is wanted", "give another"),
    ("graph half.yaml -o folder", 1, "folder is a folder, wanted a file", ""),
    ("graph half.yaml --set shar=2", 2, "no parameter 'shar'", "did you mean 'share'"),
    ("graph nothere", 2, "'nothere'", "shipped pipelines: "),
    ("list --kind sovler", 2, "'sovler'", "there are: "),
    ("list --table componnet", 2, "'componnet'", "did you mean 'component'"),
    ("list extra", 2, "(extra)", TRY),
    ("show", 2, "'component'", TRY),
    ("show image.blned", 2, "'image.blned'", "did you mean 'image.blend'"),
    ("show nothere", 2, "'nothere'", "otframe list"),
    ("show nothere.otf", 2, "'nothere.otf'", "`otframe fit` makes operators"),
    ("show bad.otf", 2, "bad.otf is not an operator", "make one with `otframe fit`"),
    ("schema -o half.yaml/a.json", 1, "half.yaml/a.json cannot be written", "give another"),
    ("schema extra", 2, "(extra)", TRY),
    ("plugins extra", 2, "(extra)", TRY),
    ("new-plugin", 2, "'name'", TRY),
    ("new-plugin ../away", 2, "'../away'", "such as texture-mix"),
    ("new-plugin A!", 2, "'A!'", "such as texture-mix"),
    ("new-plugin otframe", 2, "'otframe'", "such as texture-mix"),
    ("new-plugin good --dir half.yaml", 1, "half.yaml/otframe-good", "choose another --dir"),
]


def tree(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


@pytest.fixture
def place(pipeline: Path, tmp_path: Path) -> Path:
    """The tiny pipeline beside what is none."""
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\0")
    (tmp_path / "empty.yaml").touch()
    (tmp_path / "note.txt").write_text("a note")
    (tmp_path / "bad.otf").write_bytes(b"xx")
    (tmp_path / "empty.otf").touch()
    for name in ("folder", "folder.yaml", "folder.otf"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_there_are_many() -> None:
    assert len({line for line, *_ in COMMANDS}) == len(COMMANDS) >= 60


@pytest.mark.parametrize(("line", "code", "culprit", "hint"), COMMANDS, ids=lambda part: str(part)[:60])
def test_wrong_command(otframe, place, line, code, culprit, hint):
    before = tree(place)
    done = otframe(*line.split())
    assert done.code == code, done.err
    assert culprit in done.err
    assert hint in done.err
    assert not done.out
    assert "Traceback" not in done.err
    assert "this is a defect" not in done.err
    assert tree(place) == before
