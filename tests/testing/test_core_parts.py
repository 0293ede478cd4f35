"""The core's own parts and values against the conformance kit."""

from otframe.testing import conformance

test_conforms = conformance("otframe")
