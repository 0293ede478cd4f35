"""What tests of video share."""

from __future__ import annotations

from dataclasses import dataclass

from otframe.values import FrameEdit, Image

__all__ = ["Unchanged"]


@dataclass(frozen=True, eq=False)
class Unchanged(FrameEdit):
    """An edit that leaves every frame as it is, so that a clip is coded anew and not copied."""

    def __call__(self, image: Image, time: float) -> Image:
        """The frame."""
        return image
