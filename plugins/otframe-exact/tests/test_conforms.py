"""The plugin against the conformance kit."""

from otframe.testing import conformance

test_conforms = conformance(
    "otframe-exact",
    known={"exact.assignment-runs": "the kit gives weighted points too, which have no assignment: refused"},
)
