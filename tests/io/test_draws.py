"""`draws:COUNT`: numbered draws, as many as wanted."""

import pytest

from otframe.errors import InputError
from otframe.io import open_source
from otframe.io.names import natural
from otframe.registry import Registry
from otframe.values import Draw


@pytest.fixture(scope="module")
def registry():
    return Registry.installed()


def test_as_many_as_wanted(registry):
    source = open_source("draws:120", registry, Draw)
    assert len(source) == 120
    assert source.keys()[:2] == ("000", "001")
    assert source.keys() == tuple(sorted(source.keys(), key=natural)) == tuple(sorted(source.keys()))
    assert source.load("017") == Draw(17)
    assert open_source("draws:1", registry, Draw).keys() == ("0",)


def test_a_draw_is_the_same_among_any_number(registry):
    few, many = (open_source(f"draws:{count}", registry, Draw) for count in (10, 11))
    assert few.digest("7") == many.digest("07") != many.digest("08")


@pytest.mark.parametrize("count", ["", "0", "-3", "1.5", "many", "1000001", "²"])
def test_what_is_no_number_is_told(registry, count):
    with pytest.raises(InputError, match="wanted a number of draws from 1 to 1000000"):
        open_source(f"draws:{count}", registry, Draw)
