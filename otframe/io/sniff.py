"""What a file really is, from its first bytes: a suffix may lie, and a decoder may spend memory on opening."""

from __future__ import annotations

from pathlib import Path

from otframe.errors import ImageReadError

__all__ = ["FORMATS", "jpeg_ends", "png_ends", "png_size", "sniff", "webp_size"]

FORMATS = {
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".exr": "openexr",
    ".webp": "webp",
    ".bmp": "bmp",
}
"""Format of each suffix, in the library's names."""

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"\x76\x2f\x31\x01", "openexr"),
    (b"BM", "bmp"),
)


def sniff(path: Path) -> tuple[str, bytes]:
    """The format by content, and the first 64 bytes; `ImageReadError` where it is none that is read."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise ImageReadError(f"{path} cannot be read: {error.strerror or error}") from error
    if not head:
        raise ImageReadError(f"{path} is empty (0 bytes)")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp", head
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name, head
    raise ImageReadError(
        f"{path} is not an image that can be read: it starts with {head[:8]!r}",
        hint="PNG, JPEG, TIFF, OpenEXR, WebP and BMP are read",
    )


def png_size(head: bytes, where: str) -> tuple[int, int]:
    """Width and height of a PNG file, from its first chunk."""
    if head[12:16] != b"IHDR" or len(head) < 24:
        raise ImageReadError(f"{where} is cut short or its PNG header is damaged")
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def webp_size(head: bytes, where: str) -> tuple[int, int]:
    """Width and height of a WebP file from its first chunk; the library decodes on opening, so ask here first."""
    kind, body = head[12:16], head[20:]
    if kind == b"VP8X" and len(body) >= 10:
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and len(body) >= 10 and body[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    raise ImageReadError(f"{where} is cut short or its WebP header is damaged")


def jpeg_ends(path: Path) -> bool:
    """Whether a JPEG file has its end marker after its picture data.

    A download that stopped in a file of its full size is padded with zeros, which decode to grey without a complaint.
    The marker of a thumbnail in the metadata does not count, and what cameras append after the end does no harm.
    """
    data = path.read_bytes()
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        if data[at + 1] == 0xFF:  # a fill byte
            at += 1
        elif data[at + 1] == 0xDA:
            return data.find(b"\xff\xd9", at) > 0
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def png_ends(path: Path) -> bool:
    """Whether a PNG file has all of its chunks up to the last one. Asked first: the decoder prints what it misses."""
    size = path.stat().st_size
    with path.open("rb") as file:
        at = 8
        while at + 12 <= size:
            file.seek(at)
            head = file.read(8)
            at += 12 + int.from_bytes(head[:4], "big")
            if head[4:] == b"IEND":
                return at <= size
    return False
