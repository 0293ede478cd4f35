"""Any value in a `.safetensors` file, through its codec."""

from __future__ import annotations

from pathlib import Path

from otframe.errors import DataError
from otframe.io.source import FileSource
from otframe.io.writer import writes
from otframe.registry import Registry
from otframe.values import Value, codec

__all__ = ["ValueFile", "write_value"]


class ValueFile(FileSource):
    """A file that holds one value of any registered type; the type is told by the file's header."""

    value_type: type = Value

    def __init__(self, uri: str | Path, *, registry: Registry) -> None:
        super().__init__(uri, registry=registry)
        # the header alone: a wrong type is found before anything is loaded
        self.value_type = codec.type_of(self.path, registry)

    def load(self, key: str) -> Value:
        """The value, by its codec."""
        try:
            return codec.load(self.path, self.registry)
        except DataError as error:
            raise error.at(key=key) from error.__cause__


@writes(Value)
def write_value(value: Value, path: Path, registry: Registry) -> tuple[str, ...]:
    """Write a value; nothing is lost."""
    codec.save(value, path, registry)
    return ()
