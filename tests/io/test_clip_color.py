"""Pictures to coded frames and back, in every layout and for sides that no vector unit divides."""

from __future__ import annotations

import numpy as np
import pytest

from otframe.errors import ClipReadError
from otframe.io.clip_color import Colors
from otframe.values import Clip

av = pytest.importorskip("av", reason="video needs PyAV")

LAYOUTS = [
    *(f"yuv{chroma}p{depth}" for chroma in ("420", "422", "444") for depth in ("", "10le", "12le", "16le")),
    *("gbrp", "gbrp10le", "gbrp12le", "nv12", "p010le", "rgb24", "bgr0", "rgb48le", "yuyv422", "yuvj420p"),
    *("yuva420p", "yuva444p10le", "rgba", "gbrap12le"),
]


def picture(height, width, deep):
    """Smooth in all channels, so that chroma of fewer samples loses little."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    planes = [0.5 + 0.4 * np.sin(a * x + b * y + c) for a, b, c in ((3, 2, 0), (2, 4, 1), (4, 1, 2))]
    top = 65535 if deep else 255
    return np.rint(np.stack(planes, -1) * top).astype(np.uint16 if deep else np.uint8)


def colors(layout, height, width, **named):
    depth = max(part.bits for part in av.VideoFormat(layout, 64, 64).components)
    return Colors(Clip("a", "", width, height, layout=layout, depth=depth, **named)), depth


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [(96, 128), (67, 101), (1, 1)])
@pytest.mark.parametrize("matrix", [1, 5, 9])
@pytest.mark.parametrize("span", [1, 2])
def test_pictures_come_back(layout, size, matrix, span):
    way, depth = colors(layout, *size, matrix=matrix, range=span)
    given = picture(*size, depth > 8)
    alpha = given[..., 0].copy() if way.alpha else None
    frame = way.frame(given, alpha, layout)
    assert frame.format.name == layout
    made, back = way.samples(frame)
    assert made.dtype == given.dtype
    level = 257 if depth > 8 else 1
    allowed = 0 if layout in ("rgb24", "bgr0", "rgba", "gbrp") else 0.9 if depth == 8 else 0.6
    allowed *= 2 if size == (1, 1) else 1
    assert np.abs(made.astype(float) - given).mean() <= allowed * level + 1e-9
    if alpha is not None:
        assert np.abs(back.astype(float) - alpha).max() <= level


RED_BLUE = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 9: (0.2627, 0.0593)}


@pytest.mark.parametrize("layout", ["yuv444p", "yuv444p10le", "yuv444p12le", "yuv444p16le", "yuv420p", "yuv420p10le"])
@pytest.mark.parametrize("matrix", [1, 5, 9])
@pytest.mark.parametrize("span", [1, 2])
def test_codes_stand_for_what_the_standard_says(layout, matrix, span):
    """ITU-T H.273, equations 20 to 40, by hand, in both directions: codes of flat frames."""
    way, depth = colors(layout, 16, 16, matrix=matrix, range=span)
    one, dtype = 2 ** (depth - 8), np.uint8 if depth == 8 else np.uint16
    red, blue = RED_BLUE[matrix]
    for color in ((1, 1, 1), (0, 0, 0), (0.5, 0.5, 0.5), (0.8, 0.2, 0.1), (0.1, 0.7, 0.3), (0.2, 0.3, 0.9)):
        y = red * color[0] + (1 - red - blue) * color[1] + blue * color[2]
        chroma = [(color[2] - y) / (2 - 2 * blue), (color[0] - y) / (2 - 2 * red)]
        if span == 1:
            codes = [one * (16 + 219 * y), *(one * (128 + 224 * part) for part in chroma)]
        else:
            top = 2**depth - 1
            codes = [top * y, *(top * part + 128 * one for part in chroma)]
        frame = av.VideoFrame(16, 16, layout)
        for plane, code in zip(frame.planes, codes, strict=True):
            plane.update(np.full(plane.buffer_size // np.dtype(dtype).itemsize, round(code), dtype).tobytes())
        found, _ = way.samples(frame)
        top = np.iinfo(dtype).max
        error = np.abs(found.astype(float) / top - color).max() * 255
        assert error <= (1.51 if depth == 8 else 0.4), color
        given = np.broadcast_to(np.rint(np.array(color) * top), (16, 16, 3)).astype(dtype)
        for plane, code in zip(way.frame(given, None, layout).planes, codes, strict=True):
            made = float(np.frombuffer(plane, dtype)[3])
            # the scaler rounds the full range of deep frames by half a level of 8 bits in the middle
            allowed = 1 if depth == 8 else 0.3 if span == 1 else 0.6
            assert abs(made - min(code, 2**depth - 1)) / one <= allowed, (color, codes)


def test_alpha_is_opaque_at_every_depth():
    for layout in ("yuva444p10le", "gbrap12le", "yuva420p", "rgba"):
        way, depth = colors(layout, 16, 16, matrix=1, range=1)
        top = 255 if depth == 8 else 65535
        given = np.full((16, 16), top, np.uint8 if depth == 8 else np.uint16)
        frame = way.frame(np.stack([given] * 3, -1), given, layout)
        assert (way.samples(frame)[1] == top).all()


def test_frames_of_other_depths_are_not_mixed_up():
    """White is white and black is black, at every depth and range."""
    for layout in ("yuv420p", "yuv420p10le", "yuv444p12le"):
        for span in (1, 2):
            way, depth = colors(layout, 16, 16, matrix=1, range=span)
            top = 65535 if depth > 8 else 255
            for value in (0, top):
                given = np.full((16, 16, 3), value, np.uint16 if depth > 8 else np.uint8)
                made, _ = way.samples(way.frame(given, None, layout))
                assert np.abs(made.astype(int) - value).max() <= top / 255 * 1.01


UNKNOWN = [(8, "YCgCo"), (10, "constant luminance"), (14, "ICtCp"), (99, "code point 99")]


@pytest.mark.parametrize(("matrix", "name"), UNKNOWN)
def test_a_matrix_that_is_not_known_is_refused(matrix, name):
    with pytest.raises(ClipReadError, match=name):
        colors("yuv420p", 8, 8, matrix=matrix)
