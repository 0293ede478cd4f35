"""The plugin against the conformance kit."""

from otframe.testing import conformance

test_conforms = conformance("otframe-unscramble")
