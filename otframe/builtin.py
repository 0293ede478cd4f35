"""What the core itself offers, declared as a plugin does."""

from __future__ import annotations

from otframe.builtin_io import READERS, WRITERS
from otframe.plugin import Entry, hookimpl

_VALUES = {
    "Image": "pixels in the display range, with alpha, colour space and metadata",
    "Clip": "a video file, with what is to be done to its frames",
    "Sheet": "an image file read in strips, with what is to be done to its pixels",
    "Latent": "an encoded image",
    "PatchSet": "all overlapping patches of a field, as a view",
    "PointCloud": "weighted points",
    "Density": "mass on a regular grid",
    "GaussianLaw": "mean and covariance",
    "LinearMap": "a matrix, in whatever form",
    "DenseMap": "a linear map that is a matrix",
    "LowRankMap": "a linear map that is the product of two thin matrices",
    "SparseMap": "a linear map with few entries a row",
    "AffineMap": "the map x -> A x + b, stochastic or not",
    "Coupling": "a transport that is a plan, map or not",
    "Plan": "a plan between points, by its entries",
    "PointMap": "a map that is known at points",
    "Transport": "what a solver gives",
    "SolveInfo": "how a solver ended",
    "Table": "rows of results",
    "Scalar": "one number with its name and unit",
    "StoredOperator": "a fitted pipeline",
    "StoredResult": "what a node gave that is no value itself",
    "Drawing": "a picture made of paths and texts",
    "Draw": "the index of a random draw",
}


@hookimpl
def otframe_components() -> list[Entry]:
    """Parts that belong to no method."""
    return [
        Entry("patch.unfold", "otframe.parts.patch:Unfold", "transform", "all overlapping patches, as a view"),
        Entry("patch.fold", "otframe.parts.patch:Fold", "transform", "patches back to the field, overlaps averaged"),
        Entry("transport.apply", "otframe.parts.transport:Apply", "transform", "move samples by a transport"),
        Entry("transport.measure", "otframe.parts.measure:Measure", "transform", "cost, gap and errors of a transport"),
        Entry("transport.plot", "otframe.parts.plot:Plot", "transform", "a drawing of where the mass goes"),
        Entry("image.blend", "otframe.parts.blend:Blend", "transform", "(1 - weight) a + weight b"),
        Entry("table.stack", "otframe.parts.tables:Stack", "transform", "tables of several settings as one"),
        Entry("density.luminance", "otframe.parts.density:Luminance", "transform", "an image's grey as mass"),
        Entry("density.picture", "otframe.parts.density:Picture", "transform", "a density as an image, to look at"),
        Entry("density.cloud", "otframe.parts.density:Cloud", "transform", "a density's cells as weighted points"),
        Entry("density.square", "otframe.parts.square:Square", "transform", "a density on a square grid"),
        Entry("image.convert", "otframe.parts.convert:Convert", "transform", "to another colour space"),
    ]


@hookimpl
def otframe_values() -> list[Entry]:
    """The common values."""
    return [Entry(name, f"otframe.values:{name}", "value", summary) for name, summary in _VALUES.items()]


@hookimpl
def otframe_readers() -> list[Entry]:
    """Images, tables and values by suffix; sample photographs by scheme."""
    return READERS


@hookimpl
def otframe_writers() -> list[Entry]:
    """Images, tables, drawings and values by suffix."""
    return WRITERS


@hookimpl
def otframe_executors() -> list[Entry]:
    """The executors that need nothing else."""
    return [
        Entry("serial", "otframe.run.executors:serial", "executor", "one item after the other"),
        Entry("threads", "otframe.run.executors:threads", "executor", "items in several threads, models shared"),
        Entry("processes", "otframe.run.processes:processes", "executor", "items in several processes"),
    ]
