"""The checksums of FFV1, which ffmpeg reads, grumbles about in its log, and shows an older picture instead."""

from __future__ import annotations

import zlib

__all__ = ["Checksums"]

_FOOTER = 8
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_ALL = 0xFFFFFFFF


class Checksums:
    """Of the packets of one stream, by RFC 9043: each slice ends with its size and a checksum that makes it divide.

    Streams without checksums, and versions before 3, are told by how their first packet ends, and pass.
    """

    def __init__(self) -> None:
        self._has: bool | None = None

    def whole(self, packet: bytes) -> bool:
        """Whether a packet's slices are what they were; True where nothing tells."""
        slices = _slices(packet)
        if self._has is None:
            self._has = bool(slices)
        return not self._has or (bool(slices) and all(_divides(part) for part in slices))


def _slices(packet: bytes) -> list[bytes]:
    """The slices, last first, each with its footer; none where their sizes do not add up to the packet's."""
    found, end = [], len(packet)
    while end >= _FOOTER:
        size = int.from_bytes(packet[end - _FOOTER : end - 5], "big") + _FOOTER
        if size > end:
            return []
        found.append(packet[end - size : end])
        end -= size
    return found if end == 0 else []


def _divides(part: bytes) -> bool:
    """Whether the checksum of the whole is zero: the polynomial of zlib, most significant bit first, from zero."""
    return zlib.crc32(part.translate(_REVERSED), _ALL) == _ALL
