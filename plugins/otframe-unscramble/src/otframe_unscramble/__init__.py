"""Unscrambling of pictures, and the scrambling that it is tried on, as an otframe plugin."""

from __future__ import annotations

from otframe.plugin import Entry, hookimpl

__all__ = ["otframe_components", "otframe_samples", "otframe_values"]

_COMPONENTS = (
    ("scramble.frame", "scrambling.frame:Frame", "transform", "the central square of a picture, averaged down"),
    ("scramble.crop", "scrambling.crop:Crop", "transform", "small random pictures of few photographs"),
    ("scramble.permutation", "scrambling.permutation:Permutation", "transform", "a medium: pixels in random order"),
    ("scramble.glitter", "scrambling.glitter:Glitter", "transform", "a medium: many small mirrors"),
    ("scramble.apply", "scrambling.medium:ApplyScrambler", "transform", "a picture through a medium, with noise"),
    ("scramble.shift", "scrambling.shift:Shift", "transform", "a picture displaced by a random shift"),
    ("scramble.warp", "scrambling.warp:Warp", "transform", "a picture displaced locally, smoothly"),
    ("scramble.corrupt", "scrambling.corrupt:Corrupt", "transform", "some pictures replaced by something wrong"),
    ("unscramble.transport", "transport:TransportUnscrambler", "transform", "the operator by a transport loss, robust"),
    ("unscramble.capped", "capped:CappedCost", "transform", "the published entropic loss with a capped distance"),
    ("unscramble.judge", "judge:Judge", "transform", "an operator beside the medium that it undoes"),
    ("unscramble.sizes", "sizes:GatherSizes", "accumulator", "which sizes the pictures of a calibration have"),
    (
        "unscramble.pairs",
        "pairs:GatherPairs",
        "accumulator",
        "calibration pictures gathered with their scrambled versions",
    ),
    (
        "unscramble.moments",
        "moments:GatherMoments",
        "accumulator",
        "second moments of calibration pairs, in memory that does not grow",
    ),
    (
        "unscramble.least_squares",
        "least_squares:LeastSquares",
        "transform",
        "the operator of least squares (Sparkle Vision): ridge, dual, thresholded",
    ),
    (
        "unscramble.aligned",
        "aligned:Aligned",
        "transform",
        "the operator and the displacements of its calibration pictures, in turns",
    ),
    ("unscramble.apply", "apply:ApplyUnscrambler", "transform", "a new scrambled picture, recovered"),
    ("unscramble.learnt", "learnt:Learnt", "transform", "an operator as a picture: what it learnt, and where light is"),
    ("unscramble.sheet", "contact_sheet:ContactSheet", "transform", "pictures planted, scrambled, recovered, in rows"),
    ("unscramble.calibration", "calibration:CalibrationTable", "transform", "how far each pair was displaced"),
)


@hookimpl
def otframe_components() -> list[Entry]:
    """Scrambling, what learns to undo it, and what is made of that."""
    return [Entry(name, f"otframe_unscramble.{at}", kind, summary) for name, at, kind, summary in _COMPONENTS]


@hookimpl
def otframe_values() -> list[Entry]:
    """Pairs and operators."""
    at = "otframe_unscramble.values"
    return [
        Entry("Pairs", f"{at}:Pairs", "value", "pictures beside their scrambled versions"),
        Entry("PairChunks", "otframe_unscramble.pairs:PairChunks", "value", "pairs on their way into one value"),
        Entry("PairSizes", "otframe_unscramble.sizes:PairSizes", "value", "how many pairs have which sizes"),
        Entry("PairMoments", "otframe_unscramble.moments:PairMoments", "value", "second moments of pairs"),
        Entry("PairSums", "otframe_unscramble.moments:PairSums", "value", "pairs on their way into moments"),
        Entry("Scrambler", f"{at}:Scrambler", "value", "what a scrambling medium does to a picture"),
        Entry("Unscrambler", f"{at}:Unscrambler", "value", "the learnt operator that undoes a scrambling"),
    ]


@hookimpl
def otframe_samples() -> list[Entry]:
    """Small examples of the values, for the conformance kit."""
    at = "otframe_unscramble.samples"
    return [
        Entry("Pairs", f"{at}:pairs", "sample", "six pictures through a permutation"),
        Entry("PairSizes", f"{at}:sizes", "sample", "the sizes of pictures as these"),
        Entry("PairMoments", f"{at}:moments", "sample", "what least squares needs to know of them"),
        Entry("Scrambler", f"{at}:scrambler", "sample", "a permutation"),
        Entry("Unscrambler", f"{at}:unscrambler", "sample", "its inverse"),
    ]
