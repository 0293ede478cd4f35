"""`.cube` files: written and read again, and read strictly."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from otframe_color.cube_read import read_cube
from otframe_color.examples import fitted
from otframe_color.lut import Fidelity, Lut

from otframe.errors import DataError, OutputError
from otframe.io import open_source, write
from otframe.registry import Registry

ROWS = "\n".join(f"{r} {g} {b}" for b in (0, 1) for g in (0, 1) for r in (0, 1))
"""The identity of two nodes on each axis."""
PLAIN = f"LUT_3D_SIZE 2\n{ROWS}\n"


def luts() -> st.SearchStrategy[Lut]:
    """Tables of all kinds that a file can hold."""

    def made(seed: int, size: int, bent: bool, even: bool, top: float, coded: Any, way: Any, title: str) -> Lut:
        rng = torch.Generator().manual_seed(seed)
        table = torch.randn(size, size, size, 3, generator=rng) * top
        low = torch.rand(1 if bent or even else 3, generator=rng).expand(3) - 0.5
        high = low + 0.1 + torch.rand(1, generator=rng) * top
        shaper = torch.rand(3, 4, generator=rng) * 1.5 - 0.2 if bent else None
        fidelity = Fidelity(1.25e-2, 3.5e-4, 0.015, 4096, "palette") if even else None
        return Lut(table, low.contiguous(), high, shaper, coded, way, title.strip(), fidelity)

    words = st.text(st.sampled_from("abc XYZ0-9.#'"), max_size=20)
    ways, codings = st.sampled_from(["tetrahedral", "trilinear"]), st.sampled_from(["srgb", "linear"])
    tops = st.sampled_from([1e-3, 1.0, 16.0, 1e4])
    return st.builds(
        made, st.integers(0, 99), st.integers(2, 4), st.booleans(), st.booleans(), tops, codings, ways, words
    )


@given(luts())
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read(lut: Lut) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.cube"
        write(lut, path)
        back = open_source(path, Registry.installed(), Lut).load("table")
    assert (back.coded, back.interpolation, back.fidelity) == (lut.coded, lut.interpolation, lut.fidelity)
    assert back.title.split() == lut.title.split()
    for name in ("table", "low", "high"):
        torch.testing.assert_close(getattr(back, name), getattr(lut, name), rtol=1e-7, atol=1e-9)
    assert (back.shaper is None) == (lut.shaper is None)
    if lut.shaper is not None:
        torch.testing.assert_close(back.shaper, lut.shaper, rtol=1e-7, atol=1e-9)


def test_any_other_map_is_written_as_a_table_with_its_fidelity(tmp_path: Path) -> None:
    written = write(fitted(0), tmp_path / "map.cube")
    back = read_cube(tmp_path / "map.cube")
    assert back.size == 33
    assert back.fidelity is not None
    assert str(back.fidelity) in written.notes[0]
    points = torch.rand(500, 3)
    torch.testing.assert_close(back(points), fitted(0)(points), rtol=0, atol=1e-5)


def test_the_file_is_laid_out_as_other_tools_want_it(tmp_path: Path) -> None:
    steps = torch.tensor([0.0, 1.0])
    table = torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij"), -1)
    lut = Lut(table, torch.zeros(3), torch.full((3,), 2.0), title='a "look"\nof mine')
    write(lut, tmp_path / "a.cube")
    assert (tmp_path / "a.cube").read_text().splitlines()[:7] == [
        'TITLE "a  look  of mine"',
        "# otframe: tetrahedral",
        "LUT_3D_SIZE 2",
        "DOMAIN_MIN 0.000000000 0.000000000 0.000000000",
        "DOMAIN_MAX 2.000000000 2.000000000 2.000000000",
        "0.000000000 0.000000000 0.000000000",
        "1.000000000 0.000000000 0.000000000",
    ]
    write(replace(lut, shaper=torch.tensor([[0.0, 1.0]] * 3)), tmp_path / "b.cube")
    assert (tmp_path / "b.cube").read_text().splitlines()[:7] == [
        "# title a  look  of mine",
        "# otframe: tetrahedral",
        "LUT_1D_SIZE 2",
        "LUT_1D_INPUT_RANGE 0.000000000 2.000000000",
        "LUT_3D_SIZE 2",
        "LUT_3D_INPUT_RANGE 0.0 1.0",
        "0.000000000 0.000000000 0.000000000",
    ]


def test_notes_tell_what_a_tool_cannot_read(tmp_path: Path) -> None:
    path = tmp_path / "a.cube"
    plain = Lut(torch.zeros(2, 2, 2, 3), torch.zeros(3), torch.ones(3))
    assert write(plain, path).notes == ()
    assert "ffmpeg" in write(replace(plain, low=plain.low - 1), path).notes[0]
    assert "ffmpeg" in write(replace(plain, shaper=torch.rand(3, 2)), path).notes[0]
    with pytest.raises(OutputError, match="one domain for all channels"):
        write(replace(plain, low=torch.tensor([0.0, 0.1, 0.0]), shaper=torch.rand(3, 2)), path)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        "\ufeff" + PLAIN,
        PLAIN.lower(),
        PLAIN.replace(" ", " \t "),
        "# a comment\n\n" + PLAIN.replace("1 1 1", "# inside\n\n  1.0e0\t+1. .1E+1  ") + "\n# at the end\n\n",
        "title no quotes\n" + PLAIN.replace("LUT_3D_SIZE 2\n", "DOMAIN_MAX 1 1 1\nLUT_3D_SIZE 2\nDOMAIN_MIN 0 0 0\n"),
        "LUT_3D_SIZE 2\nLUT_3D_INPUT_RANGE 0 1\n" + ROWS,
        "# otframe: whatever\n# fidelity of something else\n# title\n" + PLAIN,
    ],
)
def test_ways_of_writing_that_are_taken(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.cube"
    path.write_text(text, encoding="utf-8", newline="")
    lut = read_cube(path)
    points = torch.rand(50, 3)
    torch.testing.assert_close(lut(points), points)
    assert (lut.coded, lut.interpolation, lut.fidelity) == ("srgb", "tetrahedral", None)


def test_a_table_of_one_dimension_is_the_same_map(tmp_path: Path) -> None:
    path = tmp_path / "a.cube"
    path.write_text("LUT_1D_SIZE 4\nDOMAIN_MIN 0 0 -1\nDOMAIN_MAX 1 3 2\n0 1 5\n1 3 5\n0.5 2 5\n2 0 5\n")
    lut = read_cube(path)
    asked = torch.tensor([[0.0, 0.0, 0.0], [1 / 6, 0.5, 0.7], [0.5, 1.5, 2.0], [0.9, 2.7, -1], [7, -7, 7]])
    wanted = torch.tensor([[0, 1, 5], [0.5, 2, 5], [0.75, 2.5, 5], [1.55, 0.6, 5], [2, 1, 5]])
    torch.testing.assert_close(lut(asked), wanted)
    torch.testing.assert_close(replace(lut, interpolation="trilinear")(asked), wanted)


def test_ranges_between_shaper_and_table(tmp_path: Path) -> None:
    path = tmp_path / "a.cube"
    head = "LUT_1D_SIZE 3\nLUT_1D_INPUT_RANGE -1 1\nLUT_3D_SIZE 2\nLUT_3D_INPUT_RANGE 10 20\n"
    path.write_text(head + "5 5 5\n15 15 15\n25 25 25\n" + ROWS)
    lut = read_cube(path)
    asked = torch.tensor([[-1.0, -0.5, -0.25], [0.0, 0.25, 0.5], [0.75, 1.0, 2.0]])
    torch.testing.assert_close(lut(asked), torch.tensor([[0.0, 0.0, 0.25], [0.5, 0.75, 1.0], [1.0, 1.0, 1.0]]))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "wanted LUT_3D_SIZE"),
        ("TITLE x\n", "wanted LUT_3D_SIZE"),
        (ROWS, "wanted LUT_3D_SIZE"),
        ("LUT_3D_SIZE 2\n", "cut short: LUT_3D_SIZE wants 8 lines of numbers, got 0"),
        (PLAIN[:-6], ":8: cut short: LUT_3D_SIZE wants 8 lines of numbers, got 7"),
        (PLAIN[:-2], ":9: wanted three numbers, got '1 1'"),
        (PLAIN + "0 0 0\n", ":10: more lines of numbers"),
        (PLAIN.replace("1 1 1", "1 nan 1"), ":9: wanted three numbers, got '1 nan 1'"),
        (PLAIN.replace("1 1 1", "1 1 inf"), "wanted three numbers"),
        (PLAIN.replace("1 1 1", "1 1 1e999"), "too large"),
        (PLAIN.replace("1 1 1", "1 1 1 1"), "wanted three numbers"),
        (PLAIN.replace("1 1 1", "1,1,1"), "wanted three numbers"),
        (PLAIN.replace("1 1 1", "1_0 1 1"), "wanted three numbers"),
        (PLAIN.replace("1 1 1", "1 1 ١"), "wanted three numbers"),
        (PLAIN.replace("1 1 1", "TITLE late"), "wanted three numbers"),
        ("LUT_3D_SIZE\n" + ROWS, "whole number from 2 to 256, got ''"),
        ("LUT_3D_SIZE 1\n0 0 0\n", "whole number from 2 to 256"),
        ("LUT_3D_SIZE 257\n", "whole number from 2 to 256, got '257'"),
        ("LUT_3D_SIZE 999999999999999999999\n", "whole number from 2 to 256"),
        ("LUT_3D_SIZE 2.0\n", "whole number"),
        ("LUT_3D_SIZE -2\n", "whole number"),
        ("LUT_1D_SIZE 65537\n", "whole number from 2 to 65536"),
        ("LUT_3D_SIZE 2\nLUT_3D_SIZE 2\n" + ROWS, ":2: LUT_3D_SIZE stands twice"),
        ("LUT_2D_SIZE 2\n", ":1: unknown keyword 'LUT_2D_SIZE'"),
        ("LUT_IN_VIDEO_RANGE\n" + PLAIN, "unknown keyword"),
        ("DOMAIN_MIN 0 0\n" + PLAIN, "DOMAIN_MIN has 3 numbers"),
        ("DOMAIN_MIN 0 0 nan\n" + PLAIN, "DOMAIN_MIN has 3 numbers"),
        ("DOMAIN_MAX 1 0 1\n" + PLAIN, "is empty"),
        ("DOMAIN_MAX 1 1e99 1\n" + PLAIN, "endless"),
        ("LUT_3D_INPUT_RANGE 1 1\n" + PLAIN, "is empty"),
        ("LUT_1D_INPUT_RANGE 0 1\n" + PLAIN, "without LUT_1D_SIZE"),
        ("DOMAIN_MAX 1 1 1\nLUT_3D_INPUT_RANGE 0 1\n" + PLAIN, "the domain stands twice"),
        ("LUT_1D_SIZE 2\nDOMAIN_MAX 1 1 1\n" + PLAIN, "go with one table"),
        ("LUT_1D_SIZE 2\nLUT_3D_INPUT_RANGE 0 0\nLUT_3D_SIZE 2\n0 0 0\n1 1 1\n" + ROWS, "is empty"),
        ("\x89PNG\r\n\x1a\n" + PLAIN, "unknown keyword"),
        ("LUT_3D_SIZE 2\0\n", "not text"),
        ("x" * 5000, "longer than 4000"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "a.cube"
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(DataError, match="a.cube:") as error:
        open_source(path, Registry.installed(), Lut).load("a")
    assert told in str(error.value)
    assert error.value.key == "a"


def test_a_huge_table_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.cube").write_text("LUT_3D_SIZE 256\n0 0 0\n")
    with pytest.raises(DataError, match="16777216 lines of numbers, got 1"):
        read_cube(tmp_path / "a.cube")
    with pytest.raises(DataError, match="cannot be read"):
        read_cube(tmp_path)


WHOLE = (
    "TITLE x\n# otframe: linear\nLUT_1D_SIZE 3\nLUT_1D_INPUT_RANGE 0 2\nLUT_3D_SIZE 2\nLUT_3D_INPUT_RANGE 0 1\n"
    f"0 0 0\n.5 .5 .5\n1 1 1\n{ROWS}\n"
).encode()
CHANGES = st.lists(
    st.tuples(
        st.integers(0, len(WHOLE)),
        st.integers(0, 6),
        st.binary(max_size=4)
        | st.sampled_from(
            [b"nan", b"-", b"e9", b"LUT_3D_SIZE 9\n", b"DOMAIN_MIN 0 0 0\n", b"\n", b"#", b"99999", b"\xff\xfe", b"."]
        ),
    ),
    min_size=1,
    max_size=4,
)


@given(CHANGES)
@example([(0, 0, b"\xff\xfe")])
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_file_is_read_or_refused_with_words(tmp_path: Path, changes: list[tuple[int, int, bytes]]) -> None:
    data = WHOLE
    for at, gone, put in changes:
        data = data[:at] + put + data[at + gone :]
    path = tmp_path / "changed.cube"
    path.write_bytes(data)
    try:
        lut = read_cube(path)
    except DataError as error:
        told = error.message
    else:
        assert bool(torch.isfinite(lut(torch.rand(20, 3))).all())
        return
    assert "changed.cube:" in told
