"""More than a hundred ways out of the output folder, in `to:` and in keys: nothing is made outside of it."""

from __future__ import annotations

import itertools
import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from otframe.errors import OtframeError
from otframe.io import safe_path, write
from otframe.run import Pipeline
from otframe.values import Image

_UP = (
    "..",
    "...",
    ". .",
    " ..",
    ".. ",
    "..\u200b",
    "..\u202e",
    "\uff0e\uff0e",
    "\u2025",
    "%2e%2e",
    "..;",
    "..%00",
    "..\0",
)
_BARS = (
    "/",
    "\\",
    "//",
    "/./",
    "\\/",
    "\u2044",
    "\u2215",
    "\u29f8",
    "\uff0f",
    "\uff3c",
    "%2f",
    "%5c",
    "%c0%af",
    "&#47;",
)

TEMPLATES = [
    *(f"{up}{bar}away.png" for up, bar in itertools.product(_UP, _BARS[:9])),
    *(f"in/{up}/{up}/{up}/away.png" for up in _UP),
    *(
        "/tmp/away.png",
        "//tmp/away.png",
        "///away.png",
        "~/away.png",
        "~root/away.png",
        "$HOME/away.png",
        "${HOME}/a.png",
    ),
    *(
        "C:away.png",
        "c:/away.png",
        "C:\\away.png",
        "\\\\?\\C:\\away.png",
        "\\\\host\\share\\away.png",
        "//host/s/a.png",
    ),
    *("file:///tmp/away.png", "file:away.png", "http://host/away.png", "NUL", "CON.png", "a.png:stream", "a.png\0.txt"),
    *(".png", "..png", "...", "./away.png", "in/.", "in/..", "in/", "/", "", " ", "\t", "\n../away.png", "../\n.png"),
    *("a" * 5000 + ".png", "a/" * 3000 + "b.png", "../" * 3000 + "away.png", "x" * 250 + "/../../away.png"),
    *("{stem}/../../away.png", "{stem:/../..}.png", "{stem!s}/../a.png", "{stem.__init__}.png", "{{..}}/../away.png"),
    *(
        "{0}/../a.png",
        "{key:>{index}}.png",
        "{index:0999999999d}.png",
        "{stem[0]}.png",
        "{../}a.png",
        "\x1b]0;a\x07.png",
    ),
    *("link/away.png", "link/in/away.png", "in/link/away.png", "loop/away.png", "link.png", "in/../link/away.png"),
    *("dangling.png", "dangling/away.png", "chain/away.png", "parent/away.png", "absolute/away.png"),
]
KEYS = [
    *(f"{up}{bar}away" for up, bar in itertools.product(_UP, _BARS[:9])),
    *(
        "..",
        ".",
        "",
        "/",
        "//",
        "\\",
        "~",
        "~root",
        "C:",
        "C:away",
        "c:/away",
        "\\\\host\\share",
        "/tmp/away",
        "/etc/passwd",
    ),
    *("\0", "a\0b", "a\n../b", "\r", "\x7f", "\x1b[2J", "a" * 5000, "é" * 200, "../" * 2000, "{stem}", "{0}", "{../}"),
    *(
        "link",
        "dangling",
        "loop",
        "NUL",
        "CON",
        "aux.txt",
        "a:b",
        "-rf",
        "*",
        "?",
        "|id",
        "`id`",
        "$(id)",
        "a;b",
        "..hidden",
    ),
]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An output folder with links that lead out of it, in a folder of which every other file is known."""
    root = tmp_path / "root"
    out, secret = root / "out", root / "secret"
    (out / "in").mkdir(parents=True)
    secret.mkdir()
    (secret / "kept.png").write_bytes(b"kept")
    (root / "..away").mkdir()
    (out / "link").symlink_to(secret)
    (out / "in" / "link").symlink_to(secret)
    (out / "link.png").symlink_to(secret / "kept.png")
    (out / "dangling.png").symlink_to(secret / "new.png")
    (out / "dangling").symlink_to(secret / "new")
    (out / "chain").symlink_to(out / "in" / "link")
    (out / "parent").symlink_to("..")
    (out / "absolute").symlink_to("/")
    (out / "loop").symlink_to(out / "loop")
    return out


def others(out: Path) -> dict[str, bytes | None]:
    """Every file and folder around the output folder, with its content."""
    found: dict[str, bytes | None] = {}
    for folder, folders, files in os.walk(out.parents[1]):
        if Path(folder) == out.parent:
            folders.remove("out")
        found |= {os.path.join(folder, name): None for name in folders}
        found |= {os.path.join(folder, name): Path(folder, name).read_bytes() for name in files}
    return found


def image(level: float = 0.5) -> Image:
    return Image.from_numpy(np.full((4, 4, 3), level, np.float32), meta={"depth": "uint8"})


def attempt(out: Path, template: str, **fields: str | int) -> str:
    """Write an image where the template says; whether that was refused. Whatever happens, nothing is around `out`."""
    before = others(out)
    home = Path.home() / "away.png"
    assert not home.exists()
    try:
        path = safe_path(out, template, **fields)
    except OtframeError:
        end = "refused"
    else:
        assert path.resolve().is_relative_to(out.resolve()), path
        try:
            write(image(), path.with_name(path.name + ".png"))
            end = "inside"
        except OtframeError:  # a name that is too long for the disk, say
            end = "not written"
    assert others(out) == before, (template, fields)
    assert not home.exists()
    return end


def shown(text: str) -> str:
    return unicodedata.normalize("NFC", text)[:40].encode("unicode_escape").decode()


def test_there_are_many() -> None:
    assert len(set(TEMPLATES)) >= 100
    assert len(set(KEYS)) >= 100


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("template", TEMPLATES, ids=shown)
def test_templates(place: Path, template: str) -> None:
    end = attempt(place, template, stem="a", key="a", index=3)
    parts = template.replace("\\", "/").split("/")
    if ".." in parts or template.startswith(("/", "~", "link", "dangling", "absolute", "chain", "parent", "loop")):
        assert end == "refused"


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("key", KEYS, ids=shown)
def test_keys(place: Path, key: str) -> None:
    ends = [attempt(place, template, stem=key, key=key) for template in ("{stem}", "in/{key}.png", "{stem}/{key}.png")]
    if "/" in key or "\\" in key or "\0" in key or key in ("", ".", ".."):
        assert set(ends) == {"refused"}


def test_a_link_is_not_followed_when_it_appears_later(place: Path) -> None:
    """The file that a name links to is replaced, never written through: the rename takes the link's place."""
    path = safe_path(place, "late.png")
    path.symlink_to(place.parent / "secret" / "kept.png")
    write(image(), path)
    assert (place.parent / "secret" / "kept.png").read_bytes() == b"kept"
    assert not path.is_symlink()


