"""The kit's malicious files do what they threaten, where nobody guards against them."""

import pickle

import pytest

from otframe.testing.malicious import WORKING, gadgets


@pytest.mark.parametrize("name", WORKING)
def test_the_gadgets_work(name, tmp_path):
    canary = tmp_path / "canary"
    canary.with_suffix(".py").write_text(f"open({str(canary)!r}, 'w').close()")
    gadget = gadgets(canary)[name]
    pickle.loads(gadget if isinstance(gadget, bytes) else pickle.dumps(gadget))
    assert canary.exists()
