"""The core's readers and writers, as entries. Imports nothing heavy."""

from __future__ import annotations

from otframe.plugin import Entry

__all__ = ["READERS", "WRITERS"]

_IMAGES = {
    ".png": "PNG images, 8 and 16 bits",
    ".jpg": "JPEG images",
    ".jpeg": "JPEG images",
    ".tif": "TIFF images, 8 and 16 bits and float",
    ".tiff": "TIFF images, 8 and 16 bits and float",
    ".exr": "OpenEXR images, half and float, linear light",
    ".webp": "WebP images, written lossless",
    ".bmp": "BMP images",
}

_CLIPS = {
    ".mp4": "MP4 video, H.264 when written",
    ".mov": "QuickTime video, H.264 or ProRes when written",
    ".mkv": "Matroska video, H.264 or FFV1 when written",
    ".webm": "WebM video, VP9 when written",
}

READERS: list[Entry] = [
    *(Entry(suffix, "otframe.io.image_file:ImageFile", "reader", summary) for suffix, summary in _IMAGES.items()),
    *(Entry(suffix, "otframe.io.clip_file:ClipFile", "reader", summary) for suffix, summary in _CLIPS.items()),
    Entry(".avi", "otframe.io.clip_file:ClipFile", "reader", "AVI video, not written: it has no times of frames"),
    Entry(".safetensors", "otframe.io.value_file:ValueFile", "reader", "any value that `.safetensors` was written of"),
    Entry(".csv", "otframe.io.table_file:TableFile", "reader", "tables, numbers told from texts by their look"),
    Entry(".json", "otframe.io.table_file:TableFile", "reader", "tables"),
    Entry("draws:", "otframe.io.draws:DrawSource", "reader", "random draws, as many as wanted: `draws:200`"),
    Entry("strips:", "otframe.io.sheet_file:open_sheets", "reader", "images that need not fit the memory"),
    Entry("sample:", "otframe.io.samples:open_samples", "reader", "photographs of scikit-image and scikit-learn"),
]
"""`Reader(uri, registry=registry) -> Source` by suffix or scheme."""

WRITERS: list[Entry] = [
    *(Entry(suffix, "otframe.io.image_write:write_image", "writer", summary) for suffix, summary in _IMAGES.items()),
    *(Entry(suffix, "otframe.io.clip_write:write_clip", "writer", summary) for suffix, summary in _CLIPS.items()),
    Entry(".safetensors", "otframe.io.value_file:write_value", "writer", "any value"),
    Entry(".svg", "otframe.io.drawing_file:write_drawing", "writer", "drawings, for browsers, light and dark"),
    Entry(".csv", "otframe.io.table_file:write_csv", "writer", "tables, for spreadsheets"),
    Entry(".json", "otframe.io.table_file:write_json", "writer", "tables, exact"),
    Entry(".md", "otframe.io.table_file:write_markdown", "writer", "tables, to be read"),
]
"""`Writer` by suffix: `writer(value, path, registry=registry) -> notes`."""
