"""The plugin against the conformance kit."""

from otframe.testing import conformance

test_conforms = conformance(
    "otframe-color",
    known={"color.from_hald-runs": "takes pictures of n^3 x n^3 pixels alone: test_hald.py runs it"},
)
