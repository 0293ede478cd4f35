"""Two thousand damaged images: each gives a picture or a typed error; none ends the process, none hangs.

Files are decoded in a process of its own (this file run as a script), so that a crash or a hang is seen and its file
known. `OTFRAME_LONG=1` tries ten times as many. The counts are printed with `pytest -s`.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import OpenImageIO as oiio  # noqa: N813
import pytest

from otframe.io.compressed import webp_bytes

EACH = 4000 if os.environ.get("OTFRAME_LONG") else 400
LIMIT = 10.0  # seconds a file
FORMATS = ("png", "jpg", "tif", "exr", "webp")

_EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def picture(channels: int, kind: str = "uint8", height: int = 40, width: int = 56) -> np.ndarray:
    """Shades with edges and noise, so that every coder has something to do."""
    y, x = np.mgrid[:height, :width]
    planes = [np.sin(x / 9 + c) / 4 + np.cos(y / 7) / 4 + 0.5 * ((x + y * c) % 23 < 11) for c in range(channels)]
    values = np.clip(np.stack(planes, 2) / 2 + 0.3 + np.random.default_rng(0).normal(0, 0.03, (height, width, 1)), 0, 1)
    scale = {"uint8": 255, "uint16": 65535}.get(kind, 1)
    return np.ascontiguousarray((values * scale).astype({"half": np.float16, "float": np.float32}.get(kind, kind)))


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_by_hand(bits: int, kind: int, *extra: bytes) -> bytes:
    """A PNG of packed or indexed samples, which the library does not write."""
    row = b"\0" + bytes(range(0, 256, 32))
    header = struct.pack(">IIBBBBB", 8 * 8 // bits, 24, bits, kind, 0, 0, 0)
    body = chunk(b"IHDR", header) + b"".join(extra) + chunk(b"IDAT", zlib.compress(row * 24)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def palette_tiff() -> bytes:
    width, height = 16, 12
    colours = struct.pack("<768H", *(i * 65 for i in range(768)))
    pixels = bytes(i % 256 for i in range(width * height))
    at = 8 + 2 + 12 * 9 + 4
    fields = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 3)]
    fields += [(273, 4, 1, at + len(colours)), (278, 3, 1, height), (279, 4, 1, len(pixels)), (320, 3, 768, at)]
    table = b"".join(struct.pack("<HHII", *field) for field in fields)
    return b"II*\0" + struct.pack("<IH", 8, len(fields)) + table + b"\0\0\0\0" + colours + pixels


def stored(path: Path, channels: int, kind: str, tile: int = 0, **attributes: object) -> bytes:
    array = picture(channels, kind)
    spec = oiio.ImageSpec(array.shape[1], array.shape[0], channels, kind)
    if channels in (2, 4):
        spec.alpha_channel = channels - 1
        spec.attribute("oiio:UnassociatedAlpha", 1)
    spec.tile_width = spec.tile_height = tile
    for name, value in attributes.items():
        spec.attribute(name.replace("__", ":"), value)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), out.geterror()
    assert out.write_image(array), out.geterror()
    assert out.close(), out.geterror()
    return path.read_bytes()


def originals(folder: Path, kind: str) -> dict[str, bytes]:
    """Whole files of one format, by name."""
    made: dict[str, bytes] = {}

    def add(name: str, channels: int, depth: str = "uint8", **options: object) -> None:
        made[name] = stored(folder / f"{name}.{kind}", channels, depth, **options)

    if kind == "png":
        for name, channels, depth in (("rgb", 3, "uint8"), ("rgba16", 4, "uint16"), ("greya", 2, "uint8")):
            add(name, channels, depth)
        add("grey16", 1, "uint16", Orientation=6)
        palette = chunk(b"PLTE", bytes(range(0, 240, 5)))
        made["palette"] = png_by_hand(4, 3, palette, chunk(b"tRNS", bytes(range(0, 128, 16))))
        made["palette8"] = png_by_hand(8, 3, chunk(b"PLTE", bytes(i % 256 for i in range(768))))
        made["bit"] = png_by_hand(1, 0)
    elif kind == "jpg":
        add("rgb", 3, Orientation=5)
        add("grey", 1)
        add("progressive", 3, jpeg__progressive=1)
        add("text", 3, ImageDescription="a photograph of a fox " * 9, Exif__ExposureTime=0.01)
    elif kind == "tif":
        for name in ("none", "zip", "lzw", "packbits"):
            add(name, 3, compression=name)
        add("tiled", 3, tile=16, compression="zip")
        add("tiled16", 4, "uint16", tile=32, compression="lzw")
        add("float", 1, "float", compression="zip", tiff__predictor=3)
        add("half", 3, "half", compression="zip")
        add("planes", 3, planarconfig="separate")
        made["palette"] = palette_tiff()
    elif kind == "exr":
        for name in ("none", "rle", "zip", "piz", "b44", "dwaa:45"):
            add(name.partition(":")[0], 3, "half", compression=name)
        add("float", 4, "float", compression="zips")
        add("pxr24", 1, "float", compression="pxr24")
        add("tiled", 3, "half", tile=16, compression="zip")
    else:
        add("lossy", 3)
        add("alpha", 4)
        add("lossless", 3, compression="lossless")
        made["profile"] = webp_bytes(picture(4), b"profile" * 30)
    return made


# ---- what is done to a file


def anywhere(data: bytearray, random: Random) -> int:
    """A place in the file; half of them near its beginning, where the headers are."""
    return random.randrange(min(len(data), 320) if random.random() < 0.5 else len(data))


def flip(data: bytearray, random: Random) -> None:
    for _ in range(random.choice((1, 1, 2, 8))):
        data[anywhere(data, random)] ^= 1 << random.randrange(8)


def insert(data: bytearray, random: Random) -> None:
    place = anywhere(data, random)
    data[place:place] = random.randbytes(random.choice((1, 2, 4, 17)))


def delete(data: bytearray, random: Random) -> None:
    place = anywhere(data, random)
    del data[place : place + random.choice((1, 2, 4, 17, 200))]


def cut(data: bytearray, random: Random) -> None:
    del data[random.randrange(len(data)) :]


def blank(data: bytearray, random: Random) -> None:
    place = anywhere(data, random)
    size = min(random.choice((4, 32, 500)), len(data) - place)
    data[place : place + size] = bytes([random.choice((0, 255))]) * size


def repeat(data: bytearray, random: Random) -> None:
    place = anywhere(data, random)
    data[anywhere(data, random) :] = data[place:] * 2


def field(data: bytearray, random: Random) -> None:
    """A number of the header set to an extreme one."""
    size, order = random.choice((1, 2, 4)), random.choice(("big", "little"))
    place = random.randrange(min(len(data), 320))
    data[place : place + size] = (random.choice(_EXTREMES) % 256**size).to_bytes(size, order)


def lengths(data: bytearray, random: Random) -> None:
    """The length, count or offset of a part changed; PNG checksums are made right again, so that it is believed."""
    if data[:4] == b"\x89PNG":
        place = random.choice([m.start() - 4 for m in re.finditer(b"IHDR|PLTE|tRNS|IDAT|IEND|eXIf|tEXt", data)])
        size = int.from_bytes(data[place : place + 4], "big")
        if random.random() < 0.4:
            size = random.choice((0, size - 1, size + 1, *_EXTREMES)) % 2**32
            data[place : place + 4] = size.to_bytes(4, "big")
        elif size:
            data[place + 8 + random.randrange(size)] = random.choice((0, 1, 2, 3, 4, 7, 16, 255, random.randrange(256)))
        if size < len(data):
            crc = zlib.crc32(data[place + 4 : place + 8 + size])
            data[place + 8 + size : place + 12 + size] = crc.to_bytes(4, "big")
    elif data[:2] == b"\xff\xd8":
        place = random.choice([m.start() for m in re.finditer(b"\xff[\xc0-\xdf\xe0-\xef]", data[: len(data) // 2])])
        data[place + 2 : place + 4] = (random.choice((0, 1, 2, 3, 8, 255, 65535))).to_bytes(2, "big")
    elif data[:2] in (b"II", b"MM"):
        start = int.from_bytes(data[4:8], "little")
        entry = start + 2 + 12 * random.randrange(max(1, data[start]) if start < len(data) else 1)
        at, size = random.choice(((0, 2), (2, 2), (4, 4), (8, 4), (8, 2)))
        value = random.choice((*_EXTREMES, start, len(data), len(data) - 1)) % 256**size
        data[entry + at : entry + at + size] = value.to_bytes(size, "little")
    elif data[:4] == b"RIFF":
        place = random.choice([m.start() for m in re.finditer(b"RIFF|VP8[ LX]|ICCP|ALPH", data)]) + 4
        size = int.from_bytes(data[place : place + 4], "little")
        data[place : place + 4] = (random.choice((size - 1, size + 1, *_EXTREMES)) % 2**32).to_bytes(4, "little")
    else:  # OpenEXR: name, type, four bytes of length
        kinds = b"box2i|chlist|compression|lineOrder|float|v2f|string|tiledesc|int"
        place = random.choice([m.end() for m in re.finditer(b"(?:" + kinds + b")\0", data)])
        place += random.choice((0, 0, 4, 8, 12, 16))
        data[place : place + 4] = random.choice(_EXTREMES).to_bytes(4, "little")


def sizes(data: bytearray, random: Random) -> None:
    """Width and height as large as is allowed, or nearly."""
    width, height = random.choice(((15000, 15000), (65500, 3800), (1, 65500), (16383, 15000), (300, 200)))
    if data[:4] == b"\x89PNG":
        data[16:24] = struct.pack(">II", width, height)
        data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    elif data[:2] == b"\xff\xd8":
        frame = re.search(b"\xff[\xc0\xc2]", data)
        place = frame.start() + 5 if frame else 0
        data[place : place + 4] = struct.pack(">HH", height, width)
    elif data[:2] == b"II":
        for found in re.finditer(rb"[\x00\x01]\x01[\x03\x04]\x00\x01\x00\x00\x00", data):
            value = height if data[found.start()] else width
            data[found.start() + 2 : found.start() + 12] = struct.pack("<HII", 4, 1, value)
    elif data[:4] == b"RIFF" and data[12:16] == b"VP8X":
        data[24:30] = (min(width, 16383) - 1).to_bytes(3, "little") + (min(height, 16383) - 1).to_bytes(3, "little")
    elif data[:4] == b"RIFF":
        bits = (min(width, 16383) - 1) | (min(height, 16383) - 1) << 14
        data[21:25] = bits.to_bytes(4, "little")
        if data[12:16] == b"VP8 ":
            data[26:30] = struct.pack("<HH", min(width, 16383), min(height, 16383))
    else:
        for found in re.finditer(b"box2i\0", data):
            data[found.end() + 4 : found.end() + 20] = struct.pack("<4i", 0, 0, width - 1, height - 1)


CHANGES = (flip, flip, insert, delete, cut, blank, repeat, field, field, lengths, lengths, lengths, sizes)


def mutated(whole: bytes, random: Random) -> tuple[str, bytes]:
    """A changed file, and the names of the changes."""
    data = bytearray(whole)
    changes = random.choices(CHANGES, k=random.choice((1, 1, 2)))
    for change in changes:
        if len(data) > 16 and (change not in (lengths, sizes) or data[:4] == whole[:4]):
            try:
                change(data, random)
            except IndexError:  # nothing of that kind is left to change
                flip(data, random)
    return "+".join(change.__name__ for change in changes), bytes(data)


# ---- the process that decodes


class Decoder:
    """Reads files in a process of its own, and says how each ended."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def __call__(self, path: Path) -> dict[str, object]:
        if self.process is None:
            self._start()
        assert self.process is not None
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended: told below
            self.process.stdin.write(f"{path}\n")
            self.process.stdin.flush()
        try:
            line = self.lines.get(timeout=LIMIT)
        except queue.Empty:
            self.stop()
            return {"end": "hang"}
        if not line:
            code = self.process.wait()
            self.stop()
            return {"end": f"crash {code}"}
        found: dict[str, object] = json.loads(line)
        return found

    def _start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._pump, args=(self.process.stdout, self.lines), daemon=True).start()
        assert self.lines.get(timeout=120).strip() == '"ready"'  # importing is no part of a file's time

    @staticmethod
    def _pump(stream: object, lines: queue.Queue[str]) -> None:
        for line in iter(stream.readline, ""):  # type: ignore[attr-defined]
            lines.put(line)
        lines.put("")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
        self.process = None


