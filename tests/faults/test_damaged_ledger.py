"""A ledger, and outputs, that were damaged: what is in doubt is made again, and nothing wrong is taken for right."""

import hashlib
import json
import os
import random
import shutil

import pytest

from otframe.errors import OutputError
from otframe.run.paths import FOLDER

LONG = bool(os.environ.get("OTFRAME_LONG"))
COUNT = 6
FILES = 2 * COUNT + 2
"""As a run counts them: a table, which is two files, is one."""


@pytest.fixture(scope="module")
def whole(kit, undisturbed, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    kit.run(out, COUNT, resume=True)
    kit.check_same(out, undisturbed(COUNT))
    return out


@pytest.fixture
def out(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "out")


@pytest.fixture
def bare(out, tmp_path):
    """The folder without its outputs: whatever is taken to be there is not."""
    bare = shutil.copytree(out, tmp_path / "bare")
    for name in ("noisy", *(path.name for path in bare.iterdir() if path.is_file())):
        shutil.rmtree(bare / name) if (bare / name).is_dir() else (bare / name).unlink()
    return bare


def ledger(out):
    return out / FOLDER / "ledger.jsonl"


def flipped(data, bit):
    made = bytearray(data)
    made[bit // 8] ^= 1 << bit % 8
    return bytes(made)


def there(kit, out):
    """How many files `--resume` would leave as they are."""
    look = kit.pipeline().preview({"photos": kit.some(COUNT)}, out=out, resume=True)
    return sum(state.there for state in look.outputs)


def found(result):
    return sum(file.found for file in result.files)


def check_resumed(kit, undisturbed, out, number):
    """The run ends well, with that many files as they were."""
    assert there(kit, out) == number
    assert found(kit.run(out, COUNT, resume=True)) == number
    kit.check_same(out, undisturbed(COUNT))
    assert there(kit, out) == FILES


def marked(line):
    """A line as the ledger writes it, with a digest that is right."""
    text = line if isinstance(line, bytes) else json.dumps(line, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(text).hexdigest()[:16].encode() + b" " + text + b"\n"


def test_a_bit_in_each_line(kit, undisturbed, out, bare):
    """One file is made again, and no other; where it is the line of the run, none is."""
    lines = ledger(out).read_bytes().splitlines(keepends=True)
    assert len(lines) == 1 + FILES + 1
    chance, left = random.Random(0), []
    for number, line in enumerate(lines):
        for _ in range(20 if LONG else 3):
            other = flipped(line, chance.randrange(8 * (len(line) - 1)))
            data = b"".join([*lines[:number], other, *lines[number + 1 :]])
            ledger(out).write_bytes(data)
            ledger(bare).write_bytes(data)
            left.append(there(kit, out))
            assert left[-1] == FILES - (number > 0)
            assert there(kit, bare) == 0
        if LONG or number % 5 == 0:
            check_resumed(kit, undisturbed, out, FILES - (number > 0))
    print(f"{len(left)} bits in {len(lines)} lines: {sum(left)} files found, none that was not there")


def test_each_end_of_a_line_turned_over(kit, out, bare):
    """Two lines become one, or the last has no end."""
    data = ledger(out).read_bytes()
    ends = [place for place, byte in enumerate(data) if byte == 10]
    for end in ends if LONG else ends[::4]:
        for bit in range(8):
            ledger(out).write_bytes(flipped(data, 8 * end + bit))
            ledger(bare).write_bytes(flipped(data, 8 * end + bit))
            assert there(kit, out) in (FILES - 2, FILES - 1)
            assert there(kit, bare) == 0


def test_a_last_line_that_was_cut_at_each_byte(kit, undisturbed, out):
    data = ledger(out).read_bytes()
    last = len(data) - len(data.splitlines(keepends=True)[-1])
    for end in range(last, len(data), 1 if LONG else 5):
        ledger(out).write_bytes(data[:end])
        expected = FILES - (end < len(data) - 1)
        if end % 40 == 0 or LONG:
            check_resumed(kit, undisturbed, out, expected)
            assert ledger(out).read_bytes().startswith(data[:end].rstrip(b"\n") + b"\n")
        else:
            assert there(kit, out) == expected


@pytest.mark.parametrize("seed", range(50 if LONG else 5))
def test_cut_anywhere_and_many_bits(kit, undisturbed, out, bare, seed):
    chance = random.Random(seed)
    data = ledger(out).read_bytes()[: chance.randrange(1, ledger(out).stat().st_size)]
    for _ in range(chance.randrange(10)):
        data = flipped(data, chance.randrange(8 * len(data)))
    ledger(out).write_bytes(data)
    ledger(bare).write_bytes(data)
    assert there(kit, bare) == 0
    check_resumed(kit, undisturbed, out, there(kit, out))


NONE = "e3b0c44298fc1c14"
GARBAGE = {
    "empty": b"",
    "empty lines": b"\n\n\n \n",
    "text": b"what is this?\n{}\n[]\nnull\n",
    "not UTF-8": b"\xff\xfe\x00\x01 \xc3\x28\n" * 3,
    "zeros": bytes(5000),
    "noise": random.Random(0).randbytes(5000),
    "digests alone": f"{NONE}\n{NONE} \n".encode(),
    "one long line": b"x" * 100_000,
    "deep": marked(b"[" * 100_000 + b"]" * 100_000),
    "not UTF-8 with its digest": marked(b'{"file": "\xff\xfe"}'),
    "not JSON with its digest": marked(b"{'file': 1}"),
    "a number": marked(5),
    "nothing": marked(None),
    "a text": marked("file"),
    "a list": marked(["file", "run"]),
    "no fields": marked({}),
    "a file that is a list": marked({"file": ["out"], "address": "", "sha256": ""}),
    "a file that is nothing": marked({"file": None}),
    "a run without nodes": marked({"run": True}),
    "nodes that are a list": marked({"run": True, "nodes": ["out"]}),
    "a node that is a text": marked({"run": True, "nodes": {"out": "image.blend", "map": 3, "law": []}}),
    "parts that are numbers": marked({"run": True, "nodes": {"out": {"use": 3, "weight": None}}}),
    "a number too large": marked(b'{"file": "00.png", "sha256": ' + b"9" * 6000 + b"}"),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
@pytest.mark.parametrize("where", ["alone", "before", "after", "cut"])
def test_lines_that_are_none(kit, undisturbed, out, garbage, where):
    """Garbage is passed over: what is told beside it counts."""
    data = ledger(out).read_bytes()
    made = {"alone": garbage, "before": garbage + b"\n" + data, "after": data + garbage, "cut": data[:-9] + garbage}
    ledger(out).write_bytes(made[where])
    check_resumed(kit, undisturbed, out, {"alone": 0, "cut": FILES - 1}.get(where, FILES))


def test_a_line_that_lacks_a_field_is_no_hit(kit, undisturbed, out, bare):
    """Nor one with fields of another kind; the last line about a file counts."""
    data = ledger(out).read_bytes()
    line = next(json.loads(line[17:]) for line in data.splitlines() if b'"file":"00.png"' in line)
    others = [{name: value for name, value in line.items() if name != gone} for gone in ("address", "sha256")]
    others += [line | {name: value} for name in ("address", "sha256") for value in ("", None, 0, [], {}, True)]
    for other in others:
        for folder in (out, bare):
            ledger(folder).write_bytes(data + marked(other))
        assert there(kit, out) == FILES - 1, other
        assert there(kit, bare) == 0, other
    check_resumed(kit, undisturbed, out, FILES - 1)


def test_a_file_that_was_gone_when_it_was_told_is_not_taken_to_be_there(kit, undisturbed, out):
    """Somebody removes a result while the run is still on."""
    data = ledger(out).read_bytes()
    line = next(json.loads(line[17:]) for line in data.splitlines() if b'"file":"00.png"' in line)
    (out / "00.png").unlink()
    ledger(out).write_bytes(data + marked(line | {"sha256": ""}))
    check_resumed(kit, undisturbed, out, FILES - 1)


def test_a_ledger_that_is_a_folder_is_told(kit, out):
    ledger(out).unlink()
    ledger(out).mkdir()
    with pytest.raises(OutputError, match=r"ledger\.jsonl cannot be read") as caught:
        kit.run(out, COUNT, resume=True)
    assert caught.value.hint


# --- outputs ---------------------------------------------------------------------------------------------------


def damage(path, how, chance):
    data = path.read_bytes()
    if how == "flip":
        path.write_bytes(flipped(data, chance.randrange(8 * len(data))))
    elif how == "cut":
        path.write_bytes(data[: chance.randrange(len(data))])
    elif how == "longer":
        path.write_bytes(data + b"\0")
    elif how == "other":
        path.write_bytes(next(p for p in sorted(path.parent.glob("*.png")) if p != path).read_bytes())
    else:
        path.unlink()
    if how == "link":
        path.symlink_to(path.with_name("nowhere"))


@pytest.mark.parametrize("how", ["flip", "cut", "longer", "other", "gone", "link"])
@pytest.mark.parametrize("name", ["03.png", "noisy/03.png", "scores.csv", "scores.json", "map.safetensors"])
def test_an_output_that_was_changed_is_made_again(kit, undisturbed, out, name, how):
    assert there(kit, out) == FILES
    damage(out / name, how, random.Random(name))
    check_resumed(kit, undisturbed, out, FILES - 1)


def test_every_output_changed_by_one_bit(kit, undisturbed, out):
    chance = random.Random(1)
    for name in undisturbed(COUNT):
        damage(out / name, "flip", chance)
    check_resumed(kit, undisturbed, out, 0)


@pytest.mark.parametrize("name", ["03.png", "noisy/03.png", "map.safetensors"])
def test_an_output_that_is_a_folder_now_is_told_and_left_alone(kit, undisturbed, out, name):
    """What somebody put there is not removed; once it is gone the file is made."""
    (out / name).unlink()
    (out / name).mkdir()
    (out / name / "mine").write_text("kept")
    with pytest.raises(OutputError, match="is a folder, wanted a file") as caught:
        kit.run(out, COUNT, resume=True)
    assert caught.value.exit_code == 1
    assert (out / name / "mine").read_text() == "kept"
    assert kit.temporaries(out) == []
    shutil.rmtree(out / name)
    check_resumed(kit, undisturbed, out, FILES - 1)
