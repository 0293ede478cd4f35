from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import OpenImageIO as oiio  # noqa: N813
import pytest

from otframe.registry import Registry


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry(points=[])


@pytest.fixture(scope="session")
def photos() -> Path:
    root = Path(os.environ.get("OTFRAME_DATA", Path(__file__).parents[3] / "shared" / "data"))
    if not (root / "photos").is_dir():
        pytest.skip("needs the photographs that OTFRAME_DATA names")
    return root / "photos"


@pytest.fixture
def store():
    """Writes samples by the library alone, so that reading is tested against another's files."""

    def write(path: Path, array: np.ndarray, kind: str | None = None, **attributes) -> Path:
        array = np.ascontiguousarray(array if array.ndim == 3 else array[..., None])
        spec = oiio.ImageSpec(
            array.shape[1], array.shape[0], array.shape[2], kind or array.dtype.name.replace("float32", "float")
        )
        if array.shape[2] in (2, 4):
            spec.alpha_channel = array.shape[2] - 1
            spec.attribute("oiio:UnassociatedAlpha", 1)
        for name, value in attributes.items():
            spec.attribute(name.replace("__", ":"), value)
        out = oiio.ImageOutput.create(str(path))
        assert out.open(str(path), spec), out.geterror()
        assert out.write_image(array), out.geterror()
        assert out.close(), out.geterror()
        out.geterror()
        return path

    return write


@pytest.fixture
def png_header():
    """A PNG of any claimed size with hardly any data."""

    def make(width: int, height: int, bits: int = 8, kind: int = 2) -> bytes:
        def chunk(name: bytes, data: bytes) -> bytes:
            return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

        header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
        body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
        return b"\x89PNG\r\n\x1a\n" + body

    return make