def serve() -> None:
    """Decode what is named on stdin, one answer a line."""
    from otframe.errors import ImageReadError
    from otframe.io.image_file import read_image

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # a library may print
    print('"ready"', file=answers, flush=True)
    for line in sys.stdin:
        started = time.perf_counter()
        answer: dict[str, object] = {}
        try:
            image = read_image(Path(line.rstrip("\n")))
            sound = min(image.size) > 0 and bool(image.pixels.isfinite().all()) and image.channels in (1, 3)
            answer["end"] = "picture" if sound else "unsound picture"
        except ImageReadError as error:
            told = bool(error.message) and Path(line.strip()).name in error.message
            answer = {"end": "error" if told else "silent error", "told": error.message}
        except BaseException as error:
            answer = {"end": f"untyped {type(error).__name__}", "told": str(error)}
        print(json.dumps({**answer, "seconds": time.perf_counter() - started}), file=answers, flush=True)


@pytest.fixture(scope="module")
def decoder():
    made = Decoder()
    yield made
    made.stop()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", FORMATS)
def test_mutated_files(tmp_path, decoder, kind):
    wholes = originals(tmp_path, kind)
    for name, whole in wholes.items():
        (tmp_path / f"{name}.{kind}").write_bytes(whole)
        assert decoder(tmp_path / f"{name}.{kind}")["end"] == "picture", name
    random = Random(kind)
    ends: Counter[str] = Counter()
    bad, slowest = [], (0.0, "")
    names = sorted(wholes)
    for number in range(EACH):
        name = names[number % len(names)]
        changes, data = mutated(wholes[name], random)
        path = tmp_path / f"mutated.{kind}"
        path.write_bytes(data)
        found = decoder(path)
        end = str(found["end"])
        ends[end] += 1
        slowest = max(slowest, (float(found.get("seconds", LIMIT)), f"{name} {changes}"))
        if end not in ("picture", "error"):
            kept = path.with_name(f"bad-{number}.{kind}")
            path.rename(kept)
            bad.append(f"{kept} ({name}: {changes}): {end} {found.get('told', '')}")
    print(f"{kind}: {dict(ends)}, slowest {slowest[0]:.2f} s ({slowest[1]})")
    assert not bad, "\n".join(bad)
    assert ends["error"] > EACH // 10
    assert slowest[0] < LIMIT


def test_a_crash_and_a_hang_would_be_seen(tmp_path, decoder, monkeypatch):
    """The harness itself: a process that ends, and a pipe that nobody writes to."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("needs named pipes")
    os.mkfifo(tmp_path / "waits.png")
    monkeypatch.setattr(f"{__name__}.LIMIT", 1.0)
    assert decoder(tmp_path / "waits.png") == {"end": "hang"}
    decoder._start()
    decoder.process.kill()
    decoder.process.wait()
    with open(os.devnull, "w") as nowhere:
        monkeypatch.setattr(decoder.process, "stdin", nowhere)
        assert decoder(tmp_path / "a.png")["end"] == "crash -9"


if __name__ == "__main__":
    serve()
