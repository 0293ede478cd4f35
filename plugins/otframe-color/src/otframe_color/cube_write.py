"""`.cube` files of colour tables, in the two forms that tools read: Adobe's, and Resolve's where there is a shaper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import torch

from otframe.errors import OutputError
from otframe.io.writer import writes
from otframe.registry import Registry
from otframe_color.lut import Lut
from otframe_color.maps import ColorMap
from otframe_color.table import MakeTable

__all__ = ["write_cube"]

_PIECE = 1 << 14
_DIGITS = 9


@writes(ColorMap)
def write_cube(value: ColorMap, path: Path, registry: Registry) -> tuple[str, ...]:
    """Write a table; another map through a table of 33 nodes on each axis.

    Red changes fastest. Numbers are decimals with nine digits after the point, as some tools read no exponents. Without
    a shaper the form is Adobe's (`LUT_3D_SIZE`, then `DOMAIN_MIN` and `DOMAIN_MAX` where it is not 0 to 1); with one
    Resolve's, which has no `TITLE` and takes comments before the sizes alone: the lines stand in the order that all
    tools take. `# fidelity` tells how far the table is from its map, `# otframe` what the format cannot tell.
    """
    del registry
    lut = value if isinstance(value, Lut) else MakeTable()(value)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in (*_head(lut), *_sizes(lut)))
        if lut.shaper is not None:
            file.writelines(_lines(lut.shaper.T))
        file.writelines(_lines(lut.table.permute(2, 1, 0, 3).reshape(-1, 3)))
    return _notes(lut)


def _head(lut: Lut) -> Iterator[str]:
    title = re.sub(r"[^ -~]|\"", " ", lut.title).strip()
    if title:
        yield f'TITLE "{title}"' if lut.shaper is None else f"# title {title}"
    if lut.fidelity is not None:
        yield f"# fidelity {lut.fidelity}"
    told = [word for word, so in (("linear", lut.coded == "linear"), (lut.interpolation, True)) if so]
    yield f"# otframe: {' '.join(told)}"


def _sizes(lut: Lut) -> Iterator[str]:
    if lut.shaper is None:
        # ffmpeg passes over what stands before the size
        yield f"LUT_3D_SIZE {lut.size}"
        if bool((lut.low != 0).any()) or bool((lut.high != 1).any()):
            yield f"DOMAIN_MIN {_numbers(lut.low)}"
            yield f"DOMAIN_MAX {_numbers(lut.high)}"
        return
    if bool((lut.low != lut.low[0]).any()) or bool((lut.high != lut.high[0]).any()):
        raise OutputError(
            "a .cube file with a shaper has one domain for all channels, the table has one for each",
            hint="write it to '.safetensors', or make the table anew with color.table",
        )
    yield f"LUT_1D_SIZE {lut.shaper.shape[1]}"
    yield f"LUT_1D_INPUT_RANGE {_numbers(torch.stack([lut.low[0], lut.high[0]]))}"
    # in this order ffmpeg, which knows no shapers, refuses the file; in the other it would take it for another table
    yield f"LUT_3D_SIZE {lut.size}"
    yield "LUT_3D_INPUT_RANGE 0.0 1.0"


def _numbers(numbers: torch.Tensor) -> str:
    return " ".join(f"{number:.{_DIGITS}f}" for number in numbers.double().cpu().numpy())


def _lines(rows: torch.Tensor) -> Iterator[str]:
    form = f"%.{_DIGITS}f %.{_DIGITS}f %.{_DIGITS}f\n"
    for piece in rows.split(_PIECE):
        yield form * len(piece) % tuple(piece.double().cpu().numpy().ravel())


def _notes(lut: Lut) -> tuple[str, ...]:
    notes = [] if lut.fidelity is None else [f"fidelity: {lut.fidelity}"]
    if lut.shaper is not None:
        notes.append("the table has a shaper: OpenColorIO, Resolve and colour-science read it, ffmpeg refuses it")
    elif bool((lut.low != 0).any()) or bool((lut.high < 1).any()):
        notes.append("ffmpeg's lut3d is wrong for a domain that does not begin at 0 or ends below 1")
    if lut.size > 129:
        notes.append(f"OpenColorIO reads tables of up to 129 nodes on each axis, this one has {lut.size}")
    return tuple(notes)
