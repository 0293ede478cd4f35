"""Keyed sources, readers and writers: how values come from files and go to them, safely."""

from otframe.io.opening import open_source
from otframe.io.paths import safe_path
from otframe.io.source import Source, ValuesSource
from otframe.io.table_file import write_table_pair
from otframe.io.write import Written, write, writer_for
from otframe.io.writer import Writer

__all__ = [
    "Source",
    "ValuesSource",
    "Writer",
    "Written",
    "open_source",
    "safe_path",
    "write",
    "write_table_pair",
    "writer_for",
]
