"""Copying a clip's other streams bit for bit: audio, subtitles, data, attachments."""

from __future__ import annotations

from typing import Any

from otframe.io.pyav import pyav

__all__ = ["Copied", "copied_metadata"]


class Copied:
    """The streams of a source that a new container takes, each joined to its copy.

    Parameters
    ----------
    source, target : container
        Where packets come from, and where they go.
    left_out : stream or None
        The stream that is coded anew.
    """

    def __init__(self, source: Any, target: Any, left_out: Any) -> None:
        self.pairs: dict[int, Any] = {}
        self.notes: list[str] = []
        self._target = target
        for stream in source.streams:
            if left_out is None or stream.index != left_out.index:
                self._join(stream)

    @property
    def streams(self) -> list[Any]:
        """The target's."""
        return list(self.pairs.values())

    def mux(self, packet: Any) -> bool:
        """Hand a packet to its copy, where there is one."""
        if packet.stream.index not in self.pairs:
            return False
        if packet.size or packet.pts is not None:  # else it only says that the stream has ended
            packet.stream = self.pairs[packet.stream.index]
            self._target.mux(packet)
        return True

    def _join(self, stream: Any) -> None:
        name = stream.codec_context.name if stream.codec_context is not None else ""
        told = f"the {stream.type} stream {stream.index}{f' ({name})' if name else ''}"
        codec = stream.codec_context.codec.canonical_name if stream.codec_context is not None else name
        known = self._target.supported_codecs
        if not {name, codec} & known:
            self.notes.append(f"{told} was left out: {self._target.format.name} cannot hold it")
            return
        try:
            made = self._target.add_stream_from_template(stream)
        except (pyav().error.FFmpegError, ValueError, TypeError, NotImplementedError) as error:
            self.notes.append(f"{told} was left out: {error}")
            return
        if stream.time_base:
            made.time_base = stream.time_base
        made.disposition = stream.disposition
        made.metadata.update(stream.metadata)
        self.pairs[stream.index] = made


def copied_metadata(source: Any, target: Any) -> None:
    """Titles, dates and chapters."""
    skipped = ("encoder", "major_brand", "minor_version", "compatible_brands")
    target.metadata.update({k: v for k, v in source.metadata.items() if k.lower() not in skipped})
    if hasattr(target, "set_chapters") and source.chapters():
        target.set_chapters(source.chapters())
