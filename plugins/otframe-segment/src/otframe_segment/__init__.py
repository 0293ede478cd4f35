"""Segmentation of photographs by transport of histograms, as an otframe plugin."""

from __future__ import annotations

from otframe.plugin import Entry, hookimpl

__all__ = ["otframe_components", "otframe_samples", "otframe_values"]

_COMPONENTS = (
    ("strokes", "strokes:Strokes", "scribbles drawn from coordinates"),
    ("scribbles", "scribbles:ReadScribbles", "scribbles read from a drawing, a region for each colour"),
    ("regions", "regions:Regions", "two or more regions of a photograph whose histograms go to those of scribbles"),
    ("cosegment", "cosegment:Cosegment", "the object that two photographs share"),
    ("mask", "mask:RegionMask", "one region as a grey image"),
    ("overlay", "overlay:Overlay", "the photograph with tinted regions and their contours"),
    ("score", "score:Score", "intersection over union with known regions"),
    ("judge", "judge:Judge", "how far each region's histogram is from its exemplar, by any solver"),
)


@hookimpl
def otframe_components() -> list[Entry]:
    """Scribbles, segmentation, and what is made of it."""
    return [
        Entry(f"segment.{name}", f"otframe_segment.{place}", "transform", summary)
        for name, place, summary in _COMPONENTS
    ]


@hookimpl
def otframe_values() -> list[Entry]:
    """Scribbles and regions."""
    return [
        Entry("Scribbles", "otframe_segment.values:Scribbles", "value", "which pixels are known to be of which region"),
        Entry("Segmentation", "otframe_segment.values:Segmentation", "value", "regions of an image"),
    ]


@hookimpl
def otframe_samples() -> list[Entry]:
    """Small examples of the values, for the conformance kit."""
    return [
        Entry("Scribbles", "otframe_segment.samples:scribbles", "sample", "two strokes"),
        Entry("Segmentation", "otframe_segment.samples:segmentation", "sample", "two halves"),
    ]
