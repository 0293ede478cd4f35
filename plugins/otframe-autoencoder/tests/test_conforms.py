"""The rules that every plugin keeps."""

from otframe.testing import conformance

test_conforms = conformance("otframe-autoencoder")
