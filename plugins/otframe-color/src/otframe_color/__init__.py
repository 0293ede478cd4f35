"""Colour by optimal transport, as an otframe plugin."""

from __future__ import annotations

from otframe.plugin import Entry, hookimpl

__all__ = ["otframe_components", "otframe_readers", "otframe_samples", "otframe_values", "otframe_writers"]

_COMPONENTS = (
    ("cloud", "cloud:Cloud", "accumulator", "colours of images, with masks, as weighted points"),
    ("transfer", "transfer:Transfer", "transform", "the colour map from one palette to another, by any solver"),
    ("apply", "apply:Apply", "transform", "an image recoloured by a colour map"),
    ("exchange", "exchange:Exchange", "transform", "the colour maps between two palettes, both ways"),
    ("harmonize", "harmonize:Harmonize", "transform", "the palette in the middle of several"),
    ("specify", "histograms:Specify", "transform", "the histogram of a reference, per channel or of the lightness"),
    ("equalize", "histograms:Equalize", "transform", "a flat histogram, ties told apart by their surroundings"),
    ("midway", "histograms:Midway", "transform", "two images brought to the histogram between theirs"),
    ("reinhard", "reinhard:Reinhard", "solver", "means and standard deviations of each coordinate"),
    ("middle", "middle:Middle", "solver", "mean means and spreads of several laws"),
    ("table", "table:MakeTable", "transform", "a colour map as a table that other tools read, with its fidelity"),
    ("fidelity", "fidelity:CompareSizes", "transform", "how far tables of several sizes are from their map"),
    ("hald", "hald:Hald", "transform", "a colour map as a Hald CLUT picture"),
    ("from_hald", "hald:FromHald", "transform", "the table that a Hald CLUT picture holds"),
    ("regularize", "regularize:Regularize", "transform", "a change of colours made as regular as the image is"),
    ("clip_cloud", "clip:ClipCloud", "transform", "colours of a clip, as weighted points"),
    ("filmstrip", "clip:Filmstrip", "transform", "some frames of a clip side by side"),
    ("grade", "grade:Grade", "transform", "a clip in other colours, by one map or a look that changes"),
    ("keyframes", "grade:Keyframes", "transform", "a look of maps at times, from a clip to a palette"),
    ("flicker", "flicker:Flicker", "transform", "how unsteady a graded clip is where its source stands still"),
    ("look_at", "grade:LookAt", "transform", "the colour map of a look at one time"),
    ("variational", "variational:Variational", "transform", "a regular image with a reference's colours"),
    ("swatches", "swatches:Swatches", "transform", "palettes as strips of colour, to look at"),
    ("compare", "compare:Compare", "accumulator", "distances to a palette before and after, and artefacts, as a table"),
    ("mean_distance", "mean_distance:MeanDistance", "transform", "how far two palettes' mean colours are apart"),
    ("relaxed", "relaxed:RelaxedTransport", "solver", "a smooth map of palettes, masses within bounds"),
    ("artifacts", "artifacts:ArtifactTable", "transform", "noise, gradients and bands after a change of colours"),
)


@hookimpl
def otframe_components() -> list[Entry]:
    """Everything named `color.`."""
    return [Entry(f"color.{name}", f"otframe_color.{where}", kind, text) for name, where, kind, text in _COMPONENTS]  # type: ignore[arg-type]


@hookimpl
def otframe_values() -> list[Entry]:
    """Palettes, maps and tables."""
    return [
        Entry("ColorCloud", "otframe_color.cloud_value:ColorCloud", "value", "weighted colours of a working space"),
        Entry("ColorMap", "otframe_color.maps:ColorMap", "value", "what takes colours to colours"),
        Entry("FittedMap", "otframe_color.maps:FittedMap", "value", "a transport in a working space, of colours"),
        Entry("Lut", "otframe_color.lut:Lut", "value", "a colour map as a table"),
        Entry("Fidelity", "otframe_color.lut:Fidelity", "value", "how far a table is from its map"),
        Entry("ColorGrade", "otframe_color.grade_edit:ColorGrade", "value", "the look of a clip: colour maps at times"),
        Entry("BlendedMap", "otframe_color.grade_edit:BlendedMap", "value", "two colour maps, blended"),
        Entry("Recoloring", "otframe_color.apply:Recoloring", "value", "moving the colours of a sheet by a map"),
        Entry("ColorSketch", "otframe_color.sketch:ColorSketch", "value", "the state of a colour cloud"),
    ]


@hookimpl
def otframe_samples() -> list[Entry]:
    """One of each value, for tests."""
    return [
        Entry("ColorCloud", "otframe_color.examples:cloud", "sample", "300 colours"),
        Entry("ColorMap", "otframe_color.examples:fitted", "sample", "an affine map in srgb"),
        Entry("FittedMap", "otframe_color.examples:fitted", "sample", "an affine map in srgb"),
        Entry("Clip", "otframe_color.clip_examples:clip", "sample", "6 frames of 16 x 12; needs PyAV"),
        Entry("ColorGrade", "otframe_color.clip_examples:look", "sample", "two affine maps at two times"),
        Entry("Lut", "otframe_color.examples:lut", "sample", "a table of 5 nodes on each axis"),
    ]


@hookimpl
def otframe_readers() -> list[Entry]:
    """Tables of other tools."""
    return [Entry(".cube", "otframe_color.cube_read:CubeFile", "reader", "colour tables, with a shaper or without")]


@hookimpl
def otframe_writers() -> list[Entry]:
    """Maps for other tools."""
    return [
        Entry(".cube", "otframe_color.cube_write:write_cube", "writer", "colour tables, for grading tools and players"),
        Entry(".onnx", "otframe_color.onnx_file:write_onnx", "writer", "colour maps as ONNX models; needs onnx"),
        Entry(".pt2", "otframe_color.torch_file:write_pt2", "writer", "colour maps as exported PyTorch programs"),
    ]
