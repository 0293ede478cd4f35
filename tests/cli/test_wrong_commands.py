"""Wrong command lines: each names the culprit, says what to do, ends with its exit code, and writes nothing."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from otframe.io import write
from otframe.values import Scalar

TRY = "Try '"
RUN = "run half.yaml --in photos=photos"
PLACE = "half.yaml:"
APPLY = "--in photos=photos"
FIT = "fit fits.yaml --in one=photos/a.png -o x.otf"
MAKE = "make one with `otframe fit`"
MANY = list(range(101))
FITS = """\
otframe: 1
params: {share: 0.5}
inputs: {one: Image, photos: "Image[]"}
nodes: {out: {use: image.blend, in: {a: photos, b: one}, with: {weight: $share}}}
outputs: {out: {from: out, to: "{stem}.png"}}
"""
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
    (f"{RUN} --sweep share=0.1,0.1", 2, "'share' is swept over 0.1 twice", "leave one of them out"),
    (f"{RUN} --sweep share=0,1 --sweep share=2,3", 2, "--sweep gives 'share' twice", "put all values into one list"),
    (f"{RUN} --sweep share=0,1 --set share=1", 2, "'share' is both set and swept", "leave one of them out"),
    (f"{RUN} --sweep share=[0,1]", 2, "got list [0, 1]", "give a value like 0.5"),
    (f"{RUN} --sweep share=0,,1", 2, "--sweep share=0,,1", "values are parted by single commas"),
    (f"{RUN} --sweep share=0]", 2, "--sweep share=0]", "values are parted by single commas"),
    ("run idle.yaml --in photos=photos --sweep idle=1,2", 2, "no node depends on it", "write $idle where it is meant"),
    ("run many.yaml --in photos=photos", 2, "10,100 combinations of share, size", "sweep over fewer values"),
    ("run idle.yaml --in photos=photos", 2, "idle.yaml:3:10: 'idle' is swept", "write $idle where it is meant"),
    (f"{RUN} --set share=0 --set share=1", 2, "--set gives 'share' twice", "--sweep takes a list of them"),
    (f"{RUN} --seed many", 2, "'--seed'", TRY),
    (f"{RUN} --seed 1.5", 2, "'--seed'", TRY),
    (f"{RUN} --workers 0", 2, "workers is at least 1, got 0", ""),
    (f"{RUN} --workers -3", 2, "workers is at least 1, got -3", ""),
    (f"{RUN} --workers two", 2, "'--workers'", TRY),
    (f"{RUN} --workers 1e3", 2, "'--workers'", TRY),
    (f"{RUN} --executor image.blend", 2, "no executor 'image.blend'", "otframe list"),
    (f"{RUN} --executor=", 2, "--executor is empty", "How items are computed"),
    (f"{RUN} --executor thread", 2, "'thread'", "did you mean 'threads'"),
    (f"{RUN} --executor xyz", 2, "'xyz'", "otframe list"),
    (f"{RUN} --device gpu", 2, "device 'gpu'", "cpu always works"),
    (f"{RUN} --device cuda:99", 2, "device 'cuda:99'", "cpu always works"),
    (f"{RUN} --device cpu:x", 2, "device 'cpu:x'", "cpu always works"),
    (f"{RUN} --device meta", 2, "device 'meta'", "cpu always works"),
    (f"{RUN} --on-error ignore", 2, "'ignore'", TRY),
    (f"{RUN} --out half.yaml", 2, "half.yaml is none", "give another --out"),
    (f"{RUN} --out ''", 2, "--out is empty", "Folder for results"),
    (f"{RUN} -o ''", 2, "-o is empty", "Folder for results"),
    (f"{RUN} --out=", 2, "--out is empty", "Folder for results"),
    (f"{RUN} --out one --out two", 2, "--out / -o is given 2 times", "leave the others out"),
    (f"{RUN} --out no/where/../../here", 2, "leads through no/where", "--out here"),
    (f"{RUN} --out half.yaml/deeper", 2, "half.yaml is none", "give another --out"),
    (f"{RUN} --reprot", 2, "--reprot", "--report"),
    ("run ''", 2, "an argument is empty", "otframe run --help"),
    ("run op.yaml", 2, "op.yaml:1:1: the file is not UTF-8", "an operator's file ends in .otf"),
    ("run photos/a.png", 2, "photos/a.png:1:1: the file is not UTF-8", "give images by --in"),
    ("run half.yaml --in ''", 2, "--in is empty", "Bind an input"),
    ("run half.yaml --in photos=photos --in photos=others", 2, "two files have the key 'a'", "rename one"),
    ("run half.yaml --in photos=op.otf", 2, "no reader for '.otf'", "readable: .bmp"),
    (f"{RUN} extra", 2, "(extra)", TRY),
    ("apply away/nothere.otf", 2, "'away/nothere.otf'", "give the path of a pipeline file"),
    ("apply bed.otf", 2, "'bed.otf'", "did you mean 'bad.otf'"),
    ("apply bad.otf", 2, "bad.otf is not an operator", MAKE),
    ("apply empty.otf", 2, "empty.otf is not an operator", MAKE),
    (f"apply cut.otf {APPLY}", 2, "cut.otf is not an operator", MAKE),
    (f"apply flipped.otf {APPLY}", 2, "flipped.otf is not an operator", MAKE),
    (f"apply text.otf {APPLY}", 2, "text.otf is not an operator", MAKE),
    (f"apply scalar.otf {APPLY}", 2, "scalar.otf holds a Scalar, not an operator", MAKE),
    (f"apply op.OTF {APPLY}", 2, "'op.OTF'", "did you mean 'op.otf'"),
    (f"apply op.otf op.otf {APPLY}", 2, "(op.otf)", TRY),
    (f"apply op.otf {APPLY} --in one=photos/a.png", 2, "'one' is fitted", "its inputs: photos"),
    ("apply op.otf", 2, "op.otf:", "--in photos=PATH"),
    (f"apply op.otf {APPLY} --set shar=1", 2, "no parameter 'shar'", "did you mean 'share'"),
    (f"apply op.otf {APPLY} --sweep shar=1,2", 2, "no parameter 'shar' to sweep", "did you mean 'share'"),
    ("apply folder.otf", 2, "'folder.otf' is a folder", "give the path of a pipeline file"),
    ("apply half.yaml", 2, "input 'photos' (Image[]) is not given", "--in photos=PATH"),
    ("fit half.yaml", 2, "'--out' / '-o'", TRY),
    ("fit fits.yaml -o ''", 2, "-o is empty", "The operator's file"),
    ("fit fits.yaml --in one=photos -o x.otf", 2, "node 'one': it takes one value, got 2: a, b", "give one file"),
    ("fit fits.yaml --in one=op.otf -o x.otf", 2, "node 'one': 'op.otf' cannot be read", "readable: "),
    (f"{FIT} --in photos=photos", 2, "output 'out' reads the stream 'out'", "fold the stream first"),
    (f"{FIT} -o y.otf", 2, "--out / -o is given 2 times", "leave the others out"),
    (f"{FIT} --sweep share=1,2", 2, "--sweep", TRY),
    (f"{FIT} --workers 0", 2, "workers is at least 1, got 0", ""),
    (f"{FIT} --executor thread", 2, "'thread'", "did you mean 'threads'"),
    ("fit fits.yaml --in one=photos/a.png -o folder.otf", 2, "folder.otf is a folder", "-o takes the path of a file"),
    ("fit fits.yaml --in one=photos/a.png -o half.yaml/x.otf", 2, "half.yaml is no folder", "give another -o"),
    ("fit half.yaml -o op.txt", 2, "'op.txt'", "-o op.otf"),
    ("fit half.yaml -o op.otf", 2, "nothing to fit", "fit the inputs that"),
    ("fit half.yaml -o op.otf --in others=others", 2, "node 'others'", "fold the stream first"),
    ("fit nothere -o op.otf", 2, "'nothere'", "shipped pipelines: "),
    ("check", 2, "'pipeline'", TRY),
    ("check half.yaml --set shar=1", 2, "no parameter 'shar'", "did you mean 'share'"),
    ("check half.yaml --in photos=photos", 2, "--in", TRY),
    ("check bad.otf", 2, "bad.otf is not an operator", MAKE),
    ("check outside.yaml", 2, "outside.yaml:14:3: node 'mixed'", "write a relative path"),
    ("check nosuffix.yaml", 2, "no writer for '.jpq'", "did you mean"),
    ("check same.yaml", 2, "would be written to the file of output 'mixed'", "use another folder or name"),
    ("check binary.yaml", 2, "binary.yaml:1:1", "save it as UTF-8"),
    ("graph half.yaml -f png", 2, "no format 'png'", "formats: mermaid, svg"),
    ("graph half.yaml -o half.yaml/a.svg", 2, "half.yaml is no folder, wanted one", "give another -o"),
    ("graph half.yaml -o folder", 2, "folder is a folder, wanted a file", "-o takes the path of a file"),
    ("graph half.yaml -o .", 2, ". is a folder, wanted a file", "-o takes the path of a file"),
    ("graph half.yaml -o ''", 2, "-o is empty", "Write to this file"),
    ("graph half.yaml -o a/b/../../x.svg", 2, "leads through a/b, which is no folder", "-o x.svg"),
    ("graph half.yaml -o x.png", 2, "'x.png' cannot hold mermaid", "as in -o graph.svg"),
    ("graph half.yaml -f mermaid -o x.svg", 2, "'x.svg' cannot hold mermaid", "as in -o graph.mmd"),
    ("graph half.yaml -f svg -o x.png", 2, "'x.png' cannot hold svg", "ends in .svg"),
    ("graph bad.otf", 2, "bad.otf is not an operator", MAKE),
    ("graph half.yaml --set shar=2", 2, "no parameter 'shar'", "did you mean 'share'"),
    ("graph nothere", 2, "'nothere'", "shipped pipelines: "),
    ("list --kind sovler", 2, "'sovler'", "there are: "),
    ("list --table componnet", 2, "'componnet'", "did you mean 'component'"),
    ("list extra", 2, "(extra)", TRY),
    ("show", 2, "'component'", TRY),
    ("show image.blned", 2, "'image.blned'", "did you mean 'image.blend'"),
    ("show nothere", 2, "'nothere'", "otframe list"),
    ("show nothere.otf", 2, "'nothere.otf'", "`otframe fit` makes operators"),
    ("show bad.otf", 2, "bad.otf is not an operator", MAKE),
    ("show scalar.otf", 2, "scalar.otf holds a Scalar, not an operator", MAKE),
    ("show folder.otf", 2, "'folder.otf' is a folder, wanted a file", "`otframe fit` makes operators"),
    ("show half.yaml", 2, "'half.yaml' is no component, but a pipeline", "`otframe check half.yaml`"),
    ("show restoration", 2, "'restoration' is no component, but a pipeline", "`otframe check restoration`"),
    ("show photos/a.png", 2, "'photos/a.png' is a file or a folder", "ends in .otf"),
    ("show serial", 2, "'serial' is no component, but one of the executors", "otframe list --table executor"),
    ("show .png", 2, "'.png' is no component, but one of the readers", "otframe list --table reader"),
    ("show image.blend image.convert", 2, "(image.convert)", TRY),
    ("schema -o ''", 2, "-o is empty", "A file to write"),
    ("schema -o folder", 2, "folder is a folder, wanted a file", "-o takes the path of a file"),
    ("schema -o a.json -o b.json", 2, "--out / -o is given 2 times", "leave the others out"),
    ("schema -o half.yaml/a.json", 2, "half.yaml is no folder, wanted one", "give another -o"),
    ("schema extra", 2, "(extra)", TRY),
    ("plugins extra", 2, "(extra)", TRY),
    ("new-plugin", 2, "'name'", TRY),
    ("new-plugin ../away", 2, "'../away'", "such as texture-mix"),
    ("new-plugin A!", 2, "'A!'", "such as texture-mix"),
    ("new-plugin otframe", 2, "'otframe'", "such as texture-mix"),
    ("new-plugin good --dir half.yaml", 2, "half.yaml is no folder, wanted one", "give another --dir"),
    ("new-plugin good --dir half.yaml/deeper", 2, "half.yaml is no folder, wanted one", "give another --dir"),
    ("new-plugin good --dir ''", 2, "--dir is empty", "Where its folder"),
    ("new-plugin good --dir a/..", 2, "a/.. leads through a, which is no folder", "--dir ."),
    ("new-plugin good --dir one --dir two", 2, "--dir / -d is given 2 times", "leave the others out"),
    ("new-plugin there", 2, "otframe-there exists already", "choose another name or --dir"),
    ("new-plugin two names", 2, "(names)", TRY),
]


def tree(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


@pytest.fixture
def place(otframe, pipeline: Path, tmp_path: Path) -> Path:
    """The tiny pipeline beside what is none, and an operator beside what is none."""
    half = pipeline.read_text()
    for name, text in {
        "idle": half.replace("params: {", "matrix: {idle: [0, 1]}\nparams: {idle: 0, "),
        "many": half.replace("params: {", f"matrix: {{share: {MANY[1:]}, size: {MANY}}}\nparams: {{size: 3, ").replace(
            "{size: 3}}", "{size: $size}}"
        ),
        "outside": half.replace("mixed/{stem}", "../{stem}"),
        "nosuffix": half.replace("{stem}.png", "{stem}.jpq"),
        "same": half + '  twin: {from: mixed, to: "mixed/{stem}.png"}\n',
        "fits": FITS,
    }.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    assert otframe("fit", "fits.yaml", "--in", "one=photos/a.png", "-o", "op.otf").code == 0
    whole = (tmp_path / "op.otf").read_bytes()
    (tmp_path / "op.yaml").write_bytes(whole)
    (tmp_path / "cut.otf").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "flipped.otf").write_bytes(whole[:60] + bytes([whole[60] ^ 0xFF]) + whole[61:])
    (tmp_path / "text.otf").write_text(FITS)
    write(Scalar(1.0), tmp_path / "scalar.safetensors")
    (tmp_path / "scalar.safetensors").rename(tmp_path / "scalar.otf")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\0")
    (tmp_path / "empty.yaml").touch()
    (tmp_path / "note.txt").write_text("a note")
    (tmp_path / "bad.otf").write_bytes(b"xx")
    (tmp_path / "empty.otf").touch()
    for name in ("folder", "folder.yaml", "folder.otf", "otframe-there"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_there_are_many() -> None:
    assert len({line for line, *_ in COMMANDS}) == len(COMMANDS) >= 140


@pytest.mark.parametrize(("line", "code", "culprit", "hint"), COMMANDS, ids=lambda part: str(part)[:60])
def test_wrong_command(otframe, place, line, code, culprit, hint):
    before = tree(place)
    done = otframe(*shlex.split(line))
    assert done.code == code, done.err
    assert culprit in done.err
    assert hint in done.err
    assert not done.out
    assert "Traceback" not in done.err
    assert "this is a defect" not in done.err
    assert tree(place) == before
