"""JPEG and WebP, encoded in memory: OpenImageIO's encoders of these two end or hang the process on a full disk.

OpenCV encodes; the colour profile is put into the container here, so that any OpenCV version will do.
"""

from __future__ import annotations

import cv2
import numpy as np

from otframe.errors import OutputError

__all__ = ["jpeg_bytes", "webp_bytes"]

_CHUNK = 65519  # what an APP2 segment holds of a profile


def jpeg_bytes(samples: np.ndarray, icc: bytes, density: tuple[float, float] | None, quality: int = 95) -> bytes:
    """JPEG without chroma subsampling, of `(H, W, 1 or 3)` uint8 in RGB order."""
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    data = _encode(".jpg", samples, options)
    end = 4 + int.from_bytes(data[4:6], "big")  # the JFIF segment comes first and stays first
    jfif = bytearray(data[:end])
    if density:
        jfif[13:18] = b"\x01" + b"".join(min(round(d), 65535).to_bytes(2, "big") for d in density)
    parts = [icc[k : k + _CHUNK] for k in range(0, len(icc), _CHUNK)]
    segments = b"".join(
        b"\xff\xe2" + (len(part) + 16).to_bytes(2, "big") + b"ICC_PROFILE\0" + bytes([k + 1, len(parts)]) + part
        for k, part in enumerate(parts)
    )
    return bytes(jfif) + segments + data[end:]


def webp_bytes(samples: np.ndarray, icc: bytes) -> bytes:
    """Lossless WebP of `(H, W, 3 or 4)` uint8: its lossy form halves the colour resolution always."""
    if max(samples.shape[:2]) > 16383:
        raise OutputError(f"WebP holds 16383 pixels a side, got {samples.shape[1]} x {samples.shape[0]}")
    data = _encode(".webp", samples, [cv2.IMWRITE_WEBP_QUALITY, 101])
    if not icc:
        return data
    chunks = data[12:]
    if chunks[:4] == b"VP8X":
        chunks = chunks[18:]
    flags = 0x20 | (0x10 if samples.shape[2] == 4 else 0)
    size = (samples.shape[1] - 1).to_bytes(3, "little") + (samples.shape[0] - 1).to_bytes(3, "little")
    body = b"WEBP" + _chunk(b"VP8X", bytes([flags, 0, 0, 0]) + size) + _chunk(b"ICCP", icc) + chunks
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _chunk(kind: bytes, data: bytes) -> bytes:
    return kind + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) % 2)


def _encode(suffix: str, samples: np.ndarray, options: list[int]) -> bytes:
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[samples.shape[2]]
    try:
        done, data = cv2.imencode(suffix, np.ascontiguousarray(samples[..., order]), options)
    except cv2.error as error:
        raise OutputError(f"a {suffix} image cannot be encoded: {error}") from error
    if not done:
        raise OutputError(f"a {suffix} image of {samples.shape[1]} x {samples.shape[0]} cannot be encoded")
    return data.tobytes()
