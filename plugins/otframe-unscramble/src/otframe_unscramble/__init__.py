"""Unscrambling of pictures, and the scrambling that it is tried on, as an otframe plugin."""

from __future__ import annotations

from otframe.plugin import Entry, hookimpl

__all__ = ["otframe_components", "otframe_samples", "otframe_values"]

_COMPONENTS = (
    (
        "unscramble.pairs",
        "pairs:GatherPairs",
        "accumulator",
        "calibration pictures gathered with their scrambled versions",
    ),
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
        Entry("Scrambler", f"{at}:Scrambler", "value", "what a scrambling medium does to a picture"),
        Entry("Unscrambler", f"{at}:Unscrambler", "value", "the learnt operator that undoes a scrambling"),
    ]


@hookimpl
def otframe_samples() -> list[Entry]:
    """Small examples of the values, for the conformance kit."""
    at = "otframe_unscramble.samples"
    return [
        Entry("Pairs", f"{at}:pairs", "sample", "six pictures through a permutation"),
        Entry("Scrambler", f"{at}:scrambler", "sample", "a permutation"),
        Entry("Unscrambler", f"{at}:unscrambler", "sample", "its inverse"),
    ]