def test_a_long_name_that_fits_is_written(tmp_path: Path) -> None:
    """Names are limited in bytes: the temporary one must not be longer than the disk allows either."""
    path = safe_path(tmp_path, "{key}.png", key="\U0001f98a" * 60)
    assert write(image(), path).path.is_file()


PIPELINE = """\
otframe: 1
inputs: {photos: "Image[]"}
nodes: {same: {use: image.convert, in: photos, with: {space: srgb}}}
outputs: {same: {from: same, to: TO}}
"""


@pytest.mark.parametrize(
    "template", ["../{stem}.png", "/{stem}.png", "link/{stem}.png", "{stem}/../../a.png", "..\\{stem}.png"]
)
def test_a_whole_run_by_template(place: Path, template: str) -> None:
    before = others(place)
    with pytest.raises(OtframeError):
        Pipeline.from_yaml(PIPELINE.replace("TO", f"'{template}'")).run({"photos": {"a": image()}}, out=place)
    assert others(place) == before


@pytest.mark.parametrize("key", ["../away", "/tmp/away", "..", "a/../../b", "link/away", "..\\away", "a\0b", "C:\\a"])
def test_a_whole_run_by_key(place: Path, key: str) -> None:
    before = others(place)
    with pytest.raises(OtframeError):
        Pipeline.from_yaml(PIPELINE.replace("TO", "'{key}.png'")).run({"photos": {key: image()}}, out=place)
    assert others(place) == before
