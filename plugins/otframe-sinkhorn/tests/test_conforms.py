"""The conformance kit on every component of the plugin."""

from otframe.testing import conformance

test_conforms = conformance("otframe-sinkhorn")
